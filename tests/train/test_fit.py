"""The life of members in a population: events, early stopping, divergence, best weights, isolation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import member, replicates, same_bits, tiny_images, tiny_vectors, train
from wellfit.errors import ModelError, RecipeError, StorageError
from wellfit.train import checkpoint as disk
from wellfit.train.denormals import flushed
from wellfit.train.events import EpochEnded, MemberFinished, PopulationEnded, PopulationStarted
from wellfit.train.fit import fit
from wellfit.train.start import populations

SOME: list[dict[str, Any]] = [
    {},
    {"dropout": {"rate": 0.5}},
    {"l2": {"strength": 0.01}},
    {"l1": {"strength": 0.001}},
    {"max_norm": {"limit": 0.8}},
    {"rotation": {"degrees": 20}},
    {"horizontal_flip": {}, "vertical_flip": {}},
    {"clip_norm": {"limit": 0.2}},
]


@pytest.mark.parametrize("optimizer", [{"kind": "sgd", "lr": 0.1}, {"kind": "momentum", "lr": 0.05}, {"kind": "adam"}])
def test_bits_do_not_depend_on_neighbours(optimizer: dict[str, Any]) -> None:
    """A member's weights are bit-equal alone, with 1 and with 15 others; a diverging neighbour changes nothing."""
    members = [
        member(str(i), seed, regularizers=given, optimizer=optimizer) for i, given in enumerate(SOME) for seed in (0, 1)
    ]
    together = train(members, tiny_images())
    wild = member("wild", 1, optimizer=optimizer | {"lr": 1e12})
    for chosen in (members[0], members[3], members[15]):
        for others in ([], [members[7]], [wild]):
            again = train([chosen, *others], tiny_images())
            assert same_bits(again[chosen.key].weights, together[chosen.key].weights), (chosen.arm, len(others))


def test_events_tell_the_story() -> None:
    members = [member("short", epochs=2), member("long", epochs=4)]
    events = list(fit(members, replicates(tiny_images(), members), device=torch.device("cpu")))
    assert isinstance(events[0], PopulationStarted)
    assert (events[0].epochs, events[0].epochs_done, events[0].how) == (4, 0, "stacked")
    assert isinstance(events[-1], PopulationEnded)
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert [event.epoch for event in epochs] == [1, 2, 3, 4]
    assert [event.members_left for event in epochs] == [2, 1, 1, 0]
    assert [len(event.rows) for event in epochs] == [2, 2, 1, 1]
    finished = [event.record for event in events if isinstance(event, MemberFinished)]
    assert [(r.arm, r.epochs_run, r.status) for r in finished] == [("short", 2, "complete"), ("long", 4, "complete")]


def test_a_diverged_member_leaves_with_its_best_weights() -> None:
    good = member("good", epochs=6)
    wild = member("wild", epochs=6, optimizer={"kind": "sgd", "lr": 1e18}, restore="best")
    done = train([good, wild], tiny_images())
    assert done[wild.key].record.status == "diverged"
    assert done[wild.key].record.epochs_run < 6
    assert all(torch.isfinite(w).all() for w in done[wild.key].weights.values())
    assert done[good.key].record.status == "complete"
    assert same_bits(done[good.key].weights, train([good], tiny_images())[good.key].weights)


def test_diverged_before_its_first_evaluation_has_no_best_epoch() -> None:
    wild = member("wild", optimizer={"kind": "sgd", "lr": 1e30})
    record = train([wild], tiny_images())[wild.key].record
    assert (record.status, record.best_epoch) == ("diverged", 0)
    assert math.isnan(record.value("val_loss"))


@pytest.mark.parametrize("restore", ["best", "last"])
def test_early_stopping_restores_the_best_weights(restore: str) -> None:
    """The weights handed over give the validation loss of the epoch that the record names."""
    stopping = {"early_stopping": {"patience": 3}}
    one = member("stops", epochs=60, regularizers=stopping, restore=restore, optimizer={"kind": "adam", "lr": 0.05})
    trained = train([one], tiny_images())[one.key]
    record = trained.record
    losses = record.series("val_loss")
    assert record.status == "stopped"
    best = losses.index(min(losses)) + 1
    assert record.epochs_run == best + 3
    assert record.best_epoch == (best if restore == "best" else record.epochs_run)
    replicate = replicates(tiny_images(), [one])[0]
    x = replicate.scaler.apply(replicate.dataset.x[replicate.split.validation]).flatten(1)
    w = trained.weights
    h = (x @ w["1.weight"].T + w["1.bias"]).relu()
    h = (h @ w["3.weight"].T + w["3.bias"]).relu()
    loss = torch.nn.functional.cross_entropy(
        h @ w["5.weight"].T + w["5.bias"], replicate.dataset.y[replicate.split.validation]
    )
    assert float(loss) == pytest.approx(record.value("val_loss"), rel=1e-5)


def test_stopping_changes_no_one_else() -> None:
    stops = member(
        "stops", epochs=40, regularizers={"early_stopping": {"patience": 1}}, optimizer={"kind": "adam", "lr": 0.1}
    )
    stays = member("stays", epochs=40, optimizer={"kind": "adam", "lr": 0.001})
    together, alone = train([stops, stays], tiny_images()), train([stays], tiny_images())
    assert together[stops.key].record.epochs_run < 40
    assert same_bits(together[stays.key].weights, alone[stays.key].weights)


def test_curves_are_comparable_and_the_objective_is_apart() -> None:
    heavy = member("heavy", regularizers={"l2": {"strength": 0.5}, "dropout": {"rate": 0.8}})
    row = train([heavy], tiny_images())[heavy.key].record.curves[0]
    assert row.penalty > 0.1
    assert row.objective > row.train_loss
    assert row.lr == 0.05
    assert row.grad_norm > 0
    assert row.train_accuracy is not None
    assert 0 <= row.train_accuracy <= 1


def test_regression_has_no_accuracy_and_losses_without_unit() -> None:
    one = member("r", loss="mse", epochs=1)
    row = train([one], tiny_vectors())[one.key].record.curves[0]
    assert row.train_accuracy is None
    assert row.val_accuracy is None
    assert row.train_loss < 3  # in variances of the target, whatever its unit


def test_arms_of_a_seed_start_equal_and_structures_part() -> None:
    a, b = member("a"), member("b", regularizers={"l2": {}})
    wide = member("wide", model={"kind": "mlp", "hidden": [20]})
    adam = member("adam", optimizer={"kind": "adam"})
    adamw = member("adamw", optimizer={"kind": "adamw"})
    groups = populations([a, wide, b, adam, adamw])
    assert [[m.arm for m in group] for group in groups] == [["a", "b"], ["wide"], ["adam", "adamw"]]


HIDDEN = """
import torch.nn as nn
import torch.nn.functional as F

class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(36, 9), nn.Linear(9, 3)
    def forward(self, x):
        return self.b(F.relu(self.a(x.flatten(1))))
"""


def test_a_functional_activation_hides_the_place(tmp_path: Path) -> None:
    path = tmp_path / "hidden.py"
    path.write_text(HIDDEN)
    own = {"import": f"{path}:Hidden"}
    with pytest.raises(RecipeError, match=r"arm own, regularizers\.dropout: the network has no hidden activation"):
        train([member("own", model=own, regularizers={"dropout": {}})], tiny_images())
    with pytest.raises(RecipeError, match=r"dropout\.at: no module is named c\*; expected one of a, b"):
        train([member("own", model=own, regularizers={"dropout": {"at": "c*"}})], tiny_images())
    plain, named = member("plain", model=own), member("own", model=own, regularizers={"dropout": {"at": "a"}})
    done = train([plain, named], tiny_images())
    assert not same_bits(done["plain", 0].weights, done["own", 0].weights)


def test_members_act_at_places_of_their_own() -> None:
    """Dropout after the first activation in one member, after the second in another, after both in a third."""
    places = {"first": ["2"], "second": ["4"], "both": []}
    members = [member(name, regularizers={"dropout": {"at": at}}) for name, at in places.items()]
    together = train([*members, member("plain")], tiny_images())
    weights = [together[name, 0].weights for name in (*places, "plain")]
    assert not any(same_bits(a, b) for i, a in enumerate(weights) for b in weights[:i])
    for one in members:
        alone = train([one], tiny_images())
        assert same_bits(alone[one.key].weights, together[one.key].weights)


def test_a_model_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text("import torch.nn as nn\ndef wrong(): return nn.Sequential(nn.Flatten(), nn.Linear(36, 7))\n")
    with pytest.raises(ModelError, match=r"returns shape \(2, 7\) for a batch of 2; expected shape \(2, 3\)"):
        train([member("x", model={"import": f"{path}:wrong"})], tiny_images())


def test_a_damaged_checkpoint_is_said(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(b"half a file")
    with pytest.raises(StorageError, match="damaged"):
        disk.load(path)
    with pytest.raises(StorageError, match="damaged"):
        disk.peek(path)


def test_a_checkpoint_serves_the_members_that_are_left(tmp_path: Path) -> None:
    members = [member("a", 0), member("b", 0, regularizers={"dropout": {}}), member("c", 1)]
    whole = train(members, tiny_images())
    path = tmp_path / "c.safetensors"
    for event in fit(members, replicates(tiny_images(), members), device=torch.device("cpu"), checkpoint=path):
        if isinstance(event, EpochEnded) and event.epoch == 3:
            break
    left = [members[2], members[1]]
    resumed = train(left, tiny_images(), checkpoint=path)
    for m in left:
        assert same_bits(resumed[m.key].weights, whole[m.key].weights)


def test_the_processors_denormals_are_left_as_they_were() -> None:
    """A flag of the whole process: other code of the user relies on it."""
    least = torch.finfo(torch.float32).tiny
    train([member(epochs=1)], tiny_images())
    assert float(torch.tensor([least]).mul_(0.5).mul_(2.0)) == least
    with flushed():
        assert float(torch.tensor([least]).mul_(0.5).mul_(2.0)) == 0.0
        train([member(epochs=1)], tiny_images())
        assert float(torch.tensor([least]).mul_(0.5).mul_(2.0)) == 0.0
    assert float(torch.tensor([least]).mul_(0.5).mul_(2.0)) == least
