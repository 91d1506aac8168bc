from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellfit.record import METRICS, EpochRow, RunRecord, TestRow, best_epoch, better_sign, row_to_dict


def row(epoch: int, val_loss: float, val_accuracy: float | None = None) -> EpochRow:
    return EpochRow(epoch, 0.5, val_loss, None, val_accuracy, 0.75, 0.25, 0.01, 2.0, 0.1)


def run(losses: list[float], best: int, test: TestRow | None = None) -> RunRecord:
    curves = tuple(row(number, loss, 0.5) for number, loss in enumerate(losses, start=1))
    return RunRecord("plain", 0, {}, "complete", best, curves, test)


def test_a_loss_is_better_lower_and_an_accuracy_higher() -> None:
    assert {metric: better_sign(metric) for metric in (*METRICS, "gap", "test_loss", "test_accuracy")} == {
        "val_loss": -1,
        "val_accuracy": 1,
        "val_iou": 1,
        "train_iou": 1,
        "train_loss": -1,
        "train_accuracy": 1,
        "gap": -1,
        "test_loss": -1,
        "test_accuracy": 1,
    }


def test_values_by_name() -> None:
    found = row(1, 2.0, 0.25)
    assert found.gap == found.value("gap") == 1.5
    assert (found.value("val_loss"), found.value("val_accuracy")) == (2.0, 0.25)
    assert math.isnan(found.value("train_accuracy"))
    with pytest.raises(AttributeError):
        found.value("accuracy")


def test_rows_go_to_plain_values_and_back() -> None:
    found = row(1, math.inf)
    assert EpochRow(**row_to_dict(found)) == found
    assert row_to_dict(TestRow(1.0, None)) == {"test_loss": 1.0, "test_accuracy": None, "test_iou": None}


def test_a_run_is_judged_at_the_epoch_of_its_weights() -> None:
    record = run([3.0, 1.0, 2.0], best=2, test=TestRow(4.0, None))
    assert record.epochs_run == 3
    assert record.series("val_loss") == [3.0, 1.0, 2.0]
    assert (record.value("val_loss"), record.value("gap"), record.value("test_loss")) == (1.0, 0.5, 4.0)
    assert math.isnan(record.value("test_accuracy"))
    assert replace(record, best_epoch=3).value("val_loss") == 2.0


def test_what_was_never_measured_is_nan() -> None:
    assert math.isnan(run([1.0], best=1).value("test_loss"))
    assert math.isnan(run([math.nan], best=0).value("val_loss"))
    assert run([], best=0).epochs_run == 0


def test_best_epoch() -> None:
    assert best_epoch([], "val_loss") == 0
    assert best_epoch([row(1, math.nan), row(2, math.inf)], "val_loss") == 0
    assert best_epoch([row(1, 1.0)], "val_accuracy") == 0  # a regression has none
    assert best_epoch([row(1, 2.0), row(2, math.nan), row(3, 1.0), row(4, 1.0)], "val_loss") == 3
    assert best_epoch([row(1, 2.0, 0.5), row(2, 1.0, 0.75), row(3, 1.0, 0.75)], "val_accuracy") == 2
    assert best_epoch([row(1, 0.5), row(2, -math.inf)], "val_loss") == 1


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
def test_the_best_epoch_is_the_first_with_the_least_finite_loss(losses: list[float]) -> None:
    least = math.inf
    expected = 0
    for number, loss in enumerate(losses, start=1):
        if math.isfinite(loss) and loss < least:
            least, expected = loss, number
    assert best_epoch([row(number, loss) for number, loss in enumerate(losses, start=1)], "val_loss") == expected
