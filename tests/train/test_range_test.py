"""The range test: its rule on made curves, and what it says about a real data set."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import wellfit
from tests.support import member, replicates, tiny_images, train
from wellfit.data import load
from wellfit.errors import RecipeError
from wellfit.recipe import DataSpec
from wellfit.train.events import Event, PopulationStarted
from wellfit.train.member import Member
from wellfit.train.range_test import judge, learning_rates, range_test

GRID = (0.001, 0.0032, 0.01, 0.032, 0.1, 0.32, 1.0)


def test_the_grid_is_logarithmic_and_rounded_as_one_would_write_it() -> None:
    assert learning_rates(0.001, 1.0, 7) == GRID
    whole = learning_rates(1e-5, 10.0, 25)
    assert (len(whole), whole[0], whole[1], whole[-1]) == (25, 1e-5, 1.8e-5, 10.0)
    dense = learning_rates(0.1, 0.11, 50)
    assert len(set(dense)) == 50


@pytest.mark.parametrize(("lowest", "highest", "points"), [(0.0, 1.0, 5), (1.0, 0.1, 5), (0.1, math.inf, 5), (1, 2, 2)])
def test_a_grid_that_is_none_is_refused(lowest: float, highest: float, points: int) -> None:
    with pytest.raises(RecipeError, match=r"find_lr: received \d+ points from .* expected 3 or more"):
        learning_rates(lowest, highest, points)


def test_the_rule() -> None:
    """The best is 0.32; half of its fall from 2 to 0 is reached from 0.032 on; a third of it leaves 0.1."""
    outcomes, suggestion = judge(GRID, [2.0, 1.9, 1.5, 0.9, 0.3, 0.0, 1.5], 2.0)
    assert outcomes == ["too small"] * 3 + ["usable"] * 3 + ["too large"]
    assert suggestion == 0.1


def test_the_range_has_no_gaps() -> None:
    outcomes, suggestion = judge(GRID, [0.5, 1.9, 0.9, 0.1, 1.8, 0.2, math.nan], 2.0)
    assert outcomes == ["too small", "too small", "usable", "usable", "too large", "too large", "diverged"]
    assert suggestion == 0.01


def test_a_narrow_range_suggests_its_smallest() -> None:
    outcomes, suggestion = judge(GRID, [2.0, 2.0, 1.9, 1.8, 0.1, 2.5, math.inf], 2.0)
    assert outcomes == ["too small"] * 4 + ["usable"] + ["diverged"] * 2
    assert suggestion == 0.1


@pytest.mark.parametrize("start", [2.0, math.inf, math.nan])
def test_where_nothing_learns_nothing_is_suggested(start: float) -> None:
    outcomes, suggestion = judge(GRID, [start, start, 2.1, math.inf, math.nan, 3.0, math.inf], start)
    assert suggestion is None
    assert "usable" not in outcomes
    assert outcomes[3:5] == ["diverged", "diverged"]


def test_a_trial_is_the_members_own_training() -> None:
    """The same start, batches and noise as a run with that learning rate, whoever is beside it."""
    one = member("plain", 3, regularizers={"dropout": {"rate": 0.2}, "l2": {"strength": 0.01}}, epochs=6)
    replicate = replicates(tiny_images(), [one])[3]
    assert len(replicate.split.train) == 108
    found = range_test(one, replicate, lowest=0.001, highest=0.1, points=5, steps=4 * 7)
    assert (found.steps, found.seed, found.optimizer) == (28, 3, "momentum")
    for trial in found.trials:
        alone = member(
            "alone", 3, regularizers=one.recipe.regularizers, epochs=4, optimizer={"kind": "momentum", "lr": trial.lr}
        )
        objective = train([alone], tiny_images())[alone.key].record.series("objective")
        assert trial.loss == pytest.approx(sum(objective[2:]) / 2, rel=1e-6)


def test_schedules_and_early_stopping_do_not_count() -> None:
    plain = member("plain", 0, epochs=50)
    other = member(
        "plain",
        0,
        epochs=1,
        schedule={"kind": "cosine", "warmup": 0.5},
        restore="best",
        regularizers={"early_stopping": {"patience": 1, "min_delta": 5.0}},
    )
    replicate = replicates(tiny_images(), [plain])[0]
    found = [range_test(m, replicate, lowest=0.001, highest=1.0, points=4, steps=28) for m in (plain, other)]
    assert found[0] == found[1]


def test_the_test_has_four_epochs_at_least() -> None:
    one = member("plain", 0, batch_size=4)
    replicate = replicates(tiny_images(), [one])[0]
    events: list[Event] = []
    cut = range_test(one, replicate, lowest=0.01, highest=0.1, points=3, steps=20, listen=events.append)
    often = range_test(one, replicate, lowest=0.01, highest=0.1, points=3, steps=100, listen=events.append)
    started = [event for event in events if isinstance(event, PopulationStarted)]
    assert (cut.steps, often.steps) == (20, 100)
    assert [event.epochs for event in started] == [4, 4]
    assert len(started[0].members) == 4, "the grid, and one that learns nothing"


def test_too_few_steps_are_refused() -> None:
    one = member()
    with pytest.raises(RecipeError, match="find_lr: received 3 steps; expected at least 4"):
        range_test(one, replicates(tiny_images(), [one])[0], steps=3)


def test_the_suggestion_trains_digits_and_ten_times_the_range_does_not() -> None:
    digits = load(DataSpec(source="digits", limit=800))
    one = member("plain", 0, model={"kind": "mlp", "hidden": [32]}, batch_size=32, epochs=12)
    found = range_test(one, replicates(digits, [one])[0], points=13, steps=120)
    assert found.suggestion is not None
    assert found.usable is not None
    assert found.best is not None
    low, high = found.usable
    assert low <= found.suggestion <= found.best <= high
    assert not found.at_edge
    rates = {"suggested": found.suggestion, "far above": 10 * high, "far below": low / 10}
    members = [
        Member(name, 0, one.recipe.model_copy(update={"optimizer": one.recipe.optimizer.model_copy(update={"lr": lr})}))
        for name, lr in rates.items()
    ]
    done = {key[0]: trained.record for key, trained in train(members, digits).items()}
    suggested = done["suggested"].curves[-1]
    assert suggested.val_accuracy is not None
    assert suggested.val_accuracy > 0.9
    assert suggested.train_loss < 0.1
    above = done["far above"]
    assert above.status == "diverged" or above.curves[-1].val_loss > 2 * suggested.val_loss
    assert done["far below"].curves[-1].val_loss > 2 * suggested.val_loss


def test_from_python() -> None:
    recipe = {"data": {"source": "digits", "limit": 200}, "model": {"kind": "mlp", "hidden": [8]}, "batch_size": 32}
    found = wellfit.find_lr(recipe, lowest=0.01, highest=100.0, points=5, steps=20, overrides=["optimizer=momentum"])
    assert (found.optimizer, len(found.trials), found.trials[-1].outcome) == ("momentum", 5, "diverged")
    plain = found.to_dict()
    assert plain["suggestion"] == found.suggestion
    assert plain["trials"][0]["lr"] == 0.01
    assert replace(found, best=0.01).at_edge
