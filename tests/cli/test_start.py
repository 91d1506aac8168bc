"""What stands before the first training step: nothing that only later work needs, and no search for garbage."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import environment
from wellfit.cli.importing import for_good

LATER = {
    "for intervals and trends": {"scipy"},
    "for the report": {"jinja2", "plotly", "wellfit.report"},
    "for other data": {"pandas", "polars", "pyarrow", "sklearn", "torchvision"},
    "for logs of others": {"mlflow", "tensorboard"},
    "for compiled networks": {"sympy", "torch._dynamo", "torch._inductor"},
}
"""Packages that are slow to import, and what they are for."""

UNTIL_THE_FIRST_STEP = """
import gc, json, os, sys
from wellfit.cli import fail

begin = fail.begin_work

def begin_to_end():
    begin()
    import wellfit.train.epoch as engine
    engine.step = answer

def answer(*_, **__):
    print(json.dumps([sorted(sys.modules), gc.isenabled(), gc.get_freeze_count()]), flush=True)
    os._exit(0)

fail.begin_work = begin_to_end
from wellfit.__main__ import main
sys.argv = ["wellfit", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def before_the_step(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], bool, int]:
    """Modules, whether garbage is collected, and how many objects are passed over, when the first step begins."""
    folder: Path = tmp_path_factory.mktemp("start")
    draw = np.random.default_rng(0)
    np.savez(folder / "noise.npz", x=draw.integers(0, 255, (60, 8, 8)).astype(np.uint8), y=np.arange(60) % 3)
    command = [sys.executable, "-c", UNTIL_THE_FIRST_STEP, "train", "noise.npz"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    modules, collected, frozen = json.loads(done.stdout.splitlines()[-1])
    return set(modules), collected, frozen


def test_nothing_is_imported_for_later(before_the_step: tuple[set[str], bool, int]) -> None:
    modules = before_the_step[0]
    assert {"torch", "wellfit.train.epoch", "wellfit.stats.paired"} <= modules
    assert set().union(*LATER.values()) & modules == set()


def test_the_training_collects_its_garbage_and_passes_over_the_imports(
    before_the_step: tuple[set[str], bool, int],
) -> None:
    _, collected, frozen = before_the_step
    assert collected
    assert frozen > 100_000


def test_in_a_process_that_has_torch_nothing_is_frozen() -> None:
    import torch  # noqa: F401

    before = gc.get_freeze_count()
    with for_good():
        assert gc.isenabled()
    assert gc.get_freeze_count() == before


def test_a_failed_import_leaves_garbage_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    before = gc.get_freeze_count()
    collected = []

    def fail() -> None:
        with for_good():
            collected.append(gc.isenabled())
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert collected == [False]
    assert gc.isenabled()
    assert gc.get_freeze_count() == before
