"""Changes: a plan by sample, as the writers of copies need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wellfit.data.clean.plan import Plan
from wellfit.data.naming import shown
from wellfit.errors import DataError


@dataclass(frozen=True)
class Done:
    """How many samples there were, and what became of them."""

    before: int
    after: int
    relabeled: int
    imputed: int


@dataclass(frozen=True)
class Changes:
    """A plan, by sample."""

    dropped: frozenset[str]
    relabeled: Mapping[str, str]
    imputed: Mapping[tuple[str, str], str]
    """(sample, column) -> value."""
    columns: frozenset[str]
    """Columns that are dropped."""
    filled: Mapping[str, list[str]]
    """Sample -> the columns that are filled."""
    places: Mapping[str, int] = field(default_factory=dict)
    """Sample -> the first action that names it."""

    @property
    def names(self) -> set[str]:
        """All samples that are named."""
        return {*self.dropped, *self.relabeled, *(name for name, _ in self.imputed)}

    def columns_of(self, sample: str) -> list[str]:
        """Return the columns that are filled in one sample."""
        return self.filled.get(sample, [])


def changes_of(plan: Plan) -> Changes:
    """Return a plan by sample; a later action on the same sample stands.

    Raises
    ------
    DataError
        A sample that is dropped is also kept as the first of copies.

    """
    dropped: set[str] = set()
    relabeled: dict[str, str] = {}
    imputed: dict[tuple[str, str], str] = {}
    columns: set[str] = set()
    kept: set[str] = set()
    for one in plan.actions:
        if one.action == "drop" and one.column is not None:
            columns.add(one.column)
        elif one.action == "drop":
            dropped.update(one.where)
        elif one.action == "deduplicate":
            kept.add(one.where[0])
            dropped.update(one.where[1:])
        elif one.action == "relabel":
            relabeled.update(dict.fromkeys(one.where, str(one.to)))
        else:
            value = str(int(one.to)) if isinstance(one.to, float) and one.to.is_integer() else str(one.to)
            imputed.update({(name, str(one.column)): value for name in one.where})
    if kept & dropped:
        name = sorted(kept & dropped)[0]
        raise DataError("plan", f"'{shown(name)}' is kept by deduplicate and dropped too", "one or the other")
    if plan.target is not None and plan.target in columns:
        raise DataError("plan", f"drops the target '{shown(plan.target)}'", "another column")
    filled: dict[str, list[str]] = {}
    for name, column in imputed:
        filled.setdefault(name, []).append(column)
    places = {name: at for at, one in reversed(list(enumerate(plan.actions))) for name in one.where}
    return Changes(frozenset(dropped), relabeled, imputed, frozenset(columns), filled, places)


def check_names(changes: Changes, known: set[str], where: str) -> None:
    """Refuse a plan that names samples which are not there.

    Raises
    ------
    DataError
        The first of them by name.

    """
    unknown = sorted(changes.names - known)
    if unknown:
        place = f"plan.actions.{changes.places[unknown[0]]}" if unknown[0] in changes.places else "plan"
        raise DataError(place, f"{where} has no '{shown(unknown[0])}'", "names as the audit writes them")


def done_of(changes: Changes, before: int, after: int) -> Done:
    """Return the counts of a copy with ``after`` of ``before`` samples.

    Raises
    ------
    DataError
        None is left.

    """
    if not after:
        raise DataError("plan", "drops every sample", "some that stay")
    imputed = sum(name not in changes.dropped for name, _ in changes.imputed)
    return Done(before, after, len(set(changes.relabeled) - changes.dropped), imputed)


def refuse_columns(changes: Changes, where: str) -> None:
    """Refuse a plan with columns for data that has none."""
    if changes.columns or changes.imputed:
        raise DataError("plan", f"{where} has no columns to drop or impute", "drop, deduplicate or relabel")
