"""Several comparisons in one table: Holm's step-down correction."""

from __future__ import annotations

from collections.abc import Sequence

from wellfit.errors import InputError


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p-values in the order given; ``None`` entries stay ``None`` and do not count.

    With the m known values sorted, p~_(i) = min(1, max_{j <= i} (m - j + 1) p_(j)). Rejecting p~ <= 0.05 keeps the
    chance of *any* false rejection in the family at 5 % or less, whatever the dependence between the tests (arms
    share a control). Uniformly more powerful than Bonferroni. Source: Holm, Scandinavian Journal of Statistics 6
    (1979).

    Raises
    ------
    InputError
        If a value is not in [0, 1].

    """
    known: list[tuple[float, int]] = []
    for index, p in enumerate(p_values):
        if p is None:
            continue
        if not 0 <= p <= 1:
            raise InputError(f"p_values[{index}]", f"received {p!r}", "a number from 0 to 1, or None")
        known.append((float(p), index))
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(sorted(known)):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[index] = running
    return adjusted
