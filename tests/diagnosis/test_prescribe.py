from dataclasses import fields
from typing import get_args

import pytest

from tests.diagnosis.curves import CHANCE, drawn, rows
from wellfit.diagnosis import Diagnosis, Features, prescribe
from wellfit.diagnosis import judge as diagnose
from wellfit.diagnosis.finding import FindingName
from wellfit.diagnosis.further_remedies import FURTHER
from wellfit.diagnosis.remedies import TABLE


def changes(diagnosis: Diagnosis, **context: object) -> list[str]:
    return [remedy.change for remedy in prescribe(diagnosis, **context)]  # type: ignore[arg-type]


def test_the_table_is_whole() -> None:
    names = {field.name for field in fields(Features)}
    for entry in TABLE:
        assert {bound.feature for bound in entry.when} <= names
        assert entry.remedy.reason.endswith(".")
        assert entry.remedy.source
        assert entry.remedy.harm.startswith("Does harm when ")
    assert {entry.remedy.finding for entry in TABLE} == {
        "divergence",
        "overfitting",
        "unconverged",
        "underfitting",
        "noisy_validation",
    }


def test_overfitting_calls_for_regularization() -> None:
    found = changes(diagnose(drawn("overfit"), chance_loss=CHANCE))
    assert found[0] == "early_stopping"
    assert {"dropout", "l2", "augmentation", "smaller_network"} <= set(found)
    assert not {"larger_network", "epochs", "regularizers"} & set(found)


def test_underfitting_calls_for_capacity_and_never_for_regularization() -> None:
    found = changes(diagnose(drawn("underfit"), chance_loss=CHANCE, reference=0.35))
    assert {"larger_network", "regularizers"} <= set(found)
    assert not {"dropout", "l2", "augmentation", "early_stopping", "smaller_network"} & set(found)


def test_a_curve_that_settled_is_not_told_to_train_longer() -> None:
    assert "epochs" not in changes(diagnose(drawn("underfit", noise=0.0), chance_loss=CHANCE))
    assert changes(diagnose(drawn("unconverged"), chance_loss=CHANCE))[0] == "epochs"


def test_a_gap_without_a_turn_is_not_told_to_stop_early() -> None:
    x = [i / 40 for i in range(1, 41)]
    train, val = ([end + 2 * 0.1 ** (v * 9) for v in x] for end in (0.02, 1.4))
    diagnosis = diagnose(rows(train, val), chance_loss=CHANCE)
    assert diagnosis.verdict == "overfit"
    found = changes(diagnosis)
    assert "early_stopping" not in found
    assert "dropout" in found


def test_one_that_learned_nothing_is_not_told_to_grow() -> None:
    found = changes(diagnose(rows([2.3] * 20, [2.3] * 20), chance_loss=2.3))
    assert "optimizer.lr" in found
    assert "larger_network" not in found


def test_overfitting_and_underfitting_together_forbid_what_harms_either() -> None:
    """A network of three units: it misses the reference on its train set, and its validation loss rises."""
    x = [i / 40 for i in range(1, 41)]
    train = [1.0 + 1.3 * 0.1 ** (v * 6) for v in x]
    val = [1.2 + 1.1 * 0.1 ** (v * 8) + 0.5 * max(v - 0.3, 0) for v in x]
    diagnosis = diagnose(rows(train, val), chance_loss=CHANCE, reference=0.4)
    assert {finding.name for finding in diagnosis.findings} == {"overfitting", "underfitting"}
    found = set(changes(diagnosis))
    assert found
    assert not {"dropout", "l2", "max_norm", "smaller_network", "larger_network", "regularizers"} & found


def test_what_is_in_use_is_raised_not_added() -> None:
    diagnosis = diagnose(drawn("overfit"), chance_loss=CHANCE)
    found = {remedy.change: remedy.step for remedy in prescribe(diagnosis, regularizers={"dropout", "early_stopping"})}
    assert found["dropout"] == "raise"
    assert found["l2"] == "add"
    assert "early_stopping" not in found
    underfit = diagnose(drawn("underfit"), chance_loss=CHANCE)
    assert "regularizers" not in changes(underfit, regularizers=())
    assert "regularizers" in changes(underfit, regularizers=("dropout",))


@pytest.mark.parametrize(
    ("kind", "offered"),
    [
        ("image", {"augmentation"}),
        ("vector", {"gaussian_noise"}),
        ("sequence", {"augmentation"}),
        (None, {"augmentation", "gaussian_noise"}),
    ],
)
def test_variations_suit_the_kind_of_data(kind: str | None, offered: set[str]) -> None:
    found = changes(diagnose(drawn("overfit"), chance_loss=CHANCE), kind=kind)
    assert {"augmentation", "gaussian_noise"} & set(found) == offered


def test_what_stands_for_a_remedy_is_raised_too() -> None:
    diagnosis = diagnose(drawn("overfit"), chance_loss=CHANCE)
    steps = {one.change: one.step for one in prescribe(diagnosis, regularizers={"spatial_dropout", "weight_decay"})}
    assert (steps["dropout"], steps["l2"], steps["max_norm"]) == ("raise", "raise", "add")
    underfit = diagnose(drawn("underfit"), chance_loss=CHANCE)
    assert "regularizers" not in changes(underfit, regularizers=("clip_norm", "ema", "early_stopping"))


def test_time_that_is_missing_is_not_taken_for_a_small_network() -> None:
    """A run far from its end, above a reference: it needs epochs and steps, not units."""
    slow = diagnose(drawn("unconverged"), chance_loss=CHANCE, reference=0.3)
    assert "epochs" in changes(slow)
    assert "larger_network" not in changes(slow)


def test_well_fit_needs_nothing() -> None:
    assert prescribe(diagnose(drawn("well-fit"), chance_loss=CHANCE)) == ()


def test_each_change_is_offered_once() -> None:
    noisy = diagnose(drawn("unconverged", noise=0.4), chance_loss=CHANCE)
    found = changes(noisy)
    assert len(found) == len(set(found))


def test_divergence_calls_for_smaller_steps_first() -> None:
    found = prescribe(diagnose(drawn("well-fit"), diverged=True))
    assert (found[0].change, found[0].step) == ("optimizer.lr", "lower")
    assert "clip_norm" in [remedy.change for remedy in found]


def test_the_further_table_is_whole() -> None:
    own = {entry.remedy.finding for entry in TABLE}
    names = set(get_args(FindingName))
    assert {entry.remedy.finding for entry in FURTHER} == names - own
    for entry in FURTHER:
        assert entry.remedy.reason.endswith((".", ")."))
        assert entry.remedy.source
