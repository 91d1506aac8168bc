"""Student's t distribution: how much lies below a value, and below which value so much lies.

scipy.special, a tenth of a second and more, is imported with the first question: before the first step of a training
there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Numbers = float | np.ndarray
"""A number or an array of any shape; several are broadcast."""


def t_below(df: Numbers, t: Numbers) -> Any:
    """Return P(T <= t) for ``df`` > 0 degrees of freedom (infinity: the normal distribution), in [0, 1], float64."""
    from scipy.special import stdtr

    return stdtr(df, t)


def t_value(df: Numbers, p: Numbers) -> Any:
    """Return the t with P(T <= t) = ``p`` in (0, 1) for ``df`` > 0 degrees of freedom (or infinity), float64."""
    from scipy.special import stdtrit

    return stdtrit(df, p)
