"""What a column of a table holds, as it was found in the data that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

ColumnKind = Literal["number", "truth", "category", "date"]


@dataclass(frozen=True)
class Column:
    """A column of a table; its values are float32 in a Dataset, and NaN where they are missing.

    A ``number`` is itself, a ``truth`` value 0 or 1, a ``category`` the index of its level (-1 for a level that is not
    listed), a ``date`` the days since 2000-01-01 00:00 UTC, with fractions (float32 tells 1.5 minutes apart there).
    """

    name: str
    kind: ColumnKind
    levels: tuple[str, ...] = ()
    """Names of the levels of a category, by value where all are numbers, else by text."""
    form: str = ""
    """How a date is written (``date_text.FORMS``)."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, "kind": self.kind, "levels": list(self.levels), "form": self.form}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Column:
        """Take back what ``to_dict`` gave.

        Raises
        ------
        KeyError, TypeError
            Something else.

        """
        if values["kind"] not in get_args(ColumnKind):
            raise KeyError(values["kind"])
        return cls(values["name"], values["kind"], tuple(values["levels"]), values["form"])
