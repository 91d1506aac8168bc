"""``wellfit fit`` as a user calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import call, environment
from tests.fitting import standin

RECIPE = """
data: iris
model: {hidden: [8]}
optimizer: {lr: 0.02}
batch_size: 32
epochs: 4
"""


@pytest.fixture(autouse=True)
def few_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wellfit.fitting.trials.candidates", standin.candidates)
    monkeypatch.setattr("wellfit.fitting.search.look_at_labels", lambda session: {"label_noise": None, "plan": None})


@pytest.fixture
def recipe(folder: Path) -> Path:
    path = folder / "flowers.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_a_recipe_ends_in_words_a_model_and_a_report(
    capsys: pytest.CaptureFixture[str], recipe: Path, folder: Path
) -> None:
    found = call(capsys, "fit", recipe, "--seeds", "3", "--budget", "30m")
    assert found.code == 0, found.err
    assert found.err.startswith("flowers-fit: up to 30 min 00 s, 3 seeds, on iris\n")
    assert "baseline: trains plain with 3 seeds" in found.err
    assert "round 1: plain is" in found.err
    out = folder / "runs" / "flowers-fit"
    assert "Round 1: plain " in found.out
    assert "lr=0.3 + epochs=8 *" in found.out  # the one that was taken
    assert "on the sealed test set" in found.out
    assert "Model: runs/flowers-fit/models/" in found.out
    assert "wellfit predict runs/flowers-fit" in found.out
    assert {path.name for path in out.iterdir()} >= {
        "result.json",
        "report.html",
        "study.yaml",
        "journal.json",
        "models",
    }

    np.savez(folder / "new.npz", x=np.zeros((3, 4), np.float32))
    predicted = call(capsys, "predict", out, folder / "new.npz")
    assert predicted.code == 0, predicted.err
    assert predicted.out.count("\n") == 4

    again = call(capsys, "fit", recipe, "--seeds", "3", "--json")
    assert again.code == 0
    assert json.loads(again.out) == json.loads((out / "result.json").read_text())
    assert "Complete already" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-of-that-name"], "no such data set or path"),
        (["iris", "--budget", "10"], "--budget: received '10'; expected a time such as 90s"),
        (["iris", "--budget", "0s"], "--budget: received '0s'"),
        (["iris", "--metric", "accuracy"], "val_accuracy"),
        (["iris", "--seeds", "0"], "--seeds"),
        (["iris", "--set", "study.seeds=2"], "--set study.seeds=2: fit chooses the arms; expected --seeds or --metric"),
        (["iris", "--set", "optimizer.rate=1"], "optimizer.rate"),
        (["iris", "--metric", "val_iou"], "val_iou for classification"),
        (["iris", "--memory", "much"], "--memory"),
        (["study.yaml"], "study.yaml: has a part 'study'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], said: str
) -> None:
    (folder / "study.yaml").write_text(f"{RECIPE}study: {{seeds: 2}}\n", encoding="utf-8")
    found = call(capsys, "fit", *arguments)
    assert found.code == 2
    assert said in found.line
    assert found.out == ""
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]


def test_a_target_and_quiet(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    draw = np.random.default_rng(0)
    rows = [f"{a:.4f},{b:.4f},{a - b:.4f}" for a, b in draw.normal(size=(60, 2))]
    (folder / "prices.csv").write_text("\n".join(["a,b,price", *rows]) + "\n", encoding="utf-8")
    found = call(
        capsys,
        *("fit", "prices.csv", "--target", "price", "--seeds", "2", "--budget", "40s", "--quiet", "--out", "here"),
        *("--set", "model.hidden=[4]", "--set", "epochs=2"),
    )
    assert found.code == 0, found.err
    assert found.err == ""
    result = json.loads((folder / "here" / "result.json").read_text())
    assert result["fit"]["simple"]["kind"] == "ridge"
    assert result["data"]["task"] == "regression"


PATCHED = """
import sys
import wellfit.fitting.search, wellfit.fitting.trials
from tests.fitting import standin
from wellfit.cli.app import main
wellfit.fitting.trials.candidates = standin.candidates
wellfit.fitting.search.look_at_labels = lambda session: {"label_noise": None, "plan": None}
sys.exit(main(sys.argv[1:]))
"""
"""The command with the stand-in's remedies, as a process of its own."""


def running(folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PATCHED, *(str(argument) for argument in arguments)]
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment() | path, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_it_goes_on(recipe: Path, folder: Path, number: signal.Signals) -> None:
    arguments = ("fit", recipe, "--seeds", "3", "--budget", "1h", "--json", "--set", "epochs=7")
    out, _ = running(folder, *arguments, "--out", "whole").communicate(timeout=200)
    whole = json.loads(out)["fit"]
    for lines in (3, 9, 15):
        with running(folder, *arguments, "--out", "parts") as stopped:
            assert stopped.stderr is not None
            for _ in zip(range(lines), (line for line in stopped.stderr if line.startswith("epoch ")), strict=False):
                pass
            stopped.send_signal(number)
            _, err = stopped.communicate(timeout=60)
        assert stopped.returncode == (130 if number == signal.SIGINT else -9), err
    out, _ = running(folder, *arguments, "--out", "parts").communicate(timeout=200)
    assert json.loads(out)["fit"] == whole
