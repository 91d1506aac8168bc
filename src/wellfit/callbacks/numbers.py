"""Numbers as training loops have them."""

from __future__ import annotations

import math
from typing import Any

from wellfit.errors import InputError


def as_number(name: str, value: Any) -> float | None:
    """Return a Python, NumPy or torch number as a float; ``None`` stays ``None``.

    Raises
    ------
    InputError
        It is no single number.

    """
    if value is None:
        return None
    try:
        return float(value.detach() if hasattr(value, "detach") else value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError, RuntimeError):
        raise InputError(name, f"received {type(value).__name__}", "a number, or None if it was not measured") from None
