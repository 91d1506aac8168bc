"""The command line as a user calls it: in this process, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from wellfit.cli.app import main

SCRIPT = (sys.executable, "-m", "wellfit")

STUDY = """
data: {source: digits, limit: 300}
model: {kind: mlp, hidden: [16]}
optimizer: {kind: momentum, lr: 0.05}
batch_size: 32
epochs: 3
study:
  seeds: 2
  factors: {dropout: {rate: 0.3}}
"""


class Called(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """What stderr says, if it is one line."""
        assert self.err.count("\n") == 1, self.err
        return self.err.rstrip("\n")


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Called:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    return Called(code, *capsys.readouterr())


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error::DeprecationWarning:wellfit"}


def start(arguments: Sequence[str | Path], folder: Path) -> subprocess.Popen[str]:
    command = [*SCRIPT, *(str(argument) for argument in arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment(), stdout=pipe, stderr=pipe, text=True)


def process(folder: Path, *arguments: str | Path) -> Called:
    with start(arguments, folder) as running:
        out, err = running.communicate(timeout=300)
    return Called(running.returncode, out, err)


def write_images(root: Path, counts: dict[str, int], *, size: int = 8) -> None:
    """One folder a class; the second class is brighter."""
    draw = np.random.default_rng(0)
    for index, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = draw.integers(0, 120, (size, size)) + 130 * (index % 2)
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{i}.png")


def write_table(path: Path, *, rows: int = 60, cell: tuple[int, str, str] | None = None) -> None:
    """Columns x1, x2, price (a number) and kind (yes or no); ``cell`` replaces one value."""
    draw = np.random.default_rng(1)
    lines = ["x1,x2,price,kind"]
    for i in range(rows):
        a, b = draw.normal(size=2)
        row = {"x1": f"{a:.5f}", "x2": f"{b:.5f}", "price": f"{100 + 5 * a - 3 * b:.5f}"}
        row["kind"] = "yes" if a + b > 0 else "no"
        if cell is not None and cell[0] == i:
            row[cell[1]] = cell[2]
        lines.append(",".join(row.values()))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
