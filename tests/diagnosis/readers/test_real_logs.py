"""Logs that the libraries themselves wrote (``logs/README.md``)."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from wellfit.diagnosis.readers import LogRun, read_logs

LOGS = Path(__file__).parent / "logs"


def one(path: str) -> LogRun:
    (run,) = read_logs(LOGS / path)
    return run


def test_keras_history_and_csv_are_the_same_curves() -> None:
    history, log = one("keras/history.json"), one("keras/training.log")
    said = json.loads((LOGS / "keras/history.json").read_text())
    assert (history.format, log.format) == ("keras-history", "keras-csv")
    for run in (history, log):
        assert run.curves.unit == "epoch"
        assert run.curves.at == [1, 2, 3, 4, 5, 6]
        assert run.curves.train_loss == pytest.approx(said["loss"])
        assert run.curves.val_loss == pytest.approx(said["val_loss"])
        assert run.curves.train_accuracy == pytest.approx(said["accuracy"])
        assert run.curves.val_accuracy == pytest.approx(said["val_accuracy"])
        assert run.has("train-mode")
        assert run.has("epoch-average")
    assert log.keys == {
        "epoch": "epoch",
        "loss": "train_loss",
        "accuracy": "train_accuracy",
        "val_loss": "val_loss",
        "val_accuracy": "val_accuracy",
    }


def test_lightning_csv_and_events_are_the_same_curves() -> None:
    table, events = one("lightning/metrics.csv"), one("lightning/events.out.tfevents.lightning")
    with (LOGS / "lightning/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert (table.format, events.format) == ("lightning", "tensorboard")
    for run in (table, events):
        assert run.curves.unit == "epoch"
        assert run.curves.at == [1, 2, 3, 4]
        for name, key in (("train_loss", "train_loss_epoch"), ("val_loss", "val_loss"), ("val_accuracy", "val_acc")):
            said = [float(row[key]) for row in rows if row[key]]
            assert getattr(run.curves, name) == pytest.approx(said)
        assert run.curves.lr == pytest.approx([0.1] * 4)
        assert run.keys["train_loss_epoch"] == "train_loss"
        assert "train_loss_step" in run.unused


def test_hugging_face_averages_train_points_and_leaves_the_summary_out() -> None:
    run = one("huggingface/trainer_state.json")
    rows = json.loads((LOGS / "huggingface/trainer_state.json").read_text())["log_history"]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert run.format == "huggingface"
    assert run.curves.at == [1, 2, 3, 4]
    assert run.curves.train_loss == pytest.approx([(losses[i] + losses[i + 1]) / 2 for i in range(0, 8, 2)])
    assert run.curves.val_loss == pytest.approx([row["eval_loss"] for row in rows if "eval_loss" in row])
    assert run.curves.val_accuracy == pytest.approx([row["eval_accuracy"] for row in rows if "eval_loss" in row])
    assert "train_loss" not in run.keys


def test_a_checkpoint_is_no_run_of_its_own() -> None:
    assert one("huggingface").source.endswith("huggingface/trainer_state.json")


def test_timm() -> None:
    run = one("timm")
    assert run.format == "timm"
    assert run.curves.at == [1, 2, 3, 4, 5]
    assert run.curves.val_loss == pytest.approx([2 / (e + 1) + 0.1 for e in range(5)])
    assert run.curves.val_accuracy == pytest.approx([0.9 - 0.4 / (e + 1) for e in range(5)])
    assert run.has("percent")
    assert run.unused == ("eval_top5",)


def test_summary_writer() -> None:
    run = one("tensorboard/writer")
    assert (run.format, run.curves.unit) == ("tensorboard", "step")
    assert run.curves.at == [*range(3, 40, 4), 40]
    assert run.curves.val_loss == pytest.approx([*[1 / (s + 1) + 0.1 for s in range(3, 40, 4)], math.nan], nan_ok=True)
    means = [sum(1 / (step + 1) for step in range(first, first + 4)) / 4 for first in range(0, 40, 4)]
    assert run.curves.train_loss == pytest.approx([*means, math.nan], nan_ok=True)
    assert run.curves.broken_at == 40
    assert run.has("not-finite")
    assert run.has("one-batch")


def test_add_scalars_is_one_run() -> None:
    run = one("tensorboard/scalars")
    assert run.keys == {"loss_train/loss": "train_loss", "loss_val/loss": "val_loss"}
    assert (run.curves.unit, run.curves.at) == ("epoch", [1, 2, 3, 4, 5])
    assert run.curves.val_loss == pytest.approx([1 / (e + 1) + 0.2 for e in range(5)])


def test_mlflow() -> None:
    runs = read_logs(LOGS / "mlruns")
    assert [run.source.rpartition("#")[2] for run in runs] in (["large", "small"], ["small", "large"])
    for run in runs:
        assert run.curves.at == [1, 2, 3, 4, 5]
        assert run.curves.val_loss == pytest.approx([1 / (e + 1) + 0.1 for e in range(5)])
        assert run.curves.val_accuracy == pytest.approx([0.5 + 0.1 * e for e in range(5)])


def test_a_folder_of_everything() -> None:
    formats = sorted(run.format for run in read_logs(LOGS))
    assert formats == sorted(
        ["keras-history", "keras-csv", "lightning", "huggingface", "timm", "mlflow", "mlflow", *["tensorboard"] * 3]
    )
