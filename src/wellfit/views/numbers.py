"""Numbers for people: as many digits as the interval carries, one unit per metric, true minus signs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from wellfit.record import is_share

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def is_fraction(metric: str) -> bool:
    """Return whether the metric is an accuracy or an IoU: a fraction that people read in percent."""
    return is_share(metric)


def decimals(half_widths: Iterable[float], *, fallback: int = 4) -> int:
    """Return the decimals that the median half-width of some intervals deserves; in 0..6.

    Two digits of a half-width that begins with 1 or 2, else one: so rounding moves a bound by at most a sixth of it.

    >>> decimals([0.0042]), decimals([0.013])
    (3, 3)
    """
    known = sorted(width for width in half_widths if math.isfinite(width) and width > 0)
    if not known:
        return fallback
    width = known[len(known) // 2]
    exponent = math.floor(math.log10(width))
    return min(6, max(0, (1 if width < 3 * 10.0**exponent else 0) - exponent))


def digits_of(value: float, *, digits: int = 3) -> int:
    """Return the decimals that show ``digits`` significant digits of ``value``; in 0..6."""
    if not math.isfinite(value) or value == 0:
        return digits
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def plain(value: float, places: int, *, signed: bool = False) -> str:
    """Return ``value`` with ``places`` decimals, a true minus sign, and ``+`` where ``signed``."""
    if not math.isfinite(value):
        return MISSING
    text = f"{abs(value):.{places}f}"
    if float(text) == 0:
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def short_text(value: float) -> str:
    """Return three significant digits of what may have any size; two and a power of ten for the very small and large.

    >>> short_text(0.25432), short_text(190.0)
    ('0.254', '190')
    """
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return plain(value, digits_of(value))
    return f"{value:.1e}".replace("-", MINUS)


def share_text(share: float) -> str:
    """Return a fraction in whole percent; what is not quite none or all is not called so.

    >>> share_text(0.547), share_text(0.001), share_text(0.999)
    ('55 %', '< 1 %', '> 99 %')
    """
    if not math.isfinite(share):
        return MISSING
    if 0 < share < 0.005:
        return "< 1 %"
    return "> 99 %" if 0.995 < share < 1 else f"{100 * share:.0f} %"


def value_text(metric: str, value: float, *, places: int | None = None) -> str:
    """Return ``0.352`` for a loss, ``91.2 %`` for an accuracy; ``places`` are decimals of what is shown."""
    if not math.isfinite(value):
        return MISSING
    if is_fraction(metric):
        return plain(100 * value, 1 if places is None else places) + " %"
    return plain(value, digits_of(value) if places is None else places)


def interval_text(metric: str, low: float, high: float, *, places: int) -> str:
    """Return ``[0.341, 0.363]`` in the metric's shown unit; empty where there is no interval."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    scale = 100 if is_fraction(metric) else 1
    return f"[{plain(scale * low, places)}, {plain(scale * high, places)}]"


def bounds_text(metric: str, low: float, high: float, *, places: int) -> str:
    """Return the interval of a metric's value; an accuracy's ends at 0 and 100, which a t interval does not know."""
    if is_fraction(metric) and math.isfinite(low) and math.isfinite(high):
        low, high = max(0.0, low), min(1.0, high)
    return interval_text(metric, low, high, places=places)


def difference_text(metric: str, value: float, *, places: int | None = None, signed: bool = True) -> str:
    """Return a difference of a metric; accuracies differ in percentage points, without a unit."""
    scaled = 100 * value if is_fraction(metric) else value
    return plain(scaled, digits_of(scaled, digits=2) if places is None else places, signed=signed)


def shown_decimals(metric: str, half_widths: Iterable[float]) -> int:
    """Return :func:`decimals` for a column of this metric, in its shown unit (percent for an accuracy)."""
    scale = 100 if is_fraction(metric) else 1
    return decimals([scale * width for width in half_widths], fallback=1 if is_fraction(metric) else 4)


def p_text(p: float) -> str:
    """Return ``0.003``, ``0.21`` or ``< 0.001``."""
    if not math.isfinite(p):
        return MISSING
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def duration_text(seconds: float) -> str:
    """Return ``0.8 s``, ``48 s``, ``3 min 12 s`` or ``2 h 05 min``."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def range_text(values: Iterable[int]) -> str:
    """Return ``30`` or ``12 to 30`` for whole numbers."""
    known = list(values)
    if not known:
        return MISSING
    return str(known[0]) if min(known) == max(known) else f"{min(known)} to {max(known)}"


def count_text(count: int, noun: str) -> str:
    """Return ``1 seed`` or ``5 seeds``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def listing(names: Sequence[str], *, most: int = 8) -> str:
    """Return ``a, b and c``; of more than ``most`` names the first and how many there are beside them."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
