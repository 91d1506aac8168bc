"""Event files to runs: those of a folder are one run, and so are the ``train`` and ``validation`` folders in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wellfit.diagnosis.readers.event_file import read_events
from wellfit.diagnosis.readers.keys import PARTS, is_curve
from wellfit.diagnosis.readers.raw import RawRun


def read_event_files(files: Sequence[Path]) -> list[RawRun]:
    """Return the runs of event files: one per folder.

    Keras writes a run's train and validation scalars into folders ``train`` and ``validation``, torch's
    ``add_scalars`` those of a plot into ``<tag>_train`` and the like: they belong to the folder above, their folder's
    name before the tag.
    """
    by_folder: dict[Path, RawRun] = {}
    for path in sorted(files, key=lambda file: (file.parent, file.name)):
        run = by_folder.setdefault(path.parent, RawRun(str(path.parent), "tensorboard", axis="step"))
        read_events(path, run)
    if len(files) == 1:
        next(iter(by_folder.values())).source = str(files[0])
    return [run for run in _merged(by_folder) if any(is_curve(key) for key in run.tracks)]


def _merged(by_folder: Mapping[Path, RawRun]) -> list[RawRun]:
    runs: dict[Path, RawRun] = {}
    for folder, run in by_folder.items():
        siblings = [other for other in by_folder if other.parent == folder.parent and _part(other)]
        if not _part(folder) or len({_part(other) for other in siblings}) < 2:
            _join(runs, folder, run, "")
        else:
            _join(runs, folder.parent, run, f"{folder.name}/")
    return list(runs.values())


def _join(runs: dict[Path, RawRun], folder: Path, run: RawRun, prefix: str) -> None:
    whole = runs.setdefault(folder, RawRun(str(folder) if prefix else run.source, "tensorboard", axis="step"))
    for key, track in run.tracks.items():
        whole.tracks.setdefault(f"{prefix}{key}", track)
    whole.axis_keys.update({f"{prefix}{key}": axis for key, axis in run.axis_keys.items()})
    whole.unused.update(f"{prefix}{key}" for key in run.unused)
    whole.remarks += [remark for remark in run.remarks if remark not in whole.remarks]


def _part(folder: Path) -> str:
    return PARTS.get(folder.name.lower().rpartition("_")[2], "")
