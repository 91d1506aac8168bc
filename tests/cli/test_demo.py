"""``wellfit demo``: it runs, and shows what it is there to show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import call


def test_the_demo(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    done = call(capsys, "demo")
    assert done.code == 0
    assert "l2 beats plain by" in done.out
    assert "plain overfits" in done.out
    assert done.out.endswith("Report: runs/demo/report.html\n")
    result = json.loads((folder / "runs/demo/result.json").read_text())
    arms = {arm["name"]: arm for arm in result["arms"]}
    assert set(arms) == {
        *("plain", "dropout", "l2", "augmentation"),
        *("dropout+l2", "dropout+augmentation", "l2+augmentation", "dropout+l2+augmentation"),
    }
    assert len(result["seeds"]) == 5
    assert arms["plain"]["verdict"] == "overfit"
    assert arms["l2"]["verdict"] == "well-fit"
    assert result["data"]["test_reads"] == 1
    assert len(result["certificate"]["members"]) == 2
    assert result["certificate"]["largest"] <= 1e-4
    again = call(capsys, "demo")
    assert again.out == done.out
    assert "Complete already" in again.err
    assert Path("runs/demo/report.html").stat().st_size > 1_000_000
