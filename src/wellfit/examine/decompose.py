"""Bias and variance of an estimator that was trained again and again: what its predictions for fixed samples say.

In all shapes B counts the trainings (bootstrap resamples), N the samples that all of them predict, K the numbers of a
prediction: target columns, or classes. A term is kept as one number per training and sample, float64 ``(B, N)``, whose
mean is the estimate: so its interval, and that of differences, follow from the spread over trainings and samples alike
(``interval``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wellfit.errors import InputError

Array = npt.NDArray[np.float64]

FEWEST = 3
"""Trainings: of two, leaving one out leaves no variance."""


@dataclass(frozen=True, eq=False)
class Squared:
    """The squared loss taken apart: float64 ``(B, N)`` each, ``loss = bias2 + variance`` in every mean."""

    loss: Array
    bias2: Array
    """Unbiased in B: the plain estimate holds variance / B too much. Holds the noise of the targets."""
    variance: Array
    """Unbiased in B (divisor B - 1)."""

    @property
    def plain(self) -> tuple[float, float]:
        """Bias^2 and variance with the divisor B, as most programs print them; their sum is the same loss."""
        trainings = len(self.loss)
        variance = float(self.variance.mean()) * (trainings - 1) / trainings
        return float(self.loss.mean()) - variance, variance


def squared(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> Squared:
    """Take E|y - f|^2 apart into bias^2 + variance for squared error, a sum over the K numbers of a prediction.

    With m the mean prediction of a sample over trainings and s^2 the variance around it (divisor B - 1):
    variance = s^2, bias^2 = |y - m|^2 - s^2 / B; for every sample their sum is the mean loss, exactly. Noise of the
    targets is part of bias^2: E|y - m|^2 = |E y - m|^2 + noise, and one y a sample cannot tell the two apart.

    Parameters
    ----------
    predictions
        ``(B, N, K)`` numbers, or class probabilities: then the loss is the Brier score, from 0 to 2.
    targets
        ``(N, K)`` numbers, or one-hot classes.

    Raises
    ------
    InputError
        Fewer than FEWEST trainings, shapes that do not agree, values that are not finite.

    Source: Geman, Bienenstock & Doursat 1992, "Neural networks and the bias/variance dilemma", section 3.3; Brier
    1950. The correction for finite B is Kohavi & Wolpert's 1996, section 4.

    """
    p, y = _checked(predictions, targets)
    trainings = len(p)
    loss: Array = ((p - y) ** 2).sum(2)
    apart: Array = ((p - p.mean(0)) ** 2).sum(2)  # of each training from the mean, (B, N)
    s2 = apart.sum(0) / (trainings - 1)
    # Without training b the variance is ((B-1) s2 - B/(B-1) apart_b) / (B-2): the jackknife's pseudo-values of s2,
    # whose mean is s2 itself.
    without = ((trainings - 1) * s2 - trainings / (trainings - 1) * apart) / (trainings - 2)
    variance = trainings * s2 - (trainings - 1) * without
    return Squared(loss, loss - variance, variance)


def kohavi_wolpert(votes: npt.ArrayLike, truth: npt.ArrayLike, classes: int) -> Squared:
    """Take the 0-1 loss apart into bias^2 + variance: half the squared loss of the votes as one-hot vectors.

    bias^2 = 1/2 sum_c (1[c = y] - P(c))^2, variance = 1/2 (1 - sum_c P(c)^2), P the share of trainings that vote for
    class c; the noise that the paper has apart is part of bias^2. Both are corrected for finite B as ``squared``.

    Parameters
    ----------
    votes, truth
        int ``(B, N)`` and ``(N,)``: class indices.
    classes
        How many there are.

    Source: Kohavi & Wolpert 1996, "Bias plus variance decomposition for zero-one loss functions", equations 3 to 7.

    """
    one_hot = np.eye(classes)
    whole = squared(one_hot[np.asarray(votes)], one_hot[np.asarray(truth)])
    return Squared(whole.loss / 2, whole.bias2 / 2, whole.variance / 2)


@dataclass(frozen=True, eq=False)
class Domingos:
    """The 0-1 loss taken apart by the main prediction: float64 ``(N,)`` each, ``loss = bias + net`` in each sample."""

    bias: Array
    """1 where the main prediction, what most trainings vote for, is wrong; holds wrong targets."""
    variance: Array
    """Share of trainings that do not vote as the main prediction."""
    net: Array
    """What variance adds to the loss: as it is where the main prediction is right; where it is wrong it helps, by
    the share that votes for the right class."""


def domingos(votes: npt.ArrayLike, truth: npt.ArrayLike, classes: int) -> Domingos:
    """Take the 0-1 loss apart into the bias of the main prediction and the net effect of variance.

    E[loss] = bias + net, net = variance where the main prediction is right, else -P(y), the share of trainings that
    are right against it. Of equally many votes the smaller class is the main prediction.

    Parameters
    ----------
    votes, truth
        int ``(B, N)`` and ``(N,)``: class indices.
    classes
        How many there are.

    Source: Domingos 2000, "A unified bias-variance decomposition for zero-one and squared loss", theorem 3.

    """
    given, y = np.asarray(votes), np.asarray(truth)
    shares: Array = np.stack([(given == c).mean(0) for c in range(classes)], axis=1)  # (N, C)
    main = shares.argmax(1)
    samples = np.arange(len(y))
    wrong = main != y
    variance = 1 - shares[samples, main]
    return Domingos(wrong.astype(np.float64), variance, np.where(wrong, -shares[samples, y], variance))


def _checked(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Array, Array]:
    p, y = np.asarray(predictions, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if p.ndim != 3 or p.shape[1:] != y.shape or not p.shape[1]:
        raise InputError("predictions", f"shape {p.shape} beside targets {y.shape}", "(B, N, K) beside (N, K)")
    if len(p) < FEWEST:
        raise InputError("predictions", f"{len(p)} trainings", f"at least {FEWEST}")
    if not (np.isfinite(p).all() and np.isfinite(y).all()):
        raise InputError("predictions", "values that are not finite", "finite numbers")
    return p, y
