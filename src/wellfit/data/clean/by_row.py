"""A plan by the rows of a loaded data set: what cleaning would do to each sample, were it one to train on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from wellfit.data.clean.cells import Cells, cells_of
from wellfit.data.clean.changes import Changes, changes_of, check_names, refuse_columns
from wellfit.data.clean.names import Names, names_of
from wellfit.data.clean.plan import Plan, read_plan
from wellfit.data.dataset import Dataset
from wellfit.data.naming import shown
from wellfit.errors import DataError
from wellfit.recipe import DataSpec


@dataclass(frozen=True, eq=False)
class RowChanges:
    """A plan by the rows (N) of a data set."""

    where: str
    """The plan's path, for messages."""
    digest: str
    """SHA-256 of the plan."""
    dropped: Tensor
    """bool (N,): samples that are left out."""
    relabeled: Tensor
    """bool (N,): samples whose target is another one, not those that are left out."""
    targets: Tensor
    """Like the data set's ``y``, with the plan's targets."""
    cells: Cells
    """Values that are filled in (tables)."""
    kept_columns: tuple[str, ...]
    """Columns that the plan drops, which an arm cannot: all arms have the same inputs."""

    @property
    def touched(self) -> Tensor:
        """Samples that are left out, relabeled or have a cell filled in: a tensor of bool (N,)."""
        found = self.dropped | self.relabeled
        found[self.cells.rows] = True
        return found


def row_changes(dataset: Dataset, spec: DataSpec) -> RowChanges:
    """Read the plan of ``spec.clean`` and return it by the rows of ``dataset``, which ``load(spec)`` gave.

    Of copies (``deduplicate``) the first one that the data set has stays. Samples that the source has and the data set
    lacks (``limit``, ``skip_bad``) are passed over.

    Raises
    ------
    DataError
        No plan, one for other data or another target, one that names samples, columns or classes that are not there,
        or fills a cell that has a value.

    """
    if spec.clean is None:
        raise DataError("data.clean", "missing", "the path of a plan")
    plan, names = read_plan(Path(spec.clean.plan).expanduser()), names_of(dataset, spec)
    where, source = shown(spec.clean.plan), shown(spec.source)
    if plan.fingerprint not in names.fingerprints:
        raise DataError(where, f"was made for other data than {source} (other fingerprint)", "a new audit and plan")
    changes = changes_of(plan)
    check_names(changes, {*names.absent, *names.row_of}, source)
    if plan.target is not None and spec.target is not None and plan.target != shown(spec.target):
        what = f"was made for the target '{plan.target}', data.target is '{shown(spec.target)}'"
        raise DataError(where, what, "one target")
    if not dataset.columns:
        refuse_columns(changes, source)
    dropped = torch.zeros(len(dataset), dtype=torch.bool)
    dropped[_dropped(plan, names)] = True
    targets = _targets(dataset, changes, names, where)
    differs = (targets != dataset.y).reshape(len(dataset), -1).any(dim=1)
    return RowChanges(
        where=where,
        digest=hashlib.sha256(plan.to_yaml().encode()).hexdigest(),
        dropped=dropped,
        relabeled=differs & ~dropped,
        targets=targets,
        cells=cells_of(dataset, spec, changes, names.row_of, where),
        kept_columns=tuple(sorted(changes.columns)),
    )


def _dropped(plan: Plan, names: Names) -> list[int]:
    """Return the rows that are left out."""
    found: set[int] = set()
    for one in plan.actions:
        rows = [names.row_of[name] for name in one.where if name in names.row_of]
        if one.action == "drop" and one.column is None:
            found.update(rows)
        elif one.action == "deduplicate":
            found.update(rows[1:])
    return sorted(found)


def _targets(dataset: Dataset, changes: Changes, names: Names, where: str) -> Tensor:
    made = dataset.y.clone()
    index = {name: code for code, name in enumerate(dataset.classes)}
    for name, to in changes.relabeled.items():
        value = index.get(shown(to)) if dataset.classes else _number(to)
        if value is None or (not dataset.classes and made.shape[1] != 1):
            what = f"relabels '{shown(name)}' as '{shown(to)}', which is no {'class' if dataset.classes else 'target'}"
            expected = ", ".join(dataset.classes[:16]) or "a number, for a data set of one target"
            raise DataError(where, what, expected)
        if name in names.row_of:
            made[names.row_of[name]] = value
    return made


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
