"""Plan: what to change in a data set, as YAML that a person reviews and edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from wellfit.errors import DataError, RecipeError
from wellfit.recipe import validate
from wellfit.recipe.base import Frozen
from wellfit.recipe_file import read_file

HEAD = """\
# What `wellfit data clean` will do, in this order. Edit it: remove what is not wanted, add what is missing.
#   drop         samples (where), or a whole column (column)
#   deduplicate  keep the first of `where`, drop the others
#   relabel      give `where` the class `to`
#   impute       write `to` into the empty cells of `column` in `where`
"""


MOST_BYTES = 2**26
"""Bytes of a plan: a million names."""


class Action(Frozen):
    """One change."""

    action: Literal["drop", "deduplicate", "relabel", "impute"]
    where: tuple[str, ...] = ()
    """Names of files, rows or samples, as the audit writes them."""
    column: str | None = None
    """The column that is dropped, or filled."""
    to: str | int | float | bool | None = None
    """The class of a relabel, the value of an impute."""
    why: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Action:
        if self.action == "drop" and bool(self.where) == (self.column is not None):
            raise ValueError("drop needs either where (samples) or column")
        if self.action == "deduplicate" and len(self.where) < 2:
            raise ValueError("deduplicate needs two samples or more, the one to keep first")
        if self.action in ("relabel", "impute") and (not self.where or self.to is None):
            raise ValueError(f"{self.action} needs where and to")
        if (self.action == "impute") != (self.column is not None) and self.action != "drop":
            raise ValueError("column belongs to impute and drop")
        return self


class Plan(Frozen):
    """All changes, and the data they are for."""

    source: str = Field(min_length=1)
    fingerprint: str = Field(min_length=1)
    """SHA-256 of the source: the plan is refused for other data."""
    target: str | None = None
    """The column to predict (tables)."""
    actions: tuple[Action, ...] = ()

    def to_yaml(self) -> str:
        """Return the file's text; the same plan gives the same bytes."""
        head = self.model_dump(mode="json", exclude={"actions"}, exclude_none=True)
        actions = [one.model_dump(mode="json", exclude_defaults=True) for one in self.actions]
        return HEAD + yaml.safe_dump(
            {**head, "actions": actions}, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
        )


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises
    ------
    DataError
        No such file, not a mapping, or a key or value that a plan does not have.

    """
    try:
        values: dict[str, Any] = read_file(path, most=MOST_BYTES)
    except RecipeError as error:
        raise DataError(error.where, error.what, "a plan, as the audit writes it (--plan)") from None
    if "actions" not in values or "fingerprint" not in values:
        raise DataError(str(path), "is no plan", "source, fingerprint and actions, as the audit writes them (--plan)")
    return validate(Plan, values, where=str(path))
