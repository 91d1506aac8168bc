"""Progress: the numbers it shows, as lines and as bars."""

from __future__ import annotations

import io
import math
import re

import pytest
import torch
from rich.console import Console

from wellfit.cli.bars import bars
from wellfit.cli.pace import State, clock, pace_text
from wellfit.cli.progress import Lines, Shown, progress
from wellfit.record import EpochRow, RunRecord
from wellfit.train.events import EpochEnded, Event, MemberFinished, PopulationEnded, PopulationStarted

PLAIN, OTHER = ("plain", 0), ("dropout+l2", 0)
PLAN = "tiny: 2 arms x 1 seed = 2 runs, 3 epochs each, on digits"


def row(epoch: int, val_loss: float, val_accuracy: float | None = 0.5) -> EpochRow:
    return EpochRow(
        epoch=epoch,
        train_loss=0.1,
        val_loss=val_loss,
        train_accuracy=None,
        val_accuracy=val_accuracy,
        objective=0.1,
        penalty=0.0,
        lr=0.1,
        grad_norm=1.0,
        seconds=1.0,
    )


def ended(epoch: int, losses: tuple[float, float], *, left: int = 2, seconds: float = 4.0) -> EpochEnded:
    rows = {PLAIN: row(epoch, losses[0], 0.9), OTHER: row(epoch, losses[1], 0.8)}
    return EpochEnded(epoch, rows, left, seconds)


def training() -> list[Event]:
    """Two members over three epochs; one of them diverges."""
    diverged = RunRecord("plain", 0, {}, "diverged", 1, (row(1, 0.5), row(2, math.nan)))
    return [
        PopulationStarted((PLAIN, OTHER), 3, 0, "stacked"),
        ended(1, (0.5, 0.6)),
        ended(2, (math.nan, 0.41234), left=1),
        MemberFinished(diverged, {"w": torch.zeros(1)}),
        EpochEnded(3, {OTHER: row(3, 0.45)}, 0, 2.0),
        PopulationEnded(10.0),
    ]


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(Lines(), plan=PLAN, metric="val_loss")
    assert capsys.readouterr().err == ""  # bad input must be able to stand alone
    for event in training():
        shown.listen(event)
    shown.finish()
    assert capsys.readouterr().err.splitlines() == [
        PLAN,
        "training 2 members (stacked)",
        "epoch 1/3  2 members  best val_loss 0.5000 (plain)  4.0 s/epoch  left 0:08",
        "epoch 2/3  2 members  best val_loss 0.4123 (dropout+l2)  4.0 s/epoch  left 0:04",
        "plain, seed 0: diverged in epoch 2",
        "epoch 3/3  1 member  best val_loss 0.4123 (dropout+l2)  3.3 s/epoch",
        "trained in 10 s",
    ]


def test_it_says_where_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(Lines(), plan=PLAN, metric="val_loss")
    shown.listen(PopulationStarted((PLAIN,), 30, 12, "one by one"))
    assert capsys.readouterr().err.endswith("training 1 member (one by one), going on after epoch 12\n")


def test_nothing_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(plan=PLAN, metric="val_loss") as shown:
        shown.finish()
    assert capsys.readouterr().err.startswith(f"{PLAN}\nComplete already: nothing is left to train")
    with progress(plan=PLAN, metric="val_loss", quiet=True) as shown:
        for event in training():
            shown.listen(event)
        shown.finish()
    assert capsys.readouterr().err == ""


def test_an_accuracy_is_better_when_higher() -> None:
    state = State(metric="val_accuracy", epochs=10)
    assert state.best_text == ""
    assert math.isnan(state.left(1))
    state.update(ended(1, (0.5, 0.4)))
    assert state.best_text == "best val_accuracy 90.0 % (plain)"
    state.update(EpochEnded(2, {OTHER: row(2, 0.1, 0.95)}, 1, 2.0))
    assert state.best_text == "best val_accuracy 95.0 % (dropout+l2)"
    assert state.left(2) == pytest.approx(8 * 3.0)


def test_the_last_five_epochs_count() -> None:
    state = State(metric="val_loss", epochs=20)
    for epoch, seconds in enumerate([100.0, 1, 2, 3, 4, 5], start=1):
        state.update(ended(epoch, (1.0, 1.0), seconds=seconds))
    assert state.seconds == pytest.approx(3)
    assert state.left(6) == pytest.approx(42)


def test_times() -> None:
    assert [clock(s) for s in (0.2, 59.6, 111, 7390)] == ["0:01", "1:00", "1:51", "2:03:10"]
    assert [pace_text(s) for s in (0.0042, 0.35, 4.1, 75)] == ["4 ms", "350 ms", "4.1 s", "1 min 15 s"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_bars(width: int) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None, _environ={"TERM": "xterm"})
    with bars(console) as display:
        shown = Shown(display, plan=PLAN, metric="val_loss")
        for event in [*training(), *training()]:
            shown.listen(event)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    lines = [line.rstrip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    assert PLAN in lines
    assert "plain, seed 0: diverged in epoch 2" in lines
    last = lines[-2:]
    assert all("3/3 10 s" in line for line in last), last
    assert all(len(line) <= width for line in lines)
    if width >= 80:
        assert all("best val_loss 0.4123 (dropout+l2)" in line for line in last)
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h")  # the cursor is back


def drawn(width: int, events: list[Event]) -> list[str]:
    """The lines that bars of that width show, each once, refreshed after each event."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, color_system=None, _environ={"TERM": "xterm"})
    with bars(console) as display:
        shown = Shown(display, plan=PLAN, metric="val_loss")
        for event in events:
            shown.listen(event)
            display._progress.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).replace("\r", "\n")
    return [line.rstrip() for line in dict.fromkeys(text.splitlines()) if line.strip()]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("arm", ["plain", "dropout+l2", "dropout+l2+early_stopping", "a" * 70])
def test_no_word_beside_a_bar_is_clipped(width: int, arm: str) -> None:
    """Also where a second bar has wider counts than the first: columns are shared."""
    words = {"best", "val_loss", f"({arm})", "0.5000", "to", "go", "0:08", "1:06:36", "4.0", "s/epoch", "", "left"}
    words |= {"then", "certificate,", "test", "set,", "tables", "...", "finishing", "2", "h", "02", "min", "10", "s"}
    events: list[Event] = []
    for epochs, seconds in ((3, 10.0), (1000, 7300.0)):
        rows = {(arm, 0): row(1, 0.5)}
        events += [PopulationStarted(((arm, 0),), epochs, 0, "stacked"), EpochEnded(1, rows, 1, 4.0)]
        events += [EpochEnded(epochs, rows, 0, 4.0), PopulationEnded(seconds)]
    found = [line for line in drawn(width, events) if re.search(r"\d/\d", line)]
    assert any("finishing" in line or "then certificate" in line for line in found) or width < 60
    for line in found:
        beside = re.split(r"\d+/\d+ +", line)[1]
        assert {word for word in beside.split(" ") if not word.isdigit()} <= words, line
        assert len(line) <= width


def test_what_has_room_beside_a_bar() -> None:
    """The pace goes first, then the arm."""
    long = "dropout+early_stopping"
    events: list[Event] = [PopulationStarted(((long, 0),), 30, 0, "stacked")]
    events += [EpochEnded(1, {(long, 0): row(1, 0.5)}, 1, 4.0)]
    lines = {width: drawn(width, events)[-1].split("left ")[1] for width in (60, 80, 100)}
    assert lines == {
        60: "1:56 to go  best val_loss 0.5000",
        80: f"1:56 to go  best val_loss 0.5000 ({long})",
        100: f"1:56 to go  best val_loss 0.5000 ({long})  4.0 s/epoch",
    }


def test_bars_give_the_terminal_back() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None, _environ={"TERM": "xterm"})
    with pytest.raises(KeyboardInterrupt), bars(console):
        raise KeyboardInterrupt
    assert screen.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in screen.getvalue()[-40:]
