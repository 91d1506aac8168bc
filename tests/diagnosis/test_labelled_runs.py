"""What is true of single findings, and where curves end, on trainings made by hand; and the file that was built."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.labelled.cases import BROAD, DROPOUT, FAMILIES, PLAIN, Arm, Family, mlp
from benchmarks.labelled.ended import Ended, Training
from benchmarks.labelled.findings import findings_of
from benchmarks.labelled.labels import labelled
from benchmarks.labelled.training import LONGER, recipe_of, replicate_of, train
from benchmarks.labelled.truth import verdict_of

from wellfit.train.events import EpochEnded
from wellfit.train.fit import fit
from wellfit.train.member import Member

STORED = Path(__file__).parents[2] / "benchmarks" / "labelled" / "curves.json.gz"
FAMILY = Family("made", "made", 100, 100, 0.1, (BROAD,), epochs=40)
DENSE = np.arange(1, 41)
SPARSE = np.array([*DENSE, *range(46, 121, 6)])


def training(arm: str = "plain", *, family: Family = FAMILY, **series: Any) -> Training:
    """Return a training whose train and held-out losses fall from 2 to 0.5 and 1 unless something else is given."""
    one: Arm = next(each for each in BROAD.arms if each.name == arm)
    known: dict[str, Any] = {
        "train_loss": 0.5 + 1.5 * np.exp(-SPARSE / 5),
        "held_loss": 1 + np.exp(-SPARSE / 5),
        **series,
    }
    known.setdefault("in_training", known["train_loss"][:40])
    for view in ("fair", "tiny", "leak"):
        known.setdefault(f"{view}_loss", known["held_loss"][:40])
    known["grad_norm"] = np.ones(40)
    whole = {name: [float(value) for value in values] for name, values in known.items()}
    return Training(family, BROAD, one, 0, 0, 2.0, 2.0, 0.1 * one.rate, SPARSE.tolist(), whole)


def truths(one: Training, *others: Training, view: str = "fair", end: int = 40) -> dict[str, bool]:
    run = Ended(one, end, view, "made", 1.0, 1.0)
    return findings_of(run, *verdict_of(run.oracle), others)


def test_a_healthy_run_has_none_of_them() -> None:
    found = truths(training())
    assert not any(found.values())
    assert {"overfitting", "divergence", "noisy_validation", "lr_too_high", "lr_too_low", "plateau"} <= set(found)


def test_a_rate_is_too_high_where_a_lower_one_wins_on_both_sides() -> None:
    high = training("high", train_loss=np.full(SPARSE.size, 1.2), held_loss=np.full(SPARSE.size, 1.4))
    assert truths(high, training())["lr_too_high"]
    assert "lr_too_high" not in truths(high)


def test_a_rate_is_too_low_where_a_higher_one_wins_on_both_sides() -> None:
    low = training("lowish", train_loss=2 - SPARSE / 100, held_loss=2 - SPARSE / 120)
    assert truths(low, training())["lr_too_low"]
    assert "lr_too_low" not in truths(low, training("low"))


def test_validation_is_noisy_where_it_jumps_around_the_heldout_loss() -> None:
    jumps = 1 + np.exp(-DENSE / 5) + 0.2 * np.random.default_rng(0).normal(size=40)
    assert truths(training(tiny_loss=jumps), view="tiny")["noisy_validation"]
    assert "noisy_validation" not in truths(training(), view="tiny")


def test_validation_is_better_than_a_train_loss_with_dropout_in_it() -> None:
    seen = training("dropout-seen", train_loss=0.9 + np.exp(-SPARSE / 5), in_training=1.2 + np.exp(-DENSE / 5))
    assert truths(seen)["validation_better"]
    assert truths(training())["validation_better"] is False


def test_units_are_counted_on_further_samples() -> None:
    def dead(share: float) -> dict[str, bool]:
        inside: dict[str, Any] = {"held_dead.act1": np.full(40, share), "dead.act1": np.zeros(40)}
        return truths(training(**inside))

    assert dead(0.6)["dead_units"]
    assert dead(0.1)["dead_units"] is False
    assert "dead_units" not in dead(0.3)


def test_overconfidence_is_a_loss_that_rises_while_accuracy_holds() -> None:
    held = np.where(SPARSE < 12, 2 - SPARSE / 12, 1 + (SPARSE - 12) / 60)
    sure = truths(training(held_loss=held, held_accuracy=np.minimum(SPARSE / 15, 0.9)))
    assert sure["overconfidence"]
    assert sure["missed_early_stopping"]
    wrong = truths(training(held_loss=held, held_accuracy=np.where(SPARSE < 20, 0.9, 0.8)))
    assert wrong["overconfidence"] is False


def test_a_plateau_stands_and_then_moves() -> None:
    held = np.where(SPARSE < 20, 2.0, 1 + np.exp(-(SPARSE - 20) / 3))
    assert truths(training(held_loss=held))["plateau"]


def test_wrong_labels_count_where_they_are_learned_by_heart() -> None:
    noisy = Family("made", "made", 100, 100, 0.1, (BROAD,), noise=0.3, epochs=40)
    assert truths(training(family=noisy, train_accuracy=np.full(SPARSE.size, 0.99)))["label_noise"]
    assert "label_noise" not in truths(training(family=noisy, train_accuracy=np.full(SPARSE.size, 0.7)))


def test_cuts_of_one_training_lie_apart_and_a_broken_one_is_diverged() -> None:
    broken = np.where(SPARSE < 10, 2.0, np.nan)
    runs = labelled([training(), training("huge", train_loss=broken, held_loss=broken)])
    plain = [run["id"].split("/") for run in runs if "/plain/" in run["id"] and run["id"].endswith("fair")]
    ends = [int(parts[4]) for parts in plain]
    assert len(ends) < 2 or abs(ends[0] - ends[1]) >= 8
    huge = next(run for run in runs if "/huge/" in run["id"])
    assert (huge["verdict"], huge["clear"]) == ("diverged", True)
    assert huge["curves"]["train_loss"][-1] is None
    json.dumps(runs, allow_nan=False)


def test_the_eyes_of_the_oracle_change_nothing_in_a_training() -> None:
    arms = (PLAIN, DROPOUT)
    family = Family("few", "breast-cancer", 60, 50, 0.01, (mlp("mlp-8", 8, arms=arms),), epochs=3, halves=(1,), seeds=2)
    found = {(run["arm"], run["seed"]): run["series"] for run in train(family, family.nets[0])}
    replicates = {seed: replicate_of(family, 1, number).replicate for number, seed in ((0, 1), (1, 11))}
    members = [Member(arm.name, seed, recipe_of(family, family.nets[0], arm)) for arm in arms for seed in replicates]
    for event in fit(members, replicates, device=torch.device("cpu")):
        if isinstance(event, EpochEnded) and event.epoch <= family.epochs:
            for key, row in event.rows.items():
                shown = [found[key][name][event.epoch - 1] for name in ("train_loss", "fair_loss", "in_training")]
                assert shown == pytest.approx([row.train_loss, row.val_loss, row.objective], rel=1e-5)
    assert len(found["plain", 1]["held_loss"]) == LONGER * family.epochs


def test_train_validation_and_oracle_share_no_sample_and_halves_do_not_either() -> None:
    family = Family("few", "breast-cancer", 60, 50, 0.01, ())
    parts = []
    for half in (0, 1):
        seen = replicate_of(family, half, 0)
        split = seen.replicate.split
        rows = [split.train.tolist(), split.validation.tolist(), seen.oracle.tolist()]
        assert sum(map(len, rows)) == len(set().union(*rows))
        parts.append(set().union(*rows))
    assert not parts[0] & parts[1]


def test_the_stored_set_is_what_it_says() -> None:
    with gzip.open(STORED, "rt") as file:
        runs = json.load(file)["runs"]
    assert len(runs) >= 300
    assert len({run["id"] for run in runs}) == len(runs)
    places: dict[tuple[str, str, int], set[str]] = {}
    for run in runs:
        places.setdefault((run["data"], run["network"], run["seed"]), set()).add(run["half"])
        lengths = {len(values) for values in run["curves"].values()}
        assert lengths == {len(run["curves"]["epoch"])}
        assert run["findings"].get("divergence", run["verdict"] == "diverged") == (run["verdict"] == "diverged")
        if run["verdict"] == "well-fit":
            assert run["oracle"]["regret"] <= 0.05
    assert all(len(halves) == 1 for halves in places.values())
    assert sum(run["clear"] and run["verdict"] == "well-fit" for run in runs) >= 120
    assert {family.data for family in FAMILIES} == {run["data"] for run in runs}
