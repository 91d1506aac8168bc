"""Where the lowest total lies on the axis, and whether variance takes over beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wellfit.examine.complexity import SIMPLER_UP, Axis
from wellfit.examine.decompose import Squared
from wellfit.examine.interval import mean_interval


@dataclass(frozen=True)
class Turn:
    """What the totals say; values are those of the axis."""

    lowest: float
    """The value with the lowest total."""
    like_lowest: tuple[float, ...]
    """Other values whose total does not differ from it beyond its interval."""
    beyond: tuple[float, ...]
    """The more complex values, from the lowest on."""
    by_variance: tuple[float, ...]
    """Those of them at which variance has risen from the lowest on by more than bias^2."""
    worse: tuple[float, ...]
    """Those of them whose total is higher beyond its interval."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def words(self, over: Axis, total: int) -> str:
        """Return a sentence or two."""
        at = f"{over} {self.lowest:g}"
        if total == 1:
            return f"One value, {at}: no axis to compare along."
        ties = f" (within noise also {', '.join(f'{one:g}' for one in self.like_lowest)})" if self.like_lowest else ""
        lowest = f"Lowest total at {at}{ties}."
        way = "below" if over in SIMPLER_UP else "beyond"
        sure = [value for value in self.by_variance if value in self.worse]
        if not self.beyond:
            return f"{lowest} It is the most complex value tried: variance has not taken over."
        if not self.worse:
            return f"{lowest} No value {way} it is worse beyond noise: that variance takes over is not shown."
        if not sure:
            return f"{lowest} What is worse {way} it is so by bias^2: there the training did not get as far."
        count = f"{len(self.by_variance)} of {total} values, {len(sure)} of them beyond noise"
        return f"{lowest} Variance takes over {way} {at}: {count}."


def find_turn(over: Axis, found: Sequence[tuple[float, Squared]]) -> Turn:
    """Compare every value with the one of the lowest total, on the same trainings and samples.

    Parameters
    ----------
    over
        The axis, which says where complexity lies.
    found
        Value and its decomposition, (B, N) of one N; where B differ (a training diverged) no interval is formed.

    """
    ordered = sorted(found, key=lambda pair: pair[0], reverse=over in SIMPLER_UP)  # simple to complex
    totals = [float(one.loss.mean()) for _, one in ordered]
    best = totals.index(min(totals))
    value, lowest = ordered[best]

    def is_worse(one: Squared) -> bool:
        return one.loss.shape == lowest.loss.shape and mean_interval(one.loss - lowest.loss).low > 0

    worse = [is_worse(one) for _, one in ordered]
    rises = [
        float(one.variance.mean() - lowest.variance.mean()) > max(0.0, float(one.bias2.mean() - lowest.bias2.mean()))
        for _, one in ordered
    ]
    values = [one for one, _ in ordered]
    after = range(best + 1, len(ordered))
    return Turn(
        lowest=value,
        like_lowest=tuple(sorted(values[i] for i in range(len(values)) if i != best and not worse[i])),
        beyond=tuple(values[i] for i in after),
        by_variance=tuple(values[i] for i in after if rises[i]),
        worse=tuple(values[i] for i in after if worse[i]),
    )
