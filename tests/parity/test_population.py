"""Every member ends where the plain PyTorch loop ends: after 100 steps within 1e-4, printed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.contract.benches import CNN, SEQUENCES, SIGMOID, VECTORS, Bench, bench, strong
from tests.support import deviation, member, replicates, tiny_images, tiny_sequences, tiny_vectors, train
from wellfit.data import Dataset
from wellfit.regularize.catalogue import CATALOGUE
from wellfit.train.events import PopulationStarted
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.reference import train_reference

TOLERANCE = 1e-4
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"kind": "sgd", "lr": 0.05},
    "momentum": {"kind": "momentum", "lr": 0.02, "momentum": 0.9},
    "adam": {"kind": "adam", "lr": 0.002},
    "adamw": {"kind": "adamw", "lr": 0.002, "weight_decay": 0.05},
    "nesterov": {"kind": "nesterov", "lr": 0.02},
    "adagrad": {"kind": "adagrad", "lr": 0.02},
    "adadelta": {"kind": "adadelta", "lr": 1.0},
    "rmsprop": {"kind": "rmsprop", "lr": 0.002, "momentum": 0.5},
    "amsgrad": {"kind": "amsgrad", "lr": 0.002},
    "adamax": {"kind": "adamax", "lr": 0.002},
    "nadam": {"kind": "nadam", "lr": 0.002},
    "lion": {"kind": "lion", "lr": 0.0005, "weight_decay": 0.05},
}
# 150 samples, 108 in train: 7 steps of 16 an epoch, the last one smaller; 15 epochs are 105 steps
EPOCHS = 15


def compare(members: list[Member], dataset: Dataset, capsys: pytest.CaptureFixture[str], title: str) -> None:
    together = train(members, dataset)
    found = {
        m.key: deviation(train_reference(m, replicates(dataset, [m])[m.seed]), together[m.key].weights) for m in members
    }
    with capsys.disabled():
        print(f"\n  parity, {title}: largest deviation of {len(members)} members {max(found.values()):.1e}", end="")
    assert not {key: value for key, value in found.items() if not value <= TOLERANCE}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimizers(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    rates = (0.5, 1.0, 2.0)
    members = [
        member(
            f"{kind} x{factor}",
            seed,
            optimizer=OPTIMIZERS[kind] | {"lr": OPTIMIZERS[kind]["lr"] * factor},
            epochs=EPOCHS,
        )
        for factor in rates
        for seed in (0, 1)
    ]
    compare(members, tiny_images(), capsys, kind)


def levels(name: str) -> list[dict[str, Any]]:
    """The method strong, and where it has a number, half as far from doing nothing."""
    whole = strong(name) if name != "early_stopping" else {"patience": 1e9}  # the reference runs to the end
    key = next(iter(CATALOGUE[name].off))
    off = CATALOGUE[name].off[key]
    if name == "early_stopping" or not isinstance(off, float) or not math.isfinite(off):
        return [whole]
    return [whole, whole | {key: (whole[key] + off) / 2}]


@pytest.mark.parametrize("name", CATALOGUE)
def test_methods(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = bench(name)
    members = [
        member(f"{name} {level}", seed, regularizers={name: level}, epochs=EPOCHS, **place.changes)
        for level in levels(name)
        for seed in (0, 1)
    ]
    compare([*members, member("plain", 0, epochs=EPOCHS, **place.changes)], place.dataset, capsys, name)


def test_sgd_with_and_without_momentum_in_one_population(capsys: pytest.CaptureFixture[str]) -> None:
    members = [
        member(f"{m}", 0, optimizer={"kind": "sgd", "lr": 0.02, "momentum": m}, epochs=EPOCHS) for m in (0, 0.5, 0.9)
    ]
    compare(members, tiny_images(), capsys, "sgd and momentum mixed")


# smooth, but for the cnn: a kink (ReLU) makes of one rounding another gradient, now and then in 105 steps
SMOOTH = {"model": {"kind": "mlp", "hidden": [12, 8], "activation": "sigmoid"}}
MIXED = {
    "images": SIGMOID,
    "cnn": CNN,
    "sequences": replace(SEQUENCES, changes={**SEQUENCES.changes, **SMOOTH}),
    "vectors": replace(VECTORS, changes={**VECTORS.changes, **SMOOTH}),
}


@pytest.mark.parametrize("place", MIXED.values(), ids=list(MIXED))
def test_many_methods_at_once_beside_each_other(place: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Every method that suits the data, each with its own strength in a member of its own, and many in one member."""
    names = [name for name in CATALOGUE if place.suits(name)]
    names = names[::3] if place is CNN else names  # its members go one by one, which takes a while
    assert len(names) >= 12
    together = [name for name in names if name not in {"swa", "freezing", "pruning", "unit_norm"}]
    mild = {name: levels(name)[-1] for name in together}
    alone = {"l2": {"strength": 0.01}, "clip_norm": {"limit": 0.5}, "dropout": {"rate": 0.1}}
    members = [member("many", seed, regularizers=mild, epochs=EPOCHS, **place.changes) for seed in (0, 1)]
    members += [member(name, 0, regularizers={name: levels(name)[0]}, epochs=EPOCHS, **place.changes) for name in names]
    members += [member(f"{n} too", 1, regularizers={n: v}, epochs=EPOCHS, **place.changes) for n, v in alone.items()]
    compare(members, place.dataset, capsys, f"{len(names)} methods mixed")


def test_regression(capsys: pytest.CaptureFixture[str]) -> None:
    some = {"plain": {}, "dropout": {"dropout": {"rate": 0.2}}, "l1": {"l1": {"strength": 1e-3}}}
    members = [
        member(name, seed, regularizers=given, loss="mse", epochs=EPOCHS, model={"kind": "mlp", "hidden": [16]})
        for name, given in some.items()
        for seed in (0, 1)
    ]
    compare(members, tiny_vectors(), capsys, "regression")


NETS = """
import torch
import torch.nn as nn
import torch.nn.functional as F

class Modules(nn.Module):
    def __init__(self, width=10):
        super().__init__()
        self.a, self.act, self.b = nn.Linear(36, width), nn.ReLU(), nn.Linear(width, 3)
    def forward(self, x):
        return self.b(self.act(self.a(x.flatten(1))))

class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.drop, self.b = nn.Linear(36, 10), nn.BatchNorm1d(10), nn.Dropout(0.3), nn.Linear(10, 3)
        self.frozen = nn.Parameter(self.a.bias.detach().clone(), requires_grad=False)
    def forward(self, x):
        return self.b(self.drop(F.relu(self.norm(self.a(x.flatten(1)) + self.frozen))))

def shared_activation():
    act = nn.Tanh()
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 9), act, nn.Linear(9, 9), act, nn.Linear(9, 3))

def shared_layer():
    same = nn.Linear(9, 9)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 9), nn.ReLU(), same, nn.ReLU(), same, nn.ReLU(), nn.Linear(9, 3))

def frozen_bias():
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 9), nn.ReLU(), nn.Linear(9, 3))
    net[1].bias.requires_grad_(False)
    return net

def tied():
    layers = [nn.Linear(36, 9), nn.ReLU(), nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 9), nn.Linear(9, 3)]
    layers[4].weight = layers[2].weight
    return nn.Sequential(nn.Flatten(), *layers)

class Own(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(36, 9), nn.ReLU(), nn.Linear(9, 3))
    def forward(self, x):
        return 2 * super().forward(x)

class Greedy(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm = nn.Linear(36, 3), nn.BatchNorm1d(36)
    def forward(self, x):
        x.mul_(0.5)
        return self.a(self.norm(x.flatten(1)))

class Average(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(36, 3)
        self.register_buffer("mean", torch.zeros(36))
    def forward(self, x):
        x = x.flatten(1)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        return self.a(x - self.mean)

class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(36, 12), nn.Linear(12, 3)
    def forward(self, x):
        return self.b(F.dropout(F.relu(self.a(x.flatten(1))), 0.4, self.training))

class Late(nn.Module):
    def __init__(self):
        super().__init__()
        self.out, self.a, self.b, self.c = nn.Tanh(), nn.Linear(36, 9), nn.Linear(9, 7), nn.Linear(7, 3)
        self.act = nn.ReLU()
    def forward(self, x):
        return self.out(self.c(self.act(self.b(self.act(self.a(x.flatten(1)))))))

class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act, self.b = nn.Linear(36, 9), nn.ReLU(), nn.Linear(9, 3)
    def forward(self, x):
        h = self.act(self.a(x.flatten(1)))
        return self.b(h if h.sum() > 0 else -h)

class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.b = nn.LSTM(6, 5, num_layers=2, dropout=0.2, batch_first=True), nn.Linear(5, 3)
    def forward(self, x):
        return self.b(self.rnn(x[:, 0])[0][:, -1])
"""
HOW = {
    "cnn": "one by one",
    "Modules": "vmap",
    "Normed": "one by one",
    "shared_activation": "vmap",
    "shared_layer": "vmap",
    "frozen_bias": "vmap",
    "tied": "vmap",
    "Own": "vmap",
    "Greedy": "one by one",
    "Average": "one by one",
    "Functional": "one by one (vmap refuses it",
    "Late": "vmap",
    "Branches": "one by one (vmap refuses it",
    "Recurrent": "one by one",
}
WITHOUT_SITES = {"Normed", "Greedy", "Average", "Functional", "Recurrent"}


@pytest.mark.parametrize("model", HOW)
def test_other_networks(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    spec = {"kind": "cnn", "channels": [4, 6]} if model == "cnn" else {"import": f"{path}:{model}"}
    some: dict[str, dict[str, Any]] = {"plain": {}, "l2": {"l2": {"strength": 1e-3}}, "turned": {"rotation": {}}}
    if model not in WITHOUT_SITES:
        some["dropout"] = {"dropout": {"rate": 0.3}, "max_norm": {"limit": 1.0}}
    members = [
        member(name, seed, regularizers=given, model=spec, epochs=EPOCHS)
        for name, given in some.items()
        for seed in (0, 1)
    ]
    started = next(fit(members, replicates(tiny_images(), members), device=torch.device("cpu")))
    assert isinstance(started, PopulationStarted)
    assert started.how.startswith(HOW[model])
    compare(members, tiny_images(), capsys, f"{model} ({started.how})")


ALONG_TIME: dict[str, dict[str, Any]] = {
    "lstm": {"kind": "rnn", "hidden": [6]},
    "lstm of two layers, both ways": {"kind": "rnn", "hidden": [5, 4], "bidirectional": True, "norm": "layer"},
    "lstm read in the mean": {"kind": "rnn", "hidden": [6], "read": "mean", "forget_bias": 2.0},
    "gru": {"kind": "rnn", "cell": "gru", "hidden": [6], "read": "last"},
    "gru of two layers, both ways": {"kind": "rnn", "cell": "gru", "hidden": [5, 4], "bidirectional": True},
    "rnn": {"kind": "rnn", "cell": "rnn", "hidden": [6]},
    "rnn of two layers, read at its end": {
        "kind": "rnn",
        "cell": "rnn",
        "hidden": [6, 5],
        "read": "last",
        "norm": "layer",
    },
    "cnn": {"kind": "cnn", "channels": [4, 6]},
}


@pytest.mark.parametrize("name", ALONG_TIME)
def test_networks_of_sequences(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    some: dict[str, dict[str, Any]] = {
        "plain": {},
        "thinned": {"dropout": {"rate": 0.3}, "spatial_dropout": {"rate": 0.2}},
        "held": {"l2": {"strength": 1e-2}, "clip_norm": {"limit": 0.1}, "max_norm": {"limit": 1.0}},
        "moved": {"time_shift": {}, "drop_connect": {"rate": 0.2}},
        "flat": {"sam": {"radius": 0.1}},
    }
    model = ALONG_TIME[name]
    if model.get("norm") == "layer":
        some["thinned where it is normed"] = {"dropout": {"rate": 0.3, "at": "*.norm"}}
    members = [
        member(arm, seed, regularizers=given, model=model, init=init, epochs=5)
        for arm, given in some.items()
        for seed, init in ((0, "default"), (1, "orthogonal"))
    ]
    started = next(fit(members, replicates(tiny_sequences(), members), device=torch.device("cpu")))
    assert isinstance(started, PopulationStarted)
    assert started.how == ("one by one (convolutions on a CPU)" if name == "cnn" else "stacked")
    compare(members, tiny_sequences(), capsys, f"{name} on sequences ({started.how})")


TOGETHER: dict[str, dict[str, Any]] = {
    "sam and a frozen layer": {"sam": {"radius": 0.5}, "freezing": {"plan": {"1.*": 2}}},
    "pruning, a frozen layer and ema": {"pruning": {}, "freezing": {"plan": {"1.*": 2}}, "ema": {}},
    "everything frozen for a while": {"freezing": {"plan": {"*": 1.5}}, "l2": {"strength": 0.01}},
    "drop connect and sam": {"drop_connect": {"rate": 0.2}, "sam": {}},
    "only the last layer decays": {"weight_decay": {"strength": 0.5, "on": "5.*"}, "l1": {"on": ["1.*", "3.bias"]}},
    "l2 all along, l1 late": {"l2": {"strength": 1e-3}, "l1_late": {"strength": 1e-2, "start": 0.5}},
}


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_methods_that_meet(optimizer: str, capsys: pytest.CaptureFixture[str]) -> None:
    members = [
        member(name, seed, regularizers=given, optimizer=OPTIMIZERS[optimizer], epochs=EPOCHS)
        for name, given in TOGETHER.items()
        for seed in (0, 1)
    ]
    compare(members, tiny_images(), capsys, f"methods that meet, {optimizer}")


SCHEDULES: tuple[dict[str, Any], ...] = (
    {"kind": "cosine", "warmup": 2},
    {"kind": "step", "step_size": 4},
    {"kind": "exponential"},
    {"kind": "one_cycle"},
)


def test_schedules_in_one_population(capsys: pytest.CaptureFixture[str]) -> None:
    members = [member(f"{one}", seed, schedule=one, epochs=EPOCHS) for one in SCHEDULES for seed in (0, 1)]
    compare([*members, member("plain", epochs=EPOCHS)], tiny_images(), capsys, "schedules mixed")


def test_initializations_in_one_population(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ("he_normal", "xavier_uniform", "orthogonal", "zeros", "default")
    members = [member(kind, seed, init=kind, epochs=EPOCHS) for kind in kinds for seed in (0, 1)]
    compare(members, tiny_images(), capsys, "initializations mixed")


LOSSES: dict[str, Any] = {
    "weighted": {"kind": "cross_entropy", "class_weights": [0.5, 1, 2], "smoothing": 0.1},
    "binary": "binary_cross_entropy",
    "focal": {"kind": "focal", "gamma": 2},
    "margin": "multiclass_hinge",
    "dice": "dice",
    "sum": {"cross_entropy": 0.7, "dice": 0.3},
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    some: dict[str, dict[str, Any]] = {"plain": {}, "mixup": {"mixup": {}}, "smooth": {"label_smoothing": {}}}
    members = [
        member(f"{arm}", seed, regularizers=given, loss=LOSSES[name], epochs=5)
        for arm, given in some.items()
        for seed in (0, 1)
    ]
    compare(members, tiny_images(), capsys, f"loss {name}")
