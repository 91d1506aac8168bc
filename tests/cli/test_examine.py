"""``wellfit examine``: text, JSON, pages, refusals and interrupts, as a user sees them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.calling import call, start

FAST = ("--set", "epochs=3", "--set", "model.hidden=[8]", "-q")


def test_help_names_the_examinations(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("examine",), ("examine", "--help")):
        called = call(capsys, *arguments)
        assert called.code == 0
        assert "learning-curve" in called.out
        assert "random-labels" in called.out


def test_a_learning_curve(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "new" / "curve"
    command = ("examine", "learning-curve", "iris", "--sizes", "20,50,100", "--seeds", "2", *FAST, "--out", out)
    called = call(capsys, *command)
    assert called.code == 0
    assert "samples" in called.out
    assert "From 54 to 108 samples" in called.out
    assert sorted(path.name for path in out.iterdir()) == ["learning-curve.html", "learning-curve.json"]
    page = (out / "learning-curve.html").read_text(encoding="utf-8")
    assert "Learning curve" in page
    assert "http://" not in page.split("<script", maxsplit=1)[0]
    found = json.loads(call(capsys, *command, "--json").out)
    assert [size["samples"] for size in found["sizes"]] == [22, 54, 108]
    assert found["words"]
    assert json.loads((out / "learning-curve.json").read_text())["sizes"] == found["sizes"]


def test_random_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ("examine", "random-labels", "iris", "--seeds", "1", "--epochs", "2", *FAST)
    called = call(capsys, *command, "--out", tmp_path)
    assert called.code == 0
    assert "Unclear" in called.out
    assert "random-labels.html" in called.out
    found = json.loads(call(capsys, *command, "--json").out)
    assert found["verdict"] == "unclear"
    assert set(found["labels"]) == {"random", "true"}


def test_progress_says_what_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    called = call(capsys, "examine", "random-labels", "iris", "--seeds", "1", "--epochs", "2")
    assert "random labels of iris" in called.err
    assert "150 rows" in called.err
    assert "inferred: vectors" in called.err
    assert "epoch 2/2" in called.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("learning-curve", "iris", "--sizes", "0,10"),
        ("learning-curve", "iris", "--sizes", "50,200%"),
        ("learning-curve", "iris", "--sizes", "1,2"),
        ("learning-curve", "iris", "--sizes", "many"),
        ("learning-curve", "iris", "--seeds", "0"),
        ("learning-curve", "iris", "--metric", "val_iou"),
        ("learning-curve", "diabetes", "--metric", "val_accuracy"),
        ("learning-curve", "nowhere.csv"),
        ("learning-curve", "iris", "--memory", "little"),
        ("learning-curve", "iris", "--out", "/dev/null/x"),
        ("learning-curve", "iris", "--set", "study.seeds=3"),
        ("random-labels", "iris", "--epochs", "0"),
        ("random-labels", "iris", "--seeds", "1000"),
        ("random-labels", "iris", "--set", "optimizer.lr=fast"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    called = call(capsys, "examine", *arguments)
    assert called.code == 2
    assert called.out == ""
    assert called.line.startswith("wellfit: ")


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    arguments = ("examine", "random-labels", "iris", "--epochs", "90000", "--set", "optimizer.lr=1e-6", "--out", "out")
    with start(arguments, tmp_path) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "epoch 2/" in line:
                break
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()
