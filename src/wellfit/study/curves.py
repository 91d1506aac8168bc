"""The curves of a study's folder, with what they are to be compared with, for a diagnosis. No torch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from wellfit.diagnosis import reference_loss
from wellfit.diagnosis.risk import UNKNOWN, DataFacts, Kind, Task
from wellfit.errors import InputError, RecipeError
from wellfit.recipe import Recipe, validate
from wellfit.recipe_file import read_study
from wellfit.record import EpochRow, RunRecord
from wellfit.study.files import StudyFolder
from wellfit.study.store import Store


@dataclass(frozen=True)
class StudyRun:
    """A run of a study and its scale."""

    arm: str
    seed: int
    curves: RunRecord | tuple[EpochRow, ...]
    """Rows alone of a run that is not finished."""
    reference: float | None
    """The best validation loss of any run with this seed."""
    chance_loss: float | None
    facts: DataFacts = UNKNOWN
    """What the study says of its data."""

    @property
    def recipe(self) -> Recipe | None:
        """The whole recipe; ``None`` of a run that is not finished, or of a recipe of another version."""
        if not isinstance(self.curves, RunRecord):
            return None
        try:
            return validate(Recipe, self.curves.recipe)
        except RecipeError:
            return None

    @property
    def regularizers(self) -> frozenset[str] | None:
        """The names of those in use; ``None`` where that is not known."""
        used = self.curves.recipe.get("regularizers") if isinstance(self.curves, RunRecord) else None
        return frozenset(used) if isinstance(used, Mapping) else None


def study_folders(path: Path) -> list[Path]:
    """Return the folders of studies that a path means: itself, the folder of its file, or those in it; else none."""
    if path.is_file():
        return [path.parent] if path.name in ("results.db", "result.json") and _is_study(path.parent) else []
    if _is_study(path):
        return [path]
    return sorted(inner for inner in path.iterdir() if inner.is_dir() and _is_study(inner)) if path.is_dir() else []


def _is_study(folder: Path) -> bool:
    files = StudyFolder(folder)
    return files.results.exists() or (files.result.exists() and files.spec.exists())


def study_runs(folder: Path) -> list[StudyRun]:
    """Return the runs of a study, in the order in which they were begun; those under way last.

    Raises
    ------
    InputError
        The folder holds no results, a file of it is damaged, or no run of it has an epoch yet.
    StorageError
        The database fails.

    """
    files = StudyFolder(folder)
    if not files.results.exists():
        raise InputError(str(folder), "holds no results.db", "the folder of a study with its database")
    result = _result(files)
    name = result.get("name") if isinstance(result.get("name"), str) else read_study(files.spec).name
    with Store.open(files.results, str(name), create=False) as store:
        runs: dict[tuple[str, int], RunRecord | tuple[EpochRow, ...]] = {**store.finished()}
        runs.update((key, rows) for key, rows in store.partial().items() if rows)
    if not runs:
        raise InputError(str(files.results), f"holds no epoch of the study '{name}'", "a study that has begun")
    chance, facts = _chance(result.get("data")), _facts(result.get("data"))
    references = dict(_references(runs))
    return [StudyRun(arm, seed, curves, references[seed], chance, facts) for (arm, seed), curves in runs.items()]


def _references(
    runs: Mapping[tuple[str, int], RunRecord | tuple[EpochRow, ...]],
) -> Iterator[tuple[int, float | None]]:
    for seed in {seed for _, seed in runs}:
        curves = [run.curves if isinstance(run, RunRecord) else run for key, run in runs.items() if key[1] == seed]
        yield seed, reference_loss(curves)


def _result(files: StudyFolder) -> dict[str, Any]:
    """Return what the study wrote; empty if it did not come to that."""
    try:
        found = json.loads(files.result.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(str(files.result), f"cannot be read ({type(error).__name__})", "what a study wrote") from None
    if not isinstance(found, dict):
        raise InputError(str(files.result), "is no study's result", "an object")
    return found


def _chance(data: Any) -> float | None:
    """Return the loss of answering the class frequencies; of studies that did not keep it, as of balanced classes."""
    if not isinstance(data, dict):
        return None
    kept = data.get("chance_loss")
    if isinstance(kept, int | float) and math.isfinite(kept):
        return float(kept)
    if data.get("task") == "regression":
        return 1.0
    classes = data.get("classes")
    if data.get("task") == "classification" and isinstance(classes, list) and len(classes) > 1:
        return math.log(len(classes))
    return None


def _facts(data: Any) -> DataFacts:
    """Return what a result says of its data, as far as it has the form that studies write."""
    if not isinstance(data, dict):
        return UNKNOWN
    kind, task, classes, shape = (data.get(key) for key in ("kind", "task", "classes", "shape"))
    sizes = {key: data[key] for key in ("train", "validation") if isinstance(data.get(key), int)}
    known = isinstance(shape, list) and all(isinstance(side, int) for side in shape)
    return DataFacts(
        kind=kind if kind in get_args(Kind) else None,
        task=task if task in get_args(Task) else None,
        classes=0 if task == "regression" else len(classes) if isinstance(classes, list) else None,
        features=math.prod(shape) if known and shape else None,
        **sizes,
    )
