"""What is examined: data alone, or a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wellfit.data import Dataset
from wellfit.errors import DataError, InputError, RecipeError
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study, read_file

RECIPES = (".yaml", ".yml")
MOST_SEEDS = 100
OPTIMIZER = {"kind": "adam", "lr": 0.002}
Source = Mapping[str, Any] | str | Path


@dataclass(frozen=True)
class Asked:
    """One arm with its seeds, and whether the number of epochs was left open."""

    spec: StudySpec
    is_open: bool


def read_source(
    source: Source,
    *,
    seeds: int,
    metric: str = "val_loss",
    target: str | None = None,
    overrides: Sequence[str] = (),
    name: str = "data",
) -> Asked:
    """Return what is to be trained: of the data alone, of a recipe file, or of a recipe's plain values.

    What names no optimizer is trained by OPTIMIZER, which learns small and large data in as many steps.

    Raises
    ------
    InputError
        The recipe has a study of its own, or another number of seeds than 1 to MOST_SEEDS.

    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise InputError("--seeds", f"received {seeds}", f"1 to {MOST_SEEDS}")
    values = _values(source, target)
    changed = [text.partition("=")[0].strip() for text in overrides]
    if "study" in values or any(key.partition(".")[0] == "study" for key in changed):
        raise RecipeError("study", "an examination has one arm and seeds of its own", "a recipe without 'study'")
    if not {"optimizer", "optimizer.kind"}.intersection([*values, *changed]):
        values["optimizer"] = OPTIMIZER
    plain = {**values, "study": {"seeds": seeds, "metric": metric}}
    spec = parse_study(plain, overrides=overrides, name=name)
    return Asked(spec, "epochs" not in {*values, *changed})


def _values(source: Source, target: str | None) -> dict[str, Any]:
    """Return the plain values of a recipe, with the target among its data."""
    values: dict[str, Any]
    if isinstance(source, Mapping):
        values = dict(source)
    elif str(source).lower().endswith(RECIPES):
        values = read_file(Path(source))
    else:
        values = {"data": {"source": str(source)}}
    if target is None:
        return values
    data = values.get("data")
    return {**values, "data": {**(data if isinstance(data, Mapping) else {"source": data}), "target": target}}


def epochs_for(samples: int, batch_size: int, *, steps: int, fewest: int, most: int) -> int:
    """Return how many epochs come to about so many steps.

    >>> epochs_for(1300, 64, steps=2000, fewest=20, most=100)
    95
    """
    return min(most, max(fewest, steps // -(-samples // batch_size)))


def check_task(dataset: Dataset, what: str) -> None:
    """Refuse a segmentation."""
    if dataset.task == "segmentation":
        where = dataset.source or dataset.name
        raise DataError(where, "the targets are masks", f"classes or numbers as targets for {what}")
