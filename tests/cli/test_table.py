"""The leaderboard and what stands below it: right numbers, 80 columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wellfit.cli.summary import print_result


def block(values: list[float]) -> dict[str, Any]:
    mean = sum(values) / len(values)
    return {"values": values, "mean": mean, "ci95": [mean - 0.02, mean + 0.02] if len(values) > 1 else None}


def arm(name: str, loss: float, verdict: str = "well-fit", **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"val_loss": block([loss, loss + 0.01]), "test_accuracy": block([0.9, 0.91])}
    base = {"name": name, "verdict": verdict, "words": f"Words on {name}.", "status": ["complete", "complete"]}
    return base | {"epochs_run": [3, 3], "best_epoch": [3, 3], "findings": [], "seconds": 1.0} | values | more


def contrast(name: str, difference: float, p: float) -> dict[str, Any]:
    numbers = {"difference": difference, "ci95": [difference - 0.01, difference + 0.01], "p": p, "p_holm": p}
    return {"arm": name, "against": "plain", "metric": "val_loss", **numbers, "dz": 1.0, "seeds_needed": 3}


def result(**changes: Any) -> dict[str, Any]:
    long = "dropout+l2+augmentation"
    made: dict[str, Any] = {
        "name": "made",
        "status": "complete",
        "metric": "val_loss",
        "control": "plain",
        "seeds": [0, 1],
        "data": {"skipped": []},
        "arms": [arm("plain", 0.35, "overfit"), arm(long, 0.3), arm("hot", 0.4, "unconverged")],
        "contrasts": [contrast(long, -0.05, 0.001), contrast("hot", 0.05, 0.5)],
        "main_effects": [],
        "interactions": [],
        "best": {"arm": long, "seed": 0},
        "certificate": {"members": [{}, {}], "largest": 3.2e-8},
        "seconds": 75.0,
    }
    return made | changes


def printed(capsys: pytest.CaptureFixture[str], values: dict[str, Any]) -> str:
    print_result(values, Path("runs/made/report.html"))
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines() if not line.startswith("Report")) <= 80, text
    return text


def test_rows_best_first_with_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, result())
    assert "dropout+l2+ " in text  # the name breaks where it can
    text = text.replace("dropout+l2+ ", "dropout+l2+augmentation ", 1)
    rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    minus, pm = "\N{MINUS SIGN}", "\N{PLUS-MINUS SIGN}"
    assert rows == [
        [
            "1",
            "dropout+l2+augmentation",
            "well-fit",
            f"0.305{pm}0.020",
            "90.5",
            "%",
            f"{minus}0.050{pm}0.010",
            "better",
        ],
        ["2", "plain", "overfit", f"0.355{pm}0.020", "90.5", "%", "control"],
        ["3", "hot", "unconverged", f"0.405{pm}0.020", "90.5", "%", f"+0.050{pm}0.010", "unclear"],
    ]
    assert "plain: overfit. Words on plain." in text
    assert "dropout+l2+augmentation: well-fit. Words on dropout+l2+augmentation." in text
    assert "Words on hot" not in text
    assert "dropout+l2+augmentation beats plain by 0.050 val_loss" in text
    assert "Certificate: 2 runs trained again alone; largest deviation of a weight 3.2e-08." in text
    assert text.endswith("Time: 1 min 15 s.\nReport: runs/made/report.html\n")


def test_arms_without_a_value_come_last(capsys: pytest.CaptureFixture[str]) -> None:
    broken = arm("broken", 0.1, "diverged", val_loss=None, test_accuracy=None, status=["diverged", "diverged"])
    text = printed(capsys, result(arms=[broken, *result()["arms"]]))
    rows = [line for line in text.splitlines() if "broken " in line]
    assert rows[0].split() == ["\N{EN DASH}", "broken", "diverged", "\N{EN DASH}", "\N{EN DASH}"]


def test_the_test_set_while_it_is_sealed(capsys: pytest.CaptureFixture[str]) -> None:
    arms = [one | {"test_accuracy": None} for one in result()["arms"]]
    assert "test_" not in printed(capsys, result(arms=arms, status="interrupted", certificate=None))


def test_a_single_run(capsys: pytest.CaptureFixture[str]) -> None:
    alone = arm("plain", 0.3) | {"val_loss": {"values": [0.3], "mean": 0.3, "ci95": None}, "status": ["complete"]}
    text = printed(capsys, result(arms=[alone], contrasts=[], seeds=[0], best={"arm": "plain"}, certificate=None))
    assert "against" not in text
    assert "95 %" not in text
    assert "with one seed no interval is possible" in text


def test_interactions_beyond_chance_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    common = {"metric": "val_loss", "levels": ["on", "on"], "p": 0.01}
    real = {"factors": ["dropout", "l2"], "difference": 0.2, "ci95": [0.1, 0.3], "p_holm": 0.01, **common}
    noise = {"factors": ["dropout", "aug"], "difference": 0.1, "ci95": [-0.1, 0.3], "p_holm": 0.4, **common}
    mains = [
        {"factor": name, "level": "on", "metric": "val_loss", "difference": -0.1, "ci95": [-0.2, 0.0], "p_holm": 0.5}
        for name in ("dropout", "l2", "aug")
    ]
    text = printed(capsys, result(interactions=[real, noise], main_effects=mains))
    assert "dropout \N{MULTIPLICATION SIGN} l2: together they bring less than one by one (val_loss +0.20" in text
    assert text.count("together") == 1


def test_the_certificate_tells_of_the_loss_too(capsys: pytest.CaptureFixture[str]) -> None:
    made = {"members": [{}], "largest": 3.2e-8, "largest_loss": 1.5e-9}
    said = " ".join(printed(capsys, result(certificate=made)).split())
    begins = "Certificate: 1 run trained again alone; largest deviation of a weight"
    assert f"{begins} 3.2e-08, of a saved network's val_loss 1.5e-09." in said
    same = " ".join(printed(capsys, result(certificate=made | {"largest": 0.0, "largest_loss": 0.0})).split())
    assert f"{begins} 0, of a saved network's val_loss 0." in same


def test_what_was_left_out_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, result(data={"skipped": ["a.png: not an image", "b.png: not an image"]}))
    assert "Left out as corrupt: 2 samples; the first: a.png: not an image" in text
