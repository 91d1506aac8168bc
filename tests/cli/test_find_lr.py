"""``wellfit train --find-lr``: a table with a suggestion, or JSON; nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import call

FAST = ("--set", "data.limit=200", "--set", "model={kind: mlp, hidden: [8]}", "--set", "batch_size=64")


def test_a_table_and_a_suggestion_that_train_takes(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    done = call(capsys, "train", "digits", "--find-lr", *FAST)
    assert done.code == 0
    assert done.err.startswith("digits: learning-rate range test, seed 0, on digits\ndata: digits: 559 images 1x8x8,")
    assert "\ntraining 26 members (stacked)" in done.err
    rows = done.out.split("\n\n")[0].splitlines()
    assert len(rows) == 26
    assert max(len(row) for row in rows) <= 80
    marked = [row.split() for row in rows if "suggested" in row]
    suggestion = done.out.partition("Suggested: --set ")[2].split()[0]
    assert suggestion == f"optimizer.lr={marked[0][0]}"
    assert sum("lowest loss" in row for row in rows) == 1
    assert not list(folder.iterdir()), "nothing is written"
    again = call(capsys, "train", "digits", "--quiet", *FAST, "--set", suggestion, "--set", "epochs=1")
    assert again.code == 0


def test_json(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    done = call(capsys, "train", "digits", "--find-lr", "--quiet", "--json", "--seed", "4", *FAST)
    found = json.loads(done.out)
    assert (done.code, done.err, found["seed"], found["optimizer"]) == (0, "", 4, "sgd")
    by_lr = {trial["lr"]: trial for trial in found["trials"]}
    assert by_lr[found["suggestion"]]["outcome"] == by_lr[found["best"]]["outcome"] == "usable"
    low, high = found["usable"]
    assert low <= found["suggestion"] <= high
    assert by_lr[10.0]["outcome"] in {"diverged", "too large"}


@pytest.mark.parametrize("more", [("--out", "x"), ("--store", "sqlite:///x.db"), ("--fresh",)])
def test_what_it_would_not_write_is_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, more: tuple[str, ...]
) -> None:
    done = call(capsys, "train", "digits", "--find-lr", *more)
    assert (done.code, done.out) == (2, "")
    assert f"{more[0]} has no meaning with --find-lr" in done.line


def test_where_nothing_learns_it_says_so(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    frozen = ("--set", "regularizers.freezing.plan={'*': .inf}")
    done = call(capsys, "train", "digits", "--find-lr", "--quiet", *FAST, *frozen)
    assert done.code == 0
    assert "No learning rate of the grid makes the loss fall" in done.out
    assert "Suggested" not in done.out


def test_an_interrupt_says_what_is_true(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wellfit.cli.find_lr.find_lr", stopped)
    done = call(capsys, "train", "digits", "--find-lr", "--quiet")
    assert (done.code, done.out, done.line) == (130, "", "wellfit: interrupted; the same command begins anew")
