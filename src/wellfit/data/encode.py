"""A table's columns to the features of a network: missing values filled in, categories as one-hot or ordinal codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from wellfit.data.column import Column
from wellfit.data.impute import Impute, fill_value
from wellfit.data.naming import shown

Encode = Literal["one_hot", "ordinal"]

UNKNOWN = -1.0
"""The code of a level that is not known, before and after ordinal encoding; one-hot encoded it is all zeros."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """Turns float32 ``(..., D)`` as a Dataset of a table holds it into float32 ``(..., W)`` without missing values.

    Features stand in the order of the columns: a number, date or truth value as it is, a category as one feature for
    each of its known levels (``one_hot``) or as the position of its level among them (``ordinal``); after these, one
    feature of 0 and 1 for each column of ``indicate``: whether the value was missing.
    """

    columns: tuple[Column, ...]
    fill: tuple[float | None, ...]
    """For each column what stands for a missing value (a code for a category); ``None``: missing values are refused."""
    known: tuple[tuple[int, ...], ...]
    """For each category the codes of the levels that get a feature; the code after the last level is "missing"."""
    indicate: tuple[int, ...]
    """Positions of the columns whose missing values are marked."""
    how: Encode = "one_hot"

    @classmethod
    def fit(
        cls,
        x: Tensor,
        columns: Sequence[Column],
        *,
        train: Tensor,
        open_rows: Tensor,
        impute: Impute = "none",
        constant: float = 0.0,
        impute_categories: Literal["most_frequent", "level"] = "most_frequent",
        indicate: bool = False,
        how: Encode = "one_hot",
    ) -> Encoder:
        """Fit what is filled in on the ``train`` rows; choose features by the ``open_rows``.

        Which levels and marks of missing values get a feature must be the same for every seed of a study, whose train
        splits differ, and must not depend on the sealed test set: it is decided by all rows that are not test. A level
        that occurs in none of them is unknown.

        Parameters
        ----------
        x
            float32 ``(N, D)``; NaN where values are missing.
        columns
            What each of the D columns holds.
        train, open_rows
            int64 indices: the train split, and all samples but the test set.
        impute, constant, impute_categories, indicate, how
            The fields ``impute``, ``fill``, ``impute_categories``, ``indicate`` and ``encode`` of a recipe's ``data``.

        """
        fill: list[float | None] = []
        known: list[tuple[int, ...]] = []
        marked: list[int] = []
        for position, column in enumerate(columns):
            seen = x[open_rows, position]
            gone = seen.isnan()
            if indicate and bool(gone.any()):
                marked.append(position)
            codes = np.unique(seen[~gone].numpy()).astype(int).tolist() if column.kind == "category" else []
            if impute == "none":
                fill.append(None)
            elif column.kind == "category" and impute_categories == "level":
                fill.append(float(len(column.levels)))
                codes += [len(column.levels)] if bool(gone.any()) else []
            else:
                values = x[train, position]
                own: Impute = impute if column.kind in ("number", "date") else "most_frequent"
                fill.append(fill_value(values[~values.isnan()].double().numpy(), own, constant=constant))
            known.append(tuple(code for code in codes if code >= 0))
        return cls(tuple(columns), tuple(fill), tuple(known), tuple(marked), how)

    @property
    def width(self) -> int:
        """W, the number of features."""
        return len(self._layout) + len(self.indicate)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features: ``age``, ``color=red``, ``age is missing``."""
        found = []
        for position, code in self._layout:
            column = self.columns[position]
            levels = (*column.levels, "missing")
            found.append(column.name if code is None else f"{column.name}={levels[code]}")
        return (*found, *(f"{self.columns[position].name} is missing" for position in self.indicate))

    @property
    def scaled(self) -> Tensor:
        """int64 positions of the features that are scaled: all but those of 0 and 1 that stand for levels and marks."""
        return torch.tensor([at for at, (_, code) in enumerate(self._layout) if code is None], dtype=torch.int64)

    def apply(self, x: Tensor) -> Tensor:
        """Return the features ``(..., W)`` of samples ``(..., D)``; ``x`` is not changed."""
        missing = x.isnan()
        x = torch.where(missing, self._fill.to(x.device), x)
        if self.how == "ordinal":
            for position, ranks in self._ranks.items():
                x[..., position] = ranks.to(x.device)[x[..., position].nan_to_num(UNKNOWN).long()]
        found = x.index_select(-1, self._source.to(x.device))
        if self._is_level.any():
            equal = (found == self._code.to(x.device)).to(x.dtype)
            found = torch.where(self._is_level.to(x.device), equal, found)
        if self.indicate:
            marks = missing.index_select(-1, torch.tensor(self.indicate, device=x.device)).to(x.dtype)
            found = torch.cat([found, marks], -1)
        return found

    def invert(self, z: Tensor) -> Tensor:
        """Return columns ``(..., D)`` from features ``(..., W)``: the level with the largest feature, -1 if none is
        above a half; what was filled in stays so.
        """
        found = []
        for position, column in enumerate(self.columns):
            at = [place for place, (source, _) in enumerate(self._layout) if source == position]
            part = z[..., at]
            if column.kind != "category":
                found.append(part[..., 0])
                continue
            codes = torch.tensor([*self.known[position], UNKNOWN], device=z.device)
            if self.how == "ordinal":
                rank = part[..., 0].round().long()
                best = torch.where((rank < 0) | (rank >= len(codes) - 1), len(codes) - 1, rank)
            else:
                padded = torch.cat([part, torch.full_like(part[..., :1], 0.5)], -1) if at else z[..., :1] * 0
                best = padded.argmax(-1)
            found.append(codes[best].to(z.dtype))
        return torch.stack(found, -1)

    def remarks(self, x: Tensor) -> list[str]:
        """Say of new samples ``(N, D)`` what is filled in and which columns hold levels that are not known."""
        said = []
        for position, column in enumerate(self.columns):
            values = x[:, position]
            gone = int(values.isnan().sum())
            label = f"in the column '{shown(column.name)}'"
            if gone:
                said.append(f"{gone:,} missing {'value' if gone == 1 else 'values'} {label} filled in")
            if column.kind == "category":
                codes = torch.tensor(self.known[position], dtype=torch.float32)
                odd = int((~torch.isin(values, codes) & ~values.isnan()).sum())
                kind = "all zeros" if self.how == "one_hot" else "-1"
                if odd:
                    said.append(f"{odd:,} {'value' if odd == 1 else 'values'} {label} unknown to the model: {kind}")
        return said

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "fill": list(self.fill),
            "known": [list(codes) for codes in self.known],
            "indicate": list(self.indicate),
            "how": self.how,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Encoder:
        """Take back what ``to_dict`` gave."""
        return cls(
            tuple(Column.from_dict(column) for column in values["columns"]),
            tuple(values["fill"]),
            tuple(tuple(codes) for codes in values["known"]),
            tuple(values["indicate"]),
            values["how"],
        )

    @cached_property
    def _layout(self) -> tuple[tuple[int, int | None], ...]:
        """For each feature but the marks: its column, and the code that it stands for."""
        found: list[tuple[int, int | None]] = []
        for position, column in enumerate(self.columns):
            levels = column.kind == "category" and self.how == "one_hot"
            found += [(position, code) for code in (self.known[position] if levels else (None,))]
        return tuple(found)

    @cached_property
    def _source(self) -> Tensor:
        return torch.tensor([position for position, _ in self._layout], dtype=torch.int64)

    @cached_property
    def _code(self) -> Tensor:
        return torch.tensor([torch.nan if code is None else float(code) for _, code in self._layout])

    @cached_property
    def _is_level(self) -> Tensor:
        return ~self._code.isnan()

    @cached_property
    def _fill(self) -> Tensor:
        return torch.tensor([torch.nan if value is None else value for value in self.fill], dtype=torch.float32)

    @cached_property
    def _ranks(self) -> dict[int, Tensor]:
        """For each category the position of each code among the known ones; the last entry, of code -1, is -1."""
        found = {}
        for position, column in enumerate(self.columns):
            if column.kind == "category":
                ranks = torch.full((len(column.levels) + 2,), UNKNOWN)
                ranks[list(self.known[position])] = torch.arange(len(self.known[position]), dtype=torch.float32)
                found[position] = ranks
        return found
