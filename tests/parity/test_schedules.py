"""Schedules inside a population: each member has its own, and ends where the plain loop ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import deviation, member, replicates, same_bits, tiny_images, train
from wellfit.train.reference import train_reference
from wellfit.train.schedules import factor

EPOCHS, STEPS = 8, 7
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant"},
    "warm": {"kind": "constant", "warmup": 2.5},
    "step": {"kind": "step", "step_size": 3, "gamma": 0.3},
    "multi_step": {"kind": "multi_step", "milestones": [2, 5]},
    "exponential": {"kind": "exponential", "gamma": 0.7},
    "cosine": {"kind": "cosine", "warmup": 1},
    "one_cycle": {"kind": "one_cycle", "pct_start": 0.5},
}
OPTIMIZERS: list[dict[str, Any]] = [
    {"kind": "momentum", "lr": 0.05},
    {"kind": "adamw", "lr": 0.01, "weight_decay": 0.1},
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer["kind"])
def test_a_population_of_schedules(optimizer: dict[str, Any]) -> None:
    members = [member(name, 0, schedule=s, optimizer=optimizer, epochs=EPOCHS) for name, s in SCHEDULES.items()]
    together = train(members, tiny_images())
    for one in members:
        done = together[one.key]
        alone = train_reference(one, replicates(tiny_images(), [one])[0])
        assert deviation(alone, done.weights) <= 1e-5, one.arm
        last = [(row.epoch * STEPS - 1) / STEPS for row in done.record.curves]  # of each epoch's last step
        expected = [factor(one.recipe.schedule, passed=passed, epochs=EPOCHS, scores=()) for passed in last]
        assert done.record.series("lr") == pytest.approx([optimizer["lr"] * f for f in expected], rel=1e-6)
    assert len({deviation(together["constant", 0].weights, done.weights) for done in together.values()}) == len(members)


def test_plateau_goes_by_the_members_own_curve() -> None:
    falls = {"kind": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.5}
    on = member("plateau", 0, schedule=falls, optimizer={"kind": "sgd", "lr": 0.02}, epochs=EPOCHS)
    plain = member("plain", 0, optimizer={"kind": "sgd", "lr": 0.02}, epochs=EPOCHS)
    together, alone = train([plain, on], tiny_images()), train([on], tiny_images())[on.key]
    record = together[on.key].record
    seen = [[-loss for loss in record.series("val_loss")[:epoch]] for epoch in range(EPOCHS)]
    expected = [factor(on.recipe.schedule, passed=i, epochs=EPOCHS, scores=scores) for i, scores in enumerate(seen)]
    assert record.series("lr") == pytest.approx([0.02 * f for f in expected])
    assert min(expected) < 1
    assert same_bits(together[on.key].weights, alone.weights)


@pytest.mark.parametrize("epochs", [1, 1.5, 2])
def test_a_leaf_that_begins_late_counts_its_own_steps(epochs: float) -> None:
    """Adam corrects for the start of its averages: PyTorch counts from a parameter's first gradient."""
    late = member(
        "late",
        0,
        regularizers={"freezing": {"plan": {"1.*": epochs}}},
        optimizer={"kind": "nadam", "lr": 0.01},
        epochs=5,
    )
    done = train([late, member("plain", 0, optimizer={"kind": "nadam", "lr": 0.01}, epochs=5)], tiny_images())[late.key]
    assert deviation(train_reference(late, replicates(tiny_images(), [late])[0]), done.weights) <= 1e-5
