"""Sums of a stack of members whose bits do not depend on how many members there are."""

from __future__ import annotations

from torch import Tensor


def member_sums(terms: Tensor) -> Tensor:
    """Return the sum (P,) of each member's ``terms`` (P, ...).

    Summed axis by axis: one sum over everything would be split among threads for a single member and not for many, and
    a member's last bits would depend on its neighbours.
    """
    if terms.ndim == 1:
        return terms
    rows = terms.sum(-1) if terms.ndim > 2 else terms
    return rows.reshape(len(terms), -1).sum(1)
