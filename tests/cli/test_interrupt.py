"""Ctrl-C, SIGTERM and kill -9: what is done is kept, the same command goes on, and ends as if undisturbed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.calling import Called, process, start
from wellfit.data import load

STUDY = """
data: digits.npz
model: {kind: mlp, hidden: [32]}
optimizer: {kind: sgd, lr: 0.1}
batch_size: 30
epochs: 40
study:
  seeds: 2
  factors: {dropout: {rate: 0.3}, l2: {strength: 1.0e-3}}
  arms: {wide: {model: {hidden: [48]}, epochs: 30}, stop: {early_stopping: {patience: 3}}}
"""
RUNS = 12


def write_study(folder: Path) -> None:
    """Digits come as an archive, which spares every process the import of scikit-learn."""
    digits = load("digits", limit=300)
    np.savez(folder / "digits.npz", x=digits.x[:, 0].numpy(), y=digits.y.numpy())
    (folder / "study.yaml").write_text(STUDY)


def values(folder: Path) -> dict[str, Any]:
    """Return all that must not depend on what happened on the way: everything but times, and the count of test reads.

    A kill while the test set is read makes the next run read it again, and the record says so.
    """
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    arms = [{key: value for key, value in arm.items() if key != "seconds"} for arm in result["arms"]]
    assert result["data"].pop("test_reads") >= 1
    kept = ("status", "data", "contrasts", "main_effects", "interactions", "best", "certificate")
    return {"arms": arms, **{key: result[key] for key in kept}}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    """The values of a run from start to end, and its seconds from the first training to the report."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_study(folder)
    with start(["study", "study.yaml", "--certify", "1"], folder) as running:
        read_until(running, "training")
        began = time.perf_counter()
        running.communicate(timeout=300)
    assert running.returncode == 0
    return values(folder / "runs/study"), time.perf_counter() - began


def read_until(running: subprocess.Popen[str], said: str) -> str:
    """Read stderr up to the line with ``said``, or to its end."""
    assert running.stderr is not None
    seen = ""
    for line in running.stderr:
        seen += line
        if said in line:
            break
    return seen


def wait_for_torch(running: subprocess.Popen[str]) -> None:
    """Return as soon as the process has begun to load torch."""
    maps = Path(f"/proc/{running.pid}/maps")
    while maps.exists() and "libtorch" not in maps.read_text():
        assert running.poll() is None
        time.sleep(0.01)
    if not maps.exists():  # not Linux
        time.sleep(2)


def disturb(folder: Path, number: signal.Signals, *, at_line: str = "", after: float = 0.0) -> Called:
    """Start the study and send a signal, ``after`` seconds from the line with ``at_line``, else from the start."""
    with start(["study", "study.yaml", "--certify", "1"], folder) as running:
        seen = read_until(running, at_line) if at_line else ""
        time.sleep(after)
        running.send_signal(number)
        out, err = running.communicate(timeout=300)
    return Called(running.returncode, out, seen + err)


def complete(folder: Path) -> dict[str, Any]:
    assert process(folder, "study", "study.yaml", "--certify", "1").code == 0
    assert not list((folder / "runs/study/checkpoints").iterdir())
    assert not [path for path in folder.rglob("*") if path.name.endswith((".wellfit-tmp", ".new"))]
    return values(folder / "runs/study")


def test_it_says_how_to_go_on_and_does(folder: Path, undisturbed: tuple[dict[str, Any], float]) -> None:
    """Ctrl-C in the first population, SIGTERM in the second, then to the end."""
    write_study(folder)
    for number, line, done_before in ((signal.SIGINT, "epoch 20/40", range(3)), (signal.SIGTERM, "epoch 2/30", (10,))):
        done = disturb(folder, number, at_line=line)
        assert done.code == 130
        assert "Traceback" not in done.err
        last = done.err.splitlines()[-1]
        said = [f"wellfit: interrupted with {count} of {RUNS} runs done; " for count in done_before]
        assert last in [f"{text}the same command goes on from here" for text in said]
        assert json.loads((folder / "runs/study/result.json").read_text())["status"] == "interrupted"
    assert complete(folder) == undisturbed[0]


def test_an_early_interrupt_is_as_quiet(folder: Path) -> None:
    """Before anything is trained: while torch is imported, or the data is read."""
    write_study(folder)
    with start(["study", "study.yaml"], folder) as running:
        wait_for_torch(running)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=300)
    done = Called(running.returncode, out, err)
    assert (done.code, done.out) == (130, "")
    assert done.err.splitlines()[-1].startswith("wellfit: interrupted")
    assert "Traceback" not in done.err


def killed_then_complete(folder: Path, undisturbed: tuple[dict[str, Any], float], times: int) -> None:
    """Kill the study that many times, at random moments of its work, then let it end."""
    expected, seconds = undisturbed
    draw = random.Random(times)
    write_study(folder)
    for _ in range(times):
        done = disturb(folder, signal.SIGKILL, at_line="training", after=draw.uniform(0, 2 / times) * seconds)
        assert done.code in (-signal.SIGKILL, 0)  # 0: it had ended before
    assert complete(folder) == expected


def test_kill_9_thrice(folder: Path, undisturbed: tuple[dict[str, Any], float]) -> None:
    killed_then_complete(folder, undisturbed, 3)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_ten_times(folder: Path, undisturbed: tuple[dict[str, Any], float], attempt: int) -> None:
    killed_then_complete(folder, undisturbed, 10 + attempt)
