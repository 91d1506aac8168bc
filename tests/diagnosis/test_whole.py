"""The whole diagnosis, on curves from closed forms of which the findings are known by construction."""

import json
import math
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wellfit
from tests.diagnosis.curves import CHANCE, drawn, rows
from wellfit.diagnosis import DataFacts, Diagnosis, diagnose_arm, judge
from wellfit.diagnosis.readers.log_run import Curves as LogCurves
from wellfit.diagnosis.readers.log_run import LogRun, Remark
from wellfit.errors import InputError
from wellfit.record import RunRecord

N = 40
X = np.arange(1, N + 1) / N


def decay(end: float, rate: float, start: float = CHANCE) -> np.ndarray:
    return end + (start - end) * np.exp(-rate * X)


def noise(sigma: float, key: int = 0) -> np.ndarray:
    return np.random.default_rng(key).normal(0, sigma, N)


WELL = {"train_loss": decay(0.25, 12), "val_loss": decay(0.35, 12) + noise(0.005)}
OVERFIT = {"train_loss": decay(0.01, 10), "val_loss": decay(0.5, 12) + 0.6 * np.maximum(X - 0.25, 0)}
STEP = np.where(X < 0.5, 1.5 + 0.8 * np.exp(-30 * X), 0.3 + 1.2 * np.exp(-12 * (X - 0.5)))
SPIKED = decay(0.3, 8) + 1.5 * (np.arange(N) == 20) + 1.0 * (np.arange(N) == 30)
SHAPES: dict[str, dict[str, np.ndarray]] = {
    "well": WELL,
    "overfit": OVERFIT,
    "sure": {**OVERFIT, "val_accuracy": 0.5 + 0.4 * (1 - np.exp(-5 * X))},
    "memorized": {
        "train_loss": decay(0.01, 4),
        "val_loss": decay(0.5, 12) + 0.9 * np.maximum(X - 0.25, 0),
        "val_accuracy": 0.8 - 0.2 * np.maximum(X - 0.25, 0) - 0.8 * np.exp(-20 * X),
    },
    "step": {"train_loss": STEP, "val_loss": STEP + 0.05},
    "oscillating": {"train_loss": decay(0.3, 8) + 0.25 * (-1.0) ** np.arange(N), "val_loss": decay(0.35, 8)},
    "spiked": {"train_loss": SPIKED, "val_loss": decay(0.35, 8)},
    "slow": {"train_loss": decay(0.2, 0.5), "val_loss": decay(0.3, 0.5)},
    "better": {"train_loss": decay(0.6, 8), "val_loss": decay(0.3, 9)},
    "jumping validation": {"train_loss": decay(0.25, 12), "val_loss": decay(0.35, 12) + noise(0.5)},
}
EXPECTED = {
    "well": ("well-fit", set()),
    "overfit": ("overfit", {"overfitting", "missed_early_stopping"}),
    "sure": ("overfit", {"overfitting", "missed_early_stopping", "overconfidence"}),
    "memorized": ("overfit", {"overfitting", "missed_early_stopping", "label_noise"}),
    "step": ("well-fit", {"plateau"}),
    "spiked": ("well-fit", {"lr_too_high"}),
    "slow": ("unconverged", {"unconverged", "underfitting", "lr_too_low"}),
}


def names(found: Diagnosis) -> set[str]:
    return {finding.name for finding in found.findings}


@pytest.mark.parametrize("shape", EXPECTED)
def test_closed_forms_get_their_findings(shape: str) -> None:
    found = wellfit.diagnose(SHAPES[shape], chance_loss=CHANCE)
    assert (found.verdict, names(found)) == EXPECTED[shape]
    for finding in found.findings:
        assert 0.5 < finding.confidence <= 1
        assert finding.words.endswith(".")
        assert 1 <= finding.epoch <= N


def test_where_they_show() -> None:
    at = {name: wellfit.diagnose(SHAPES[name], chance_loss=CHANCE).findings for name in SHAPES}
    assert [f.epoch for f in at["spiked"]] == [21]
    (stood,) = at["step"]
    assert stood.epoch <= 8
    assert 18 <= stood.evidence["to_epoch"] <= 22
    sure = next(f for f in at["sure"] if f.name == "overconfidence")
    assert abs(sure.epoch - 12) <= 3  # where 21.6 e^(-12 x) = 0.6
    assert sure.evidence["accuracy_change"] > 0.05


@pytest.mark.parametrize("shape", ["oscillating", "spiked"])
def test_steps_too_large_call_for_smaller_ones(shape: str) -> None:
    found = wellfit.diagnose(SHAPES[shape], chance_loss=CHANCE)
    high = next(f for f in found.findings if f.name == "lr_too_high")
    assert (high.remedies[0].change, high.remedies[0].step) == ("optimizer.lr", "lower")
    assert all(r.step != "raise" for f in found.findings for r in f.remedies if r.change == "optimizer.lr")


def test_no_remedy_raises_what_another_lowers() -> None:
    inside = {"dead": np.full(N, 0.9)}
    found = wellfit.diagnose({**SHAPES["slow"], **inside}, chance_loss=CHANCE)
    assert {"lr_too_low", "dead_units", "unconverged"} <= names(found)
    assert {r.step for f in found.findings for r in f.remedies if r.change == "optimizer.lr"} == {"raise"}


def test_a_small_validation_set_is_told_from_a_large_learning_rate() -> None:
    calm_train = wellfit.diagnose(SHAPES["jumping validation"], chance_loss=CHANCE)
    noisy = next(f for f in calm_train.findings if f.name == "noisy_validation")
    assert "validation set is small" in noisy.words
    assert [r.change for r in noisy.remedies] == ["data.split.validation"]


@pytest.mark.parametrize(
    ("measured", "said"), [("eval", "copies"), ("train", "measured in training"), (None, "evaluation mode to know")]
)
def test_why_validation_may_be_better(measured: str | None, said: str) -> None:
    found = wellfit.diagnose(SHAPES["better"], measured=measured)  # type: ignore[arg-type]
    (better,) = [f for f in found.findings if f.name == "validation_better"]
    assert said in better.words


def test_validation_that_was_better_up_to_the_last_point_has_an_epoch() -> None:
    """A real training with dropout in its train loss: at the very end the two cross."""
    train = np.concatenate([np.linspace(0.67, 0.1, 26), np.tile([0.11, 0.06], 10)])
    val = np.concatenate([np.linspace(0.66, 0.03, 26), np.full(19, 0.035), [0.16]])
    for last in np.linspace(0.0, 0.6, 25):
        found = wellfit.diagnose({"train_loss": train, "val_loss": [*val[:-1], last]})
        assert all(1 <= f.epoch <= train.size for f in found.findings)


def test_the_mean_over_an_epoch_explains_a_better_validation() -> None:
    """Train losses as means over the epoch of a loss that falls evenly lie half an epoch's fall above it."""
    now = 2.0 - 1.5 * X[:10] / X[9]
    before = np.concatenate([[2.0], now[:-1]])
    found = wellfit.diagnose({"train_loss": (now + before) / 2, "val_loss": now})
    (better,) = [f for f in found.findings if f.name == "validation_better"]
    assert better.evidence["explained_by_averaging"] > 0.8
    assert "half an epoch later" in better.words


def test_a_penalty_explains_a_better_validation() -> None:
    curves = {"train_loss": decay(0.6, 8), "val_loss": decay(0.3, 9), "penalty": np.full(N, 0.29)}
    (better,) = [f for f in wellfit.diagnose(curves).findings if f.name == "validation_better"]
    assert "penalty" in better.words


def test_near_chance_is_never_well_fit() -> None:
    """The LSTM that ended at 0.691 on two balanced classes, where its own best is the only reference."""
    val = math.log(2) - 0.002 * X + noise(0.0005)
    for train in (math.log(2) - 0.003 * X, math.log(2) + noise(0.0005, 1)):
        curves = {"train_loss": train, "val_loss": val}
        for reference in (None, float(val.min())):
            found = wellfit.diagnose(curves, chance_loss=math.log(2), reference=reference)
            assert found.verdict in ("underfit", "unconverged"), found.words
        assert wellfit.diagnose(curves).verdict == "unclear"
        assert "chance loss" in wellfit.diagnose(curves).words


def test_a_loss_that_only_falls_has_not_diverged() -> None:
    """66 samples in batches of 64 for 3 epochs: the start is worse than guessing, and all falls."""
    found = wellfit.diagnose({"train_loss": [2.6, 2.4, 2.2], "val_loss": [2.7, 2.45, 2.3]}, chance_loss=1.0)
    assert found.verdict == "unconverged"
    odd = wellfit.diagnose({"train_loss": [0.69, 0.60, 0.66], "val_loss": [0.70, 0.66, 0.62]}, chance_loss=0.693)
    assert odd.verdict == "unconverged"
    up = wellfit.diagnose({"train_loss": [1.0, 0.9, 5.0, 9.0], "val_loss": [1.0, 0.9, 6.0, 9.0]}, chance_loss=1.0)
    assert up.verdict == "diverged"
    assert wellfit.diagnose({"train_loss": [1e9, 9e8], "val_loss": [1e9, 9e8]}, chance_loss=1.0).verdict == "diverged"


def test_a_baseline_tells_underfitting_only_where_it_is_better() -> None:
    curves = {"train_loss": decay(0.9, 12), "val_loss": decay(1.0, 12)}
    assert wellfit.diagnose(curves, chance_loss=CHANCE).verdict != "underfit"
    better = wellfit.diagnose(curves, baseline=0.6, chance_loss=CHANCE)
    assert better.verdict == "underfit"
    assert "plateau" in names(better)
    weak = wellfit.diagnose(WELL, baseline=0.6, chance_loss=CHANCE)
    assert (weak.verdict, weak.findings) == ("well-fit", ())


def test_a_floor_that_the_reference_shares_is_noise() -> None:
    curves = {"train_loss": decay(1.2, 14), "val_loss": decay(1.25, 14)}
    found = wellfit.diagnose(curves, reference=1.23, chance_loss=CHANCE)
    assert found.verdict == "well-fit"
    assert names(found) == {"label_noise"}


def test_inside_the_network() -> None:
    inside = {
        "dead.fc1": np.linspace(0, 0.8, N),
        "dead.fc2": np.zeros(N),
        "saturated": np.linspace(0.2, 0.5, N),
        "grad_norm": {"fc1": np.full(N, 1e-5), "fc2": np.ones(N)},
    }
    found = {f.name: f for f in wellfit.diagnose({**WELL, **inside}).findings}
    assert set(found) == {"dead_units", "saturation", "vanishing_gradients"}
    assert "fc1" in found["dead_units"].words
    assert found["dead_units"].epoch == 1 + int(np.argmax(np.linspace(0, 0.8, N) > 0.3))
    assert found["saturation"].epoch == 1 + int(np.argmax(np.linspace(0.2, 0.5, N) > 0.3))
    assert "fc1" in found["vanishing_gradients"].words
    assert names(wellfit.diagnose({**WELL, "grad_norm": decay(0.01, 10)}, chance_loss=CHANCE)) == set()


def test_gradients_that_burst_or_fade() -> None:
    burst = np.ones(N)
    burst[25] = 500
    (found,) = wellfit.diagnose({**WELL, "grad_norm": burst}, chance_loss=CHANCE).findings
    assert (found.name, found.epoch, found.remedies[0].change) == ("exploding_gradients", 26, "clip_norm")
    stuck = {"train_loss": np.full(N, 2.3), "val_loss": np.full(N, 2.3), "grad_norm": 10.0 ** -np.arange(N)}
    assert "vanishing_gradients" in names(wellfit.diagnose(stuck, chance_loss=CHANCE))
    fitted = {**WELL, "grad_norm": 10.0 ** -np.arange(N)}
    assert "vanishing_gradients" not in names(wellfit.diagnose(fitted, chance_loss=CHANCE))
    lost = {"train_loss": [1.0, math.nan], "val_loss": [1.0, math.nan], "grad_norm": [1.0, math.inf]}
    assert wellfit.diagnose(lost).verdict == "diverged"


def test_a_run_that_handed_over_its_best_epoch_missed_nothing() -> None:
    rows = drawn("overfit")
    turn = judge(rows).findings[0].epoch
    best = RunRecord("a", 0, {}, "complete", turn, rows)
    last = RunRecord("a", 0, {}, "complete", len(rows), rows)
    assert "missed_early_stopping" not in names(wellfit.diagnose(best))
    assert "missed_early_stopping" in names(wellfit.diagnose(last))


@pytest.mark.parametrize("kind", ["well-fit", "overfit", "underfit", "unconverged"])
def test_every_form_says_the_same(kind: str) -> None:
    rows = drawn(kind)
    lists = {name: [getattr(row, name) for row in rows] for name in ("epoch", "train_loss", "val_loss")}
    epochs, train, validation = (list(map(float, lists[name])) for name in lists)
    log = LogRun("x", "csv", LogCurves("epoch", epochs, train, validation), {})
    plain = judge(rows, chance_loss=CHANCE)
    for form in (rows, list(rows), RunRecord("a", 0, {}, "complete", 40, rows), lists, pd.DataFrame(lists), log):
        found = wellfit.diagnose(form, chance_loss=CHANCE)
        assert (found.verdict, found.words, found.confidence) == (plain.verdict, plain.words, plain.confidence)


def test_what_a_log_remarks_limits_what_is_said() -> None:
    curves = LogCurves("step", [float(i * 10) for i in range(N)], list(decay(0.6, 8)), list(decay(0.3, 9)))
    found = wellfit.diagnose(LogRun("x", "csv", curves, {}, remarks=(Remark("train-mode", "With dropout."),)))
    assert found.remarks == ("With dropout.",)
    assert "measured in training" in next(f.words for f in found.findings if f.name == "validation_better")
    rising = LogCurves(
        "step", [float(i * 10) for i in range(N)], list(OVERFIT["train_loss"]), list(OVERFIT["val_loss"])
    )
    said = wellfit.diagnose(LogRun("x", "csv", rising, {}), chance_loss=CHANCE)
    assert said.words.startswith("Validation loss turned at step 1")


def test_missing_series() -> None:
    only_val = wellfit.diagnose({"val_loss": OVERFIT["val_loss"]}, chance_loss=CHANCE)
    assert only_val.verdict == "overfit"
    assert only_val.confidence <= 0.7
    only_train = wellfit.diagnose({"loss": WELL["train_loss"]}, chance_loss=CHANCE)
    assert (only_train.verdict, only_train.findings) == ("unclear", ())
    assert "val_loss" in only_train.words
    errors = wellfit.diagnose({"accuracy": 90 * (1 - np.exp(-8 * X)), "val_accuracy": 80 * (1 - np.exp(-8 * X))})
    assert errors.verdict == "well-fit"
    assert "percent" in errors.remarks[0]
    assert "error rates" in errors.remarks[1]


def test_points_that_are_missing_are_no_divergence_but_a_broken_end_is() -> None:
    val = [v if i % 5 == 4 else None for i, v in enumerate(decay(0.35, 12))]
    assert wellfit.diagnose({"train_loss": decay(0.25, 12), "val_loss": val}, chance_loss=CHANCE).verdict == "well-fit"
    keras = {"loss": [2.0, 1.5, math.nan, math.nan], "val_loss": [2.0, 1.6, math.nan, math.nan]}
    found = wellfit.diagnose(keras)
    assert (found.verdict, found.findings[0].epoch) == ("diverged", 3)
    assert wellfit.diagnose({"loss": [2.0, 1.5, math.inf, 1.0], "val_loss": [2.0] * 4}).verdict == "diverged"


def test_columns_that_were_never_filled_and_ends_that_were_not_reached() -> None:
    val = [1.0, 0.9, 0.8, 0.7, 0.65, 0.6]
    assert wellfit.diagnose({"train_loss": [None] * 6, "val_loss": val}).verdict == "unconverged"
    assert wellfit.diagnose({"train_loss": [math.nan] * 6, "val_loss": [math.nan] * 6}).verdict == "diverged"
    assert wellfit.diagnose({"train_loss": [*val, 0.55], "val_loss": [*val, None]}).verdict != "diverged"
    assert wellfit.diagnose({"train_loss": [*val, 0.55], "val_loss": [*val, math.nan]}).verdict == "diverged"
    every_third = [math.nan, math.nan, 1.0, math.nan, math.nan, 0.8, math.nan, math.nan]
    assert wellfit.diagnose({"train_loss": [*val, 0.55, 0.5], "val_loss": every_third}).verdict != "diverged"
    assert wellfit.diagnose([]).verdict == "unclear"
    assert wellfit.diagnose({"train_loss": [], "val_loss": []}).verdict == "unclear"


def test_four_points_of_a_smooth_curve_are_not_noisy() -> None:
    val = [1.0, 0.56, 0.45, 0.41]
    found = wellfit.diagnose({"train_loss": val, "val_loss": val}, chance_loss=CHANCE)
    assert "noisy_validation" not in names(found)


def test_importing_its_room_leaves_the_function_in_place() -> None:
    import wellfit.diagnosis.readers

    assert callable(wellfit.diagnose)


def test_many_points_are_thinned() -> None:
    n = 100_000
    x = np.arange(1, n + 1) / n
    rng = np.random.default_rng(0)
    curves = {
        "step": np.arange(n),
        "train_loss": 0.01 + 2.29 * np.exp(-10 * x) + rng.normal(0, 0.05, n),
        "val_loss": 0.5 + 1.8 * np.exp(-12 * x) + 0.6 * np.maximum(x - 0.25, 0),
    }
    found = wellfit.diagnose(curves, chance_loss=CHANCE)
    assert found.verdict == "overfit"
    assert abs(found.findings[0].epoch / n - 0.3) < 0.03


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({}, "curves: holds nothing"),
        ({"vall_loss": [1.0]}, "'val_loss' (nearest)"),
        ({"train_loss": [1.0, 2.0], "val_loss": [1.0]}, "curves, val_loss: 1 values; expected 2"),
        ({"train_loss": "abc"}, "curves, train_loss: received str"),
        ({"train_loss": [1.0, "a"]}, "holds 'a'"),
        ({"train_loss": [1.0, 2.0], "epoch": [2, 1]}, "epochs do not increase"),
        ({"train_loss": [1.0], "epoch": [None]}, "curves, epoch"),
        (5, "received int"),
        ([1, 2], "received list"),
        ("abc", "received str"),
    ],
)
def test_bad_input_is_one_line(bad: object, said: str) -> None:
    with pytest.raises(InputError) as error:
        wellfit.diagnose(bad)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@settings(max_examples=80, deadline=None)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    factor=st.sampled_from([0.1, 10.0, 1 / math.log(2), 1e-5, 1e5]),
    sigma=st.floats(0, 0.1),
    key=st.integers(0, 10_000),
    known=st.booleans(),
)
def test_units_of_the_loss_change_no_finding(shape: str, factor: float, sigma: float, key: int, known: bool) -> None:
    curves = dict(SHAPES[shape])
    curves["val_loss"] = curves["val_loss"] + noise(sigma, key)
    curves["grad_norm"] = np.abs(noise(1.0, key + 1))
    scaled = {k: v * factor if k.endswith("_loss") or k == "grad_norm" else v for k, v in curves.items()}
    plain = wellfit.diagnose(curves, chance_loss=CHANCE if known else None)
    other = wellfit.diagnose(scaled, chance_loss=CHANCE * factor if known else None)
    assert (other.verdict, other.confidence) == (plain.verdict, plain.confidence)
    said = [[(f.name, f.epoch, f.confidence) for f in found.findings] for found in (plain, other)]
    assert said[0] == said[1]


numbers = st.none() | st.floats() | st.integers()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 14).flatmap(
        lambda n: st.dictionaries(
            st.sampled_from(["train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm", "dead"]),
            st.lists(numbers, min_size=n, max_size=n),
            min_size=1,
        )
    ),
    st.none() | st.floats(),
)
def test_any_numbers_give_a_diagnosis_that_json_holds(curves: dict[str, list[float]], context: float | None) -> None:
    if not {"train_loss", "val_loss", "train_accuracy", "val_accuracy"} & set(curves):
        return
    found = wellfit.diagnose(curves, chance_loss=context, reference=context, baseline=context)
    json.dumps(asdict(found), allow_nan=False)
    steps = {(r.change, r.step) for f in found.findings for r in f.remedies}
    assert not {change for change, step in steps if step == "raise"} & {c for c, step in steps if step == "lower"}
    assert 0 <= found.confidence <= 1
    assert found.words


@pytest.mark.parametrize("kind", ["well-fit", "underfit"])
@pytest.mark.parametrize("epochs", [12, 40, 150])
def test_healthy_curves_raise_few_alarms(kind: str, epochs: int) -> None:
    """Noise alone, 50 draws: at most 3 with a finding that the shape does not have."""
    extra = 0
    for key in range(50):
        found = wellfit.diagnose(drawn(kind, noise=0.02, key=key, epochs=epochs), reference=0.35, chance_loss=CHANCE)
        extra += bool(names(found) - {"underfitting", "plateau"} if kind == "underfit" else names(found))
    assert extra <= 3


def test_a_rise_on_few_samples_is_theirs() -> None:
    """It rises by 0.2; the error of 20 answers is sqrt(0.7 * 2.3 / 20) = 0.28, that of 2,000 is 0.03."""
    curves = {"train_loss": decay(0.1, 10), "val_loss": decay(0.5, 12) + 0.3 * np.maximum(X - 0.25, 0)}

    def verdict(facts: DataFacts) -> str:
        return wellfit.diagnose(curves, chance_loss=CHANCE, facts=facts).verdict

    assert verdict(DataFacts()) == verdict(DataFacts(validation=2000)) == "overfit"
    assert verdict(DataFacts(validation=20)) == "well-fit"
    assert verdict(DataFacts(validation=20, task="segmentation")) == "overfit"  # each image holds many answers
    arm = [rows(list(curves["train_loss"]), list(curves["val_loss"]))]
    assert diagnose_arm(arm, chance_loss=CHANCE, validation=20).verdict == "well-fit"
