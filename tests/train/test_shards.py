"""Shards: however a population is cut, and whoever leaves, a member's bits are its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import CPU, Trained, member, replicates, same_bits, tiny_images, tiny_masks
from tests.train.test_streamed import stored_set
from wellfit.data import Dataset
from wellfit.data.stream import is_streamed
from wellfit.train.affine import is_affine
from wellfit.train.events import EpochEnded, MemberFinished
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.plan import Plan
from wellfit.train.population import Population
from wellfit.train.replicate import make_replicate
from wellfit.train.shards import Shards, cut, make_shards, shard_order, start_population
from wellfit.train.step import step

PLANS = [Plan(width=1, workers=1, threads=1), Plan(workers=2, threads=1), Plan(width=2, workers=3, threads=1)]


def trained(
    members: Sequence[Member], dataset: Dataset, plan: Plan, *, checkpoint: Path | None = None, until: int = 0
) -> dict[tuple[str, int], Trained]:
    """Train by a plan; with ``until``, leave after so many epochs."""
    done = {}
    for event in fit(members, replicates(dataset, members), device=CPU, plan=plan, checkpoint=checkpoint):
        if isinstance(event, MemberFinished):
            done[event.record.arm, event.record.seed] = Trained(event.record, event.weights)
        if (
            until and isinstance(event, EpochEnded) and event.epoch == until + 1
        ):  # the checkpoint of the last one stands
            break
    return done


def assert_same(found: Mapping[Any, Trained], expected: Mapping[Any, Trained], what: object = "") -> None:
    assert found.keys() == expected.keys()
    for key, one in expected.items():
        assert same_bits(found[key].weights, one.weights), (key, what)
        curves = [
            [(row.train_loss, row.val_loss, row.grad_norm) for row in run.record.curves] for run in (found[key], one)
        ]
        assert repr(curves[0]) == repr(curves[1]), (key, what)


SGD = {"kind": "sgd", "lr": 0.1}
MIXED: dict[str, list[dict[str, Any]]] = {
    "sgd": [
        {"optimizer": SGD},
        {"optimizer": SGD, "regularizers": {"l2": {"strength": 0.01}, "dropout": {"rate": 0.5}}},
        {"optimizer": SGD, "regularizers": {"weight_decay": {"strength": 0.01}, "max_norm": {"limit": 0.8}}},
        {"optimizer": SGD, "regularizers": {"l1": {"strength": 0.001}, "ema": {"decay": 0.9}}},
        {"optimizer": {"kind": "momentum", "lr": 0.05}},
        {"optimizer": {"kind": "nesterov", "lr": 0.05}, "regularizers": {"swa": {}}},
        {"optimizer": SGD, "regularizers": {"dropout": {"rate": 0.3, "at": "1"}, "hidden_noise": {"std": 0.1}}},
        {"optimizer": SGD, "regularizers": {"sam": {}}},
        {"optimizer": SGD, "regularizers": {"drop_connect": {"rate": 0.3}}},
        {"optimizer": SGD, "regularizers": {"freezing": {"plan": {"1.*": 1}}}},
        {"optimizer": SGD, "regularizers": {"pruning": {}}},
        {"optimizer": SGD, "regularizers": {"dropout": {"rate": 0.0}}},
        {"optimizer": SGD | {"lr": 1e18}},
        {"optimizer": SGD, "epochs": 1},
    ],
    "adam": [
        {"optimizer": {"kind": "adam"}},
        {"optimizer": {"kind": "amsgrad"}},
        {"optimizer": {"kind": "adamw"}, "regularizers": {"weight_decay": {"strength": 0.01}}},
        {"optimizer": {"kind": "adam"}, "regularizers": {"clip_norm": {"limit": 0.2}, "gradient_noise": {}}},
        {"optimizer": {"kind": "adam", "lr": 0.1}, "epochs": 5, "regularizers": {"early_stopping": {"patience": 1}}},
        {"optimizer": {"kind": "adam"}, "regularizers": {"freezing": {"plan": {"3.*": 1}}, "ema": {}}},
    ],
}


@pytest.mark.parametrize("kind", MIXED)
def test_bits_do_not_depend_on_the_cut(kind: str) -> None:
    members = [member(str(i), seed, **given) for i, given in enumerate(MIXED[kind]) for seed in (0, 1)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    assert whole.keys() == {one.key for one in members}
    for plan in PLANS:
        assert_same(trained(members, tiny_images(), plan), whole, plan)


OWN = """
import torch.nn as nn

def normed():
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 3))

def convolved():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(64, 3)
    )
"""


@pytest.mark.parametrize("name", ["normed", "convolved"])
def test_running_statistics_and_own_draws_are_a_members_own(tmp_path: Path, name: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    given: list[dict[str, Any]] = [{}, {"dropout": {}}, {"ema": {"decay": 0.9}}, {"rotation": {"degrees": 20}}]
    changes = {"model": {"import": f"{path}:{name}"}, "optimizer": SGD}
    members = [member(str(i), seed, regularizers=own, **changes) for i, own in enumerate(given) for seed in (0, 1)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    assert any("running_mean" in key for key in whole["0", 0].weights)
    for plan in PLANS:
        assert_same(trained(members, tiny_images(), plan), whole, plan)


def test_masks_are_trained_in_shards() -> None:
    methods: list[dict[str, Any]] = [{}, {"l2": {}}]
    model = {"kind": "unet", "channels": [4, 8]}
    members = [member(str(i), model=model, epochs=2, regularizers=own) for i, own in enumerate(methods)]
    whole = trained(members, tiny_masks(), Plan(threads=1))
    assert_same(trained(members, tiny_masks(), PLANS[1]), whole)


def test_several_views_of_a_seed_are_cut_apart() -> None:
    dataset = tiny_images()
    other = replace(dataset, y=dataset.y.flip(0))
    recipe = member(optimizer=SGD).recipe
    members = [Member(f"{arm}{view}", 0, recipe, view=view) for arm in "ab" for view in (10, 11)]
    views = {10: make_replicate(dataset, recipe.data, 0), 11: make_replicate(other, recipe.data, 0)}

    def weights(plan: Plan) -> dict[str, Mapping[str, torch.Tensor]]:
        events = fit(members, views, device=CPU, plan=plan)
        return {event.record.arm: event.weights for event in events if isinstance(event, MemberFinished)}

    whole = weights(Plan(threads=1))
    assert same_bits(whole["a10"], whole["b10"])
    assert not same_bits(whole["a10"], whole["a11"])
    for plan in PLANS:
        assert all(same_bits(own, whole[arm]) for arm, own in weights(plan).items())


def test_workers_read_the_same_file(tmp_path: Path) -> None:
    dataset = stored_set(tmp_path / "c.u8", 1500, (1, 6, 6))
    assert is_streamed(dataset.x)
    members = [member(str(i), seed, epochs=2, batch_size=64) for i in range(2) for seed in (0, 1)]
    whole = trained(members, replace(dataset, x=dataset.x.clone()), Plan(threads=1))
    for plan in PLANS[1:]:
        assert_same(trained(members, dataset, plan), whole)


LEAVING: list[dict[str, Any]] = [
    {"epochs": 6},
    {"epochs": 2, "regularizers": {"swa": {}}},
    {"epochs": 6, "optimizer": {"kind": "sgd", "lr": 1e18}},
    {"epochs": 3, "optimizer": SGD, "regularizers": {"pruning": {}}},
    {"epochs": 6, "optimizer": SGD, "regularizers": {"ema": {"decay": 0.9}}},
    {"epochs": 5, "optimizer": SGD},
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_checkpoint_is_gone_on_from_with_another_plan(tmp_path: Path, plan: Plan) -> None:
    """Also when members have left, with averages and velocities in some shards and not in others."""
    members = [member(str(i), **given) for i, given in enumerate(LEAVING)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    for until in (1, 3):
        path = tmp_path / f"{until}.safetensors"
        first = trained(members, tiny_images(), PLANS[1], checkpoint=path, until=until)
        left = [one for one in members if one.key not in first or whole[one.key].record.epochs_run > until]
        assert_same(trained(left, tiny_images(), plan, checkpoint=path), {one.key: whole[one.key] for one in left})
        assert not path.exists()


class Failing:
    """Stands in for the step: one of many fails."""

    def __init__(self, error: type[BaseException], at: int) -> None:
        self.error, self.at, self.calls, self.lock = error, at, 0, threading.Lock()

    def __call__(self, *given: Any, **named: Any) -> Any:
        with self.lock:
            self.calls += 1
            fails = self.calls == self.at
        if fails:
            raise self.error("in a step")
        return step(*given, **named)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, torch.OutOfMemoryError])
def test_what_fails_in_a_step_ends_the_training_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, error: type[BaseException]
) -> None:
    members = [member(str(i), seed) for i in range(2) for seed in (0, 1)]
    whole, path, threads = trained(members, tiny_images(), Plan(threads=1)), tmp_path / "c", torch.get_num_threads()
    monkeypatch.setattr("wellfit.train.epoch.step", Failing(error, at=40))
    with pytest.raises(error, match="in a step"):
        trained(members, tiny_images(), plan, checkpoint=path)
    assert torch.get_num_threads() == threads
    assert not [one for one in threading.enumerate() if one.name.startswith("wellfit")]
    assert_same(trained(members, tiny_images(), plan, checkpoint=path), whole)


def test_a_training_that_is_left_halfway_lets_its_workers_go() -> None:
    members = [member("a"), member("b")]
    events = fit(members, replicates(tiny_images(), members), device=CPU, plan=PLANS[1])
    assert sum(isinstance(next(events), EpochEnded) for _ in range(2)) == 1
    assert [one for one in threading.enumerate() if one.name.startswith("wellfit")]
    events.close()  # type: ignore[attr-defined]
    assert not [one for one in threading.enumerate() if one.name.startswith("wellfit")]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("room", [1, 2, 3])
def test_out_of_memory_narrows_the_shards(monkeypatch: pytest.MonkeyPatch, workers: int, room: int) -> None:
    """It runs out after some steps of the first epoch: that epoch is begun anew, and the numbers are the same."""
    given = [*MIXED["sgd"][1:5], {"optimizer": SGD, "regularizers": {"pruning": {}}}]
    members = [member(str(i), seed, **own) for i, own in enumerate(given) for seed in (0, 1)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    done = threading.local()

    def greedy(population: Population, *given: Any, **named: Any) -> Any:
        done.steps = getattr(done, "steps", 0) + 1
        if len(population) > room and done.steps > 3:
            raise torch.OutOfMemoryError
        return step(population, *given, **named)

    monkeypatch.setattr("wellfit.train.epoch.step", greedy)
    made: list[Shards] = []

    def guarded(*given: Any) -> Shards:
        shards = make_shards(*given)
        shards.guarded = True
        made.append(shards)
        return shards

    monkeypatch.setattr("wellfit.train.fit.make_shards", guarded)
    found = trained(members, tiny_images(), Plan(workers=workers, threads=1))
    assert_same(found, whole)
    assert 1 <= made[0].plan.width <= room


def test_a_single_member_that_does_not_fit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wellfit.train.epoch.step", Failing(torch.OutOfMemoryError, at=1))
    members = [member()]
    population, module = start_population(members, replicates(tiny_images(), members), CPU)
    with closing(make_shards(population, module, replicates(tiny_images(), members), Plan(threads=1))) as shards:
        shards.guarded = True
        with pytest.raises(torch.OutOfMemoryError):
            shards.run_epoch(replicates(tiny_images(), members), 1, {one.key: [] for one in members})


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17])
@pytest.mark.parametrize("plan", [Plan(threads=1), *PLANS, Plan(width=4, workers=2), Plan(workers=40)])
def test_every_member_is_in_one_shard(count: int, plan: Plan) -> None:
    members = [member(str(i), optimizer=SGD if i % 3 else {"kind": "momentum", "lr": 0.1}) for i in range(count)]
    members.sort(key=shard_order)
    parts = cut(members, plan)
    assert [i for part in parts for i in range(count)[part]] == list(range(count))
    assert all(1 <= part.stop - part.start <= plan.width for part in parts)
    assert len(parts) >= min(plan.workers, count)
    assert all(len({is_affine(one) for one in members[part]}) == 1 for part in parts)


def test_a_part_trains_the_whole() -> None:
    members = sorted((member(str(i), **own) for i, own in enumerate(MIXED["sgd"][:6])), key=shard_order)
    population, _ = start_population(members, replicates(tiny_images(), members), CPU)
    part = population.part(slice(1, 3))
    assert [one.key for one in part.members] == [one.key for one in population.members[1:3]]
    before = {name: value.clone() for name, value in population.tensors().items()}
    for value in part.tensors().values():
        value.add_(1)
    for name, value in population.tensors().items():
        assert torch.equal(value[0], before[name][0]), name
        assert torch.equal(value[3:], before[name][3:]), name
        if name in part.tensors():
            assert torch.equal(value[1:3], before[name][1:3] + 1), name


def test_without_forks_the_same_plan_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that was begun on Linux goes on elsewhere."""
    members = [member("a"), member("b")]
    whole = trained(members, tiny_images(), Plan(threads=1))
    monkeypatch.setattr("wellfit.train.shards.can_fork", lambda: False)
    monkeypatch.setattr("wellfit.train.forked.multiprocessing.get_context", None)
    assert_same(trained(members, tiny_images(), Plan(workers=2, threads=1, processes=True)), whole)
