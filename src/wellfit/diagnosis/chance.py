"""The loss of guessing: what a network must beat, and the scale of what it can win."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wellfit.errors import InputError


def class_frequency_loss(counts: Sequence[int]) -> float:
    """Return the cross-entropy in nats of predicting the class frequencies: the entropy -sum p_k log p_k.

    ``counts`` are the samples per class; classes without samples add nothing. For regression on a standardized target
    the counterpart is 1, the variance.

    Raises
    ------
    InputError
        If a count is negative or all are zero.

    """
    total = sum(counts)
    if total <= 0 or min(counts) < 0:
        raise InputError("class counts", f"received {list(counts)!r}", "counts of 0 or more, not all 0")
    return -sum(n / total * math.log(n / total) for n in counts if n > 0) + 0.0  # + 0.0: no negative zero
