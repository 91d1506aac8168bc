"""The folder of a study: where its files are, and how they are written: a kill leaves the old file or the new one.

::

    <folder>/study.yaml  results.db  result.json  report.html
             models/<arm>/<seed>.safetensors  models/<arm>/<seed>.json
             checkpoints/
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wellfit.atomic import FULL, TEMPORARY, reason, storage_error, write_atomic
from wellfit.errors import InputError, StorageError
from wellfit.recipe import StudySpec
from wellfit.recipe_file import read_as_yaml_1_2


@dataclass(frozen=True)
class StudyFolder:
    """The paths of a study's files."""

    path: Path

    @property
    def spec(self) -> Path:
        """The effective study as a recipe file."""
        return self.path / "study.yaml"

    @property
    def results(self) -> Path:
        """The database of curves and outcomes (SQLite), unless the study uses another."""
        return self.path / "results.db"

    @property
    def result(self) -> Path:
        """What the study found, for programs."""
        return self.path / "result.json"

    @property
    def report(self) -> Path:
        """What the study found, for people."""
        return self.path / "report.html"

    @property
    def models(self) -> Path:
        """One folder per arm."""
        return self.path / "models"

    @property
    def checkpoints(self) -> Path:
        """What the runs under way need to go on; empty when the study is complete."""
        return self.path / "checkpoints"

    def weights(self, arm: str, seed: int) -> Path:
        """Return the path of the weights that a run hands over."""
        return self.models / arm / f"{seed}.safetensors"

    def card(self, arm: str, seed: int) -> Path:
        """Return the path of what is needed to use the weights: network, classes, scaling."""
        return self.models / arm / f"{seed}.json"

    def create(self) -> None:
        """Make the folder, if it is not there, and make sure that it can be written.

        Raises
        ------
        InputError
            It cannot be made or written.
        StorageError
            The disk is full.

        """
        os.close(self._open_lock())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Make the folder and keep other processes from running the study in it; the lock ends with the process.

        Files left half written by a process that was killed are removed.

        Raises
        ------
        InputError
            Another process holds the lock, or the folder cannot be written.
        StorageError
            The disk is full, or the file system has no locks.

        """
        descriptor = self._open_lock()
        try:
            self._take(descriptor)
            self._remove_temporary()
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            return os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno in FULL:
                raise storage_error(self.path, error) from error
            what = f"cannot be written ({reason(error)})"
            raise InputError(str(self.path), what, "a folder that can be written (--out)") from error

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            what = "another process" + (f" ({holder})" if holder else "") + " is running this study"
            raise InputError(str(self.path), what, "to wait for it, or another --out") from None
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be locked ({reason(error)})") from error
        with suppress(OSError):  # who holds it is told for convenience only
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)

    def _remove_temporary(self) -> None:
        for folder in (self.path, self.models, self.checkpoints):
            for pattern in (f".*{TEMPORARY}", f"*/.*{TEMPORARY}"):
                for left in folder.glob(pattern):
                    with suppress(OSError):
                        left.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON (RFC 8259): NaN and infinity, which it does not have, become ``null``.

    Raises
    ------
    StorageError
        The disk is full, or the file cannot be written.

    """
    write_atomic(path, json.dumps(finite(value), indent=2, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """Return plain values with ``None`` for each number that is not finite, and lists for tuples."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def dump_yaml(spec: StudySpec) -> str:
    """Return the study as a recipe file; ``wellfit.recipe_file.read_study`` gives an equal spec back."""
    return yaml.dump(
        spec.to_dict(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


class _Dumper(yaml.SafeDumper):
    """Knows what the loader of recipe files takes for a number, and writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # Without quotes PyYAML writes some line breaks of Unicode (U+0085) as they are, and reads them as others.
    style = None if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


read_as_yaml_1_2(_Dumper)
_Dumper.add_representer(str, _text)
