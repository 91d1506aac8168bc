from __future__ import annotations

import errno
import json
import math
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wellfit
from wellfit.atomic import replacing, write_atomic
from wellfit.errors import InputError, StorageError
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study, parse_yaml, read_study
from wellfit.study.files import StudyFolder, dump_yaml, finite, write_json


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder(tmp_path / "runs" / "mine")


def test_every_file_has_its_place(folder: StudyFolder) -> None:
    places = {
        "study.yaml": folder.spec,
        "results.db": folder.results,
        "result.json": folder.result,
        "report.html": folder.report,
        "models": folder.models,
        "models/dropout=0.2+l2/3.safetensors": folder.weights("dropout=0.2+l2", 3),
        "models/dropout=0.2+l2/3.json": folder.card("dropout=0.2+l2", 3),
        "checkpoints": folder.checkpoints,
    }
    assert {str(path.relative_to(folder.path)) for path in places.values()} == set(places)


def test_write_atomic_makes_folders_and_leaves_nothing_else(folder: StudyFolder) -> None:
    path = folder.weights("l2", 0)
    write_atomic(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    write_atomic(path, "Größe\n\udcff")
    assert path.read_bytes() == "Größe\n".encode() + b"\xff"
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomic(tmp_path / "x", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644


def test_what_is_raised_inside_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomic(path, "old")

    def interrupted() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EROFS, "cannot be written (Read-only file system)"),
        (errno.EACCES, "cannot be written (Permission denied)"),
        (errno.EIO, "cannot be written (Input/output error)"),
    ],
)
def test_a_failing_disk_is_a_storage_error_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int, said: str
) -> None:
    path = tmp_path / "result.json"
    write_json(path, {"old": 1})

    def fail(*_arguments: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(StorageError) as caught:
            write_json(path, {"new": 1})
    assert str(caught.value) == f"{path}: {said}"
    assert caught.value.exit_code == 1
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_a_device_without_room_is_a_full_disk(tmp_path: Path) -> None:
    def write() -> None:
        with replacing(tmp_path / "x") as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_bytes(b"x")

    with pytest.raises(StorageError, match=r"x: the disk is full$"):
        write()
    assert list(tmp_path.iterdir()) == []
    assert Path("/dev/full").is_char_device()


def test_a_folder_in_place_of_the_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(StorageError, match=r"x: cannot be written \(Is a directory\)"):
        write_atomic(tmp_path / "x", "x")


def test_json_has_no_nan(tmp_path: Path) -> None:
    value = {"a": [1.5, math.nan, (math.inf, True)], "b": {"c": -math.inf, "d": None, "e": "NaN ü\udcff"}, "n": 10**20}
    write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    plain = {"a": [1.5, None, [None, True]], "b": {"c": None, "d": None, "e": "NaN ü\udcff"}, "n": 10**20}
    assert json.loads(text, parse_constant=refuse) == plain == finite(value)
    assert text.endswith("}\n")


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    for path, said in (
        (tmp_path / "file", "cannot be written (File exists)"),
        (tmp_path / "file" / "below", "cannot be written (Not a directory)"),
        (tmp_path / ("x" * 300), "cannot be written (File name too long)"),
    ):
        with pytest.raises(InputError) as caught:
            StudyFolder(path).create()
        assert str(caught.value) == f"{path}: {said}; expected a folder that can be written (--out)"
        assert caught.value.exit_code == 2

    def fail(number: int) -> None:
        def mkdir(*_arguments: Any, **_options: Any) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(Path, "mkdir", mkdir)

    fail(errno.EROFS)
    with pytest.raises(InputError, match=r"new: cannot be written \(Read-only file system\)"):
        StudyFolder(tmp_path / "new").create()
    fail(errno.ENOSPC)
    with pytest.raises(StorageError, match=r"new: the disk is full$"):
        StudyFolder(tmp_path / "new").create()


HOLDER = """
import sys
from pathlib import Path
from wellfit.atomic import replacing
from wellfit.study.files import StudyFolder

with StudyFolder(Path(sys.argv[1])).lock(), replacing(Path(sys.argv[1], "report.html")) as temporary:
    temporary.write_text("half")
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(folder: StudyFolder) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock while it writes the report."""
    environment = {**os.environ, "PYTHONPATH": str(Path(wellfit.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder.path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process


def take(folder: StudyFolder) -> None:
    with folder.lock():
        pass


def test_two_processes_do_not_run_one_study(folder: StudyFolder, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(InputError) as caught:
        take(folder)
    assert str(caught.value) == (
        f"{folder.path}: another process (process {holder.pid}) is running this study; "
        "expected to wait for it, or another --out"
    )
    take(StudyFolder(folder.path.with_name("other")))
    holder.communicate("")  # it ends
    take(folder)
    assert folder.report.read_text() == "half"


def test_a_killed_process_leaves_neither_lock_nor_half_a_file(
    folder: StudyFolder, holder: subprocess.Popen[str]
) -> None:
    (half,) = folder.path.glob(".report.html.*")
    foreign = folder.path / ".report.html.tmp"
    foreign.touch()
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert half.exists()
    take(folder)
    assert not half.exists()
    assert not folder.report.exists()
    assert foreign.exists()


def test_the_lock_ends_with_its_block(folder: StudyFolder) -> None:
    with folder.lock(), pytest.raises(InputError, match=f"process {os.getpid()}"):
        take(folder)  # the same process cannot run it twice either
    take(folder)


def test_a_file_system_without_locks_is_a_storage_error(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", fail)
    with pytest.raises(StorageError, match=r"mine: cannot be locked \(No locks available\)"):
        take(folder)


WRITER = """
import sys
from pathlib import Path
from wellfit.atomic import write_atomic

for n in range(10**9):
    write_atomic(Path(sys.argv[1]), f"{n % 10}" * 200_000)
    if n == 0:
        print("writes", flush=True)
"""


def test_a_kill_while_writing_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    environment = {**os.environ, "PYTHONPATH": str(Path(wellfit.__file__).parents[1])}
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writes\n"
        end = time.monotonic() + 0.2
        while time.monotonic() < end:  # a reader too never sees half a file
            text = path.read_text()
            assert text == text[0] * 200_000
        os.kill(writer.pid, signal.SIGKILL)
    text = path.read_text()
    assert text == text[0] * 200_000


FULL_STUDY: dict[str, Any] = {
    "name": "all of it",
    "data": {"source": "a folder/ü #1", "task": "classification", "size": [32, 24], "split": {"validation": 1e-4}},
    "model": {"import": "nets.py:Net", "args": {"width": 3, "norm": None, "rates": [0.1, 1e-7], "deep": {"a": "1e-4"}}},
    "optimizer": {"kind": "adamw", "lr": 1e-5, "eps": 1e-12, "weight_decay": 0},
    "regularizers": {"l2": {"strength": 1e-4}, "horizontal_flip": None},
    "epochs": 3,
    "study": {
        "seeds": [3, 2**62, 0],
        "metric": "val_accuracy",
        "factors": {"dropout": {"rate": [0.2, 1e-20]}, "mix": {"rotation": {"degrees": 5}, "l2": None}, "l1": None},
        "arms": {"wide +": {"model": {"kind": "mlp", "hidden": [1024, 512]}}, "on": {"optimizer": {"lr": 1e22}}},
        "control": "wide +",
        "plain": False,
        "half_width": 0.005,
    },
}


@pytest.mark.parametrize("values", [{"data": "digits"}, FULL_STUDY])
def test_a_study_comes_back_from_its_file(folder: StudyFolder, values: dict[str, Any]) -> None:
    spec = parse_study(values)
    write_atomic(folder.spec, dump_yaml(spec))
    again = read_study(folder.spec)
    assert again == spec
    assert again.to_dict() == spec.to_dict()
    assert again.name == spec.name  # not the file's


def test_a_study_file_is_made_for_people() -> None:
    text = dump_yaml(parse_study(FULL_STUDY))
    assert "hidden: [1024, 512]" in text
    assert "seeds: [3, 4611686018427387904, 0]" in text
    assert "&" not in text.replace("&amp;", "")
    assert "!!" not in text


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "1e-4",
        "1e5",
        "-.5E+3",
        "2024-01-31",
        "1:30",
        "null",
        "~",
        "yes",
        "off",
        "0x1f",
        "010",
        "<<",
        "=",
        ".nan",
        "1_000",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_plain_value_comes_back(values: dict[str, Any]) -> None:
    spec = StudySpec.model_validate({"recipe": {"data": "digits", "model": {"import": "x.y", "args": values}}})
    text = dump_yaml(spec)
    assert parse_study(parse_yaml(text)) == spec
    assert parse_yaml(text) == spec.to_dict()
