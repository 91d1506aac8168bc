from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import wellfit
from wellfit.callbacks.divergence import why_stop
from wellfit.diagnosis.readers import read_logs
from wellfit.errors import InputError

TRAIN = [1.8, 1.1, 0.7, 0.45, 0.3, 0.2, 0.13, 0.09, 0.06, 0.04]
VAL = [1.9, 1.3, 1.0, 0.90, 0.88, 0.92, 0.99, 1.08, 1.18, 1.30]


def watched(train: list[Any], val: list[Any] | None = None, **known: Any) -> wellfit.Watch:
    watch = wellfit.Watch(**known)
    for i, loss in enumerate(train):
        watch.epoch(train_loss=loss, val_loss=None if val is None else val[i])
    return watch


def test_it_says_what_diagnose_says() -> None:
    watch = watched(TRAIN, VAL, chance_loss=2.303)
    known = wellfit.diagnose({"train_loss": TRAIN, "val_loss": VAL}, chance_loss=2.303)
    assert watch.diagnose() == known
    assert known.verdict == "overfit"
    lines = watch.verdict().splitlines()
    assert lines[0] == "wellfit, 10 epochs"
    assert lines[1].strip().startswith("overfit, confidence")
    assert not watch.should_stop


def test_numbers_of_all_kinds() -> None:
    watch = wellfit.Watch()
    assert watch.epoch(train_loss=torch.tensor(1.5, requires_grad=True), val_loss=np.float32(2.0), lr=1)
    assert watch.curves == {"epoch": [1], "train_loss": [1.5], "val_loss": [2.0], "lr": [1.0]}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"train_loss": "low"}, "train_loss: received str"),
        ({"train_loss": torch.ones(2)}, "train_loss: received Tensor"),
        ({"lr": 0.1}, "received no loss and no accuracy"),
        ({"number": 2, "train_loss": 1.0}, "received 2 after 2; expected a whole number, increasing"),
    ],
)
def test_bad_values_are_one_line(given: dict[str, Any], words: str) -> None:
    watch = watched([1.0, 0.9])
    with pytest.raises(InputError, match=words) as caught:
        watch.epoch(**given)
    assert "\n" not in str(caught.value)
    assert len(watch) == 2


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e200])
def test_stops_when_a_loss_is_not_finite(broken: float) -> None:
    watch = watched([2.0, 1.5])
    assert not watch.epoch(train_loss=1.4, val_loss=broken)
    assert watch.should_stop
    assert watch.stop_reason.startswith("the val loss is ")
    assert watch.diagnose().verdict == "diverged"


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_stops_when_it_exploded_whatever_the_units(scale: float) -> None:
    losses = [scale * loss for loss in (2.3, 1.9, 1.5, 20.0, 25.0)]
    assert not watched(losses[:4], losses[:4]).should_stop, "one spike may pass"
    watch = watched(losses, losses)
    assert watch.should_stop
    assert watch.diagnose().verdict == "diverged"


@pytest.mark.parametrize(
    "train", [TRAIN, [2.3, 1.9, 30.0, 1.7, 1.5, 1.4], [0.1, 0.09, 0.3, 0.35, 0.2], [-1.0, -2.0, -3.0]]
)
def test_does_not_stop_what_learns(train: list[float]) -> None:
    """Overfitting, a spike, a climb from near nothing, losses below zero."""
    val = [loss * (1 + i) for i, loss in enumerate(train)] if train is TRAIN else None
    rows: list[dict[str, float | None]] = [
        {"train_loss": loss, "val_loss": None if val is None else 20 * val[i]} for i, loss in enumerate(train)
    ]
    assert [why_stop(rows[: i + 1]) for i in range(len(rows))] == [""] * len(rows)


def test_rewinding_forgets() -> None:
    watch = watched([1.0, 0.5, math.nan])
    assert watch.stop_reason == "the train loss is nan at epoch 3"
    watch.rewind(3)
    assert not watch.should_stop
    assert watch.epoch(train_loss=0.4)
    assert watch.curves["train_loss"] == [1.0, 0.5, 0.4]


@pytest.mark.parametrize("measured", ["eval", "train"])
def test_what_it_saves_is_read_as_it_was(tmp_path: Path, measured: Any) -> None:
    watch = watched([*TRAIN, math.nan], [*VAL, None], measured=measured)
    watch.save(tmp_path / "curves.json")

    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads((tmp_path / "curves.json").read_text(), parse_constant=refuse)  # JSON knows no NaN
    (run,) = read_logs(tmp_path)
    assert run.curves.train_loss is not None
    assert run.curves.train_loss[:10] == TRAIN
    assert run.curves.broken_at == 11
    assert run.has("train-mode") == (measured == "train")
    assert wellfit.diagnose(run).verdict == watch.diagnose().verdict == "diverged"


def test_as_a_context_it_prints_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    watch = wellfit.Watch()

    def interrupted() -> None:
        with watch:
            watch.epoch(train_loss=1.0, val_loss=1.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().out == watch.verdict() + "\n"
    with wellfit.Watch() as nothing:
        pass
    assert capsys.readouterr().out == ""
    assert nothing.verdict().endswith("no losses were reported.")


def test_it_needs_no_torch() -> None:
    code = (
        "import sys, wellfit; w = wellfit.Watch(); w.epoch(val_loss=2); w.verdict(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_examples_of_the_docs_run(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "diagnosing.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(compile(example, "docs/diagnosing.md", "exec"), {})
    assert "\nwellfit, 20 epochs\n" in capsys.readouterr().out
