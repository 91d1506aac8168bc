"""JSON and JSON Lines in the forms that people dump."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wellfit.diagnosis.readers import read_logs

LOSS, VAL = [3.0, 2.0, 1.0], [4.0, 3.0, 3.5]
ROWS = [{"epoch": e + 1, "train_loss": a, "val_loss": b} for e, (a, b) in enumerate(zip(LOSS, VAL, strict=True))]


@pytest.mark.parametrize(
    "found",
    [
        {"loss": LOSS, "val_loss": VAL},
        {"history": {"loss": LOSS, "val_loss": VAL}, "params": {"epochs": 3}},
        {"train": {"loss": LOSS}, "val": {"loss": VAL}},
        {"trainLoss": LOSS, "validLoss": VAL, "classes": ["a", "b"]},
        {"loss": {"0": 3, "1": 2, "2": 1}, "val_loss": {"0": 4, "1": 3, "2": 3.5}},
        ROWS,
        {"epochs": ROWS},
        {"1": ROWS[0], "2": ROWS[1], "3": ROWS[2]},
        {"columns": list(ROWS[0]), "data": [list(row.values()) for row in ROWS]},
        [
            {"epoch": row["epoch"], "train": {"loss": row["train_loss"]}, "val": {"loss": row["val_loss"]}}
            for row in ROWS
        ],
    ],
)
def test_one_run_in_many_dresses(tmp_path: Path, found: Any) -> None:
    (tmp_path / "log").write_text(json.dumps(found))
    (run,) = read_logs(tmp_path / "log")
    assert (run.curves.unit, run.curves.at) == ("epoch", [1, 2, 3])
    assert (run.curves.train_loss, run.curves.val_loss) == (LOSS, VAL)
    assert run.source == str(tmp_path / "log")


def test_several_runs(tmp_path: Path) -> None:
    found = {"small": {"loss": LOSS, "val_loss": VAL}, "large": {"loss": VAL, "val_loss": LOSS}}
    (tmp_path / "log").write_text(json.dumps(found))
    small, large = read_logs(tmp_path / "log")
    assert (small.source.rpartition("#")[2], small.curves.train_loss) == ("small", LOSS)
    assert (large.source.rpartition("#")[2], large.curves.train_loss) == ("large", VAL)


def test_lines_with_train_and_validation_apart(tmp_path: Path) -> None:
    lines = []
    for step in range(20):
        lines.append({"step": step, "epoch": step // 10, "loss": float(step)})
        if step % 10 == 9:
            lines.append({"epoch": step // 10, "val_loss": 1.0})
    (tmp_path / "log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run,) = read_logs(tmp_path / "log")
    assert run.format == "jsonl"
    assert run.curves.at == [1, 2]
    assert run.curves.train_loss == [4.5, 14.5]


def test_wandb_history(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [{"_step": i, "_runtime": i / 9, "train/loss": 1.0 / (i + 1)} for i in range(50)]
    for i in range(9, 50, 10):
        lines[i] |= {"val/loss": float(i), "epoch": i // 10}
    (tmp_path / "log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run,) = read_logs(tmp_path / "log")
    assert (run.format, run.curves.unit, run.curves.at) == ("wandb", "epoch", [1, 2, 3, 4, 5])
    assert run.curves.val_loss == [9, 19, 29, 39, 49]


def test_half_epochs(tmp_path: Path) -> None:
    found = {"log_history": [{"epoch": e / 2, "step": e * 5, "loss": 1.0, "eval_loss": 2.0} for e in range(1, 5)]}
    (tmp_path / "log").write_text(json.dumps(found))
    assert read_logs(tmp_path / "log")[0].curves.at == [0.5, 1, 1.5, 2]
