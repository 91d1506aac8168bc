"""Bad input, end to end: one clear line on stderr, exit code 2 (1 for the disk), nothing half-written."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

import wellfit.cli.doctor
from tests.cli.calling import SCRIPT, call, environment, process, start, write_images, write_table
from wellfit.cli.app import main

WRONG_NET = """
from torch import nn
class Wrong(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 7)
    def forward(self, x):
        return self.layer(x.flatten(1))
"""

CASES: dict[str, tuple[list[str], list[str]]] = {
    "no such recipe": (["study", "nowhere.yaml"], ["nowhere.yaml: no such file", "a recipe in YAML"]),
    "a folder for a recipe": (["study", "."], ["a recipe in YAML"]),
    "not YAML": (["study", "broken.yaml"], ["broken.yaml, line 2"]),
    "empty file": (["study", "empty.yaml"], ["empty.yaml: is empty"]),
    "no such data": (["train", "nowhere"], ["nowhere: no such data set or path"]),
    "a slip of a name": (["train", "digit"], ["'digits' (nearest)"]),
    "empty class": (["train", "empty-class"], ["empty-class/b: an empty class folder"]),
    "one sample": (["train", "one-sample"], ["the class 'b' has 1 sample"]),
    "corrupt image": (["train", "corrupt"], ["corrupt/a/3.png", "data.skip_bad"]),
    "NaN": (["train", "nan.csv", "--target", "kind"], ["nan.csv, line 7", "x1"]),
    "text": (["train", "text.csv", "--target", "kind"], ["text.csv, line 9", "'hello'", "x2"]),
    "no such target": (["train", "good.csv", "--target", "knid"], ["no column 'knid'", "'kind' (nearest)"]),
    "target not given": (["train", "good.csv"], ["data.target: missing"]),
    "unknown key": (["train", "digits", "--set", "epohcs=3"], ["epohcs: unknown key", "'epochs' (nearest)"]),
    "unknown regularizer": (
        ["train", "digits", "--set", "regularizers.dropuot={}"],
        ["regularizers.dropuot", "'dropout' (nearest)"],
    ),
    "negative strength": (
        ["train", "digits", "--set", "regularizers.l2.strength=-1"],
        ["regularizers.l2.strength: received -1", "at least 0"],
    ),
    "batch too large": (
        ["train", "digits", "--set", "data.limit=100", "--set", "batch_size=5000"],
        ["batch_size: received 5000", "at most 90"],
    ),
    "wrong shape": (
        ["train", "digits", "--set", "model={import: 'net.py:Wrong'}"],
        ["net.py:Wrong returns shape (2, 7)", "shape (2, 10)"],
    ),
    "out below a file": (
        ["train", "digits", "--out", "good.csv/deeper"],
        ["good.csv/deeper: cannot be written", "--out"],
    ),
    "out is a file": (["train", "digits", "--out", "good.csv"], ["good.csv: cannot be written"]),
}


@pytest.fixture
def inputs(folder: Path) -> Path:
    write_images(folder / "empty-class", {"a": 20, "b": 0})
    write_images(folder / "one-sample", {"a": 20, "b": 1})
    write_images(folder / "corrupt", {"a": 20, "b": 20})
    (folder / "corrupt/a/3.png").write_bytes(b"no image")
    write_table(folder / "good.csv")
    write_table(folder / "nan.csv", cell=(5, "x1", "nan"))
    write_table(folder / "text.csv", cell=(7, "x2", "hello"))
    (folder / "net.py").write_text(WRONG_NET)
    (folder / "broken.yaml").write_text("data: [digits,\n")
    (folder / "empty.yaml").touch()
    return folder


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_nothing_written(capsys: pytest.CaptureFixture[str], inputs: Path, case: str) -> None:
    arguments, said = CASES[case]
    before = sorted(inputs.rglob("*"))
    done = call(capsys, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.line.startswith("wellfit: ")
    assert all(part in done.line for part in said), done.line
    after = [path for path in sorted(inputs.rglob("*")) if "__pycache__" not in path.parts]
    assert after == before


def test_so_does_the_real_command(inputs: Path) -> None:
    arguments, said = CASES["corrupt image"]
    done = process(inputs, *arguments)
    assert (done.code, done.out) == (2, "")
    assert all(part in done.line for part in said), done.line


def test_corrupt_rows_are_left_out_when_asked(capsys: pytest.CaptureFixture[str], inputs: Path) -> None:
    arguments = ("--target", "kind", "--skip-bad", "--quiet", "--set", "epochs=1", "--set", "batch_size=8")
    done = call(capsys, "train", "text.csv", *arguments)
    assert done.code == 0
    assert "Left out as corrupt: 1 sample; the first: text.csv, line 9" in done.out


@pytest.mark.parametrize("file", ["study.yaml", "checkpoints", "0.safetensors", "0.json", "result.json", "report.html"])
def test_a_full_disk(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Whichever file meets it; and once there is room, the same command goes on."""
    limits = ("--set", "data.limit=100", "--set", "epochs=2", "--set", "model={kind: mlp, hidden: [8]}")
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if file in Path(target).parts[-2:]:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        done = call(capsys, "train", "digits", "--quiet", *limits)
    assert (done.code, done.out) == (1, "")
    assert f"{file}" in done.line
    assert done.line.endswith("the disk is full")
    assert not [path for path in folder.rglob("*") if path.name.endswith((".wellfit-tmp", ".new"))]
    assert not [path for path in folder.rglob("*") if file in path.parts[-2:] and path.is_file()]
    assert call(capsys, "train", "digits", "--quiet", *limits).code == 0


def test_a_full_disk_behind_stdout(folder: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*SCRIPT, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert done.returncode == 1
    assert done.stderr == "wellfit: stdout: No space left on device\n"


def test_a_reader_that_goes_away(folder: Path) -> None:
    with start(["--help"], folder) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert running.returncode == 1


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(wellfit.cli.doctor, "examine", fail)
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])
