"""Label errors: which labels are probably wrong, and how many, by scores of models that have not seen the sample."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

DOUBT = 0.3
"""Probability of being wrong from which a label is named: a person looks at about three to find one, at most."""
GOOD = 0.8
"""Accuracy below which a judge is weak: it finds fewer of the wrong labels."""
SURE = 0.9
"""Probability of another class from which a plan relabels; else a person looks first."""
MOST = 0.5
"""Largest part of wrong labels that can be estimated."""
CRITICAL = 1.92
"""Fall of the log-likelihood at an interval's end: half the 95 % point of chi-squared with one degree of freedom."""
PATIENCE = 60

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


class Noise(NamedTuple):
    """The part of wrong labels (0 to 1) with its 95 % interval, and what scores are multiplied by."""

    share: float
    low: float
    high: float
    scale: float


class Suspects(NamedTuple):
    """Rows of samples whose label is in doubt, the surest first; the class they more likely are; its probability, and
    that of the given label.
    """

    rows: Classes
    suggested: Classes
    other: Floats
    own: Floats


def softmax(scores: Floats, scale: float) -> Floats:
    """Return probabilities ``(N, K)``: exp(scale s) over its sum."""
    powers = np.exp(scale * (scores - scores.max(axis=1, keepdims=True)))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def log_likelihood(scores: Floats, y: Classes, *, scale: float, share: float) -> float:
    """Return the sum of log p(given label), where a part ``share`` of the labels is another class, drawn evenly:

    p(i) = (1 - e) q(i) + e / (K - 1) (1 - q(i)),  q = softmax(scale s).
    """
    q = softmax(scores, scale)[np.arange(len(y)), y]
    return float(np.log(np.maximum((1 - share) * q + share / (scores.shape[1] - 1) * (1 - q), 1e-12)).sum())


def estimate_noise(scores: Floats, y: Classes) -> Noise:
    """Return the likeliest part of wrong labels and scale, with the profile-likelihood interval of the part.

    A model that has not seen a sample gives hardly any probability to a class drawn at random: how often the given
    label is so unlikely, and the softmax cannot explain it, is how often labels are wrong. Wrong labels that look right
    (all coats of one kind called pullovers) are not seen.

    Parameters
    ----------
    scores
        Out-of-fold ``(N, K)``, K at least 2.
    y
        Given labels ``(N,)``, 0..K-1.

    Source: Bootkrajang and Kaban (2012), Label-Noise Robust Logistic Regression (the flip model); Guo et al. (2017),
    On Calibration of Modern Neural Networks (one scale, fitted out of sample).

    """
    from scipy.optimize import minimize_scalar

    spread = float(scores.std()) + 1e-9
    # a bracket of scales that covers judges that know nothing and those that know nearly all
    bounds = (np.log(0.01 / spread), np.log(100 / spread))

    def profile(share: float) -> tuple[float, float]:
        best = minimize_scalar(
            lambda log: -log_likelihood(scores, y, scale=float(np.exp(log)), share=share),
            bounds=bounds,
            method="bounded",
            options={"xatol": 1e-2, "maxiter": PATIENCE},
        )
        return -float(best.fun), float(np.exp(best.x))

    top = min(MOST, 1 - 1 / scores.shape[1])
    # on a root scale, as what matters near 0 is finer than near one half
    likeliest = minimize_scalar(
        lambda root: -profile(root**2)[0], bounds=(0, np.sqrt(top)), method="bounded", options={"xatol": 1e-3}
    )
    share = float(likeliest.x) ** 2
    best, scale = profile(share)
    if profile(0.0)[0] >= best:
        share, (best, scale) = 0.0, profile(0.0)

    def end(inside: float, outside: float) -> float:
        if profile(outside**2)[0] >= best - CRITICAL:
            return float(outside**2)
        for _ in range(10):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if profile(middle**2)[0] >= best - CRITICAL else (inside, middle)
        return float(inside**2)

    root = float(np.sqrt(share))
    return Noise(share, end(root, 0.0), end(root, float(np.sqrt(top))), scale)


def posterior(scores: Floats, y: Classes, noise: Noise) -> Floats:
    """Return the probabilities ``(N, K)`` of the true class, given the sample and its label i:

    r(i) proportional to (1 - e) q(i), r(j) proportional to e / (K - 1) q(j).
    """
    made = softmax(scores, noise.scale) * (noise.share / (scores.shape[1] - 1))
    every = np.arange(len(y))
    made[every, y] = softmax(scores, noise.scale)[every, y] * (1 - noise.share)
    found: Floats = made / np.maximum(made.sum(axis=1, keepdims=True), 1e-300)
    return found


def find_suspects(scores: Floats, y: Classes, noise: Noise, *, doubt: float = DOUBT) -> Suspects:
    """Return the samples whose label is wrong with a probability of ``doubt`` or more, the surest first."""
    probable = posterior(scores, y, noise)
    every = np.arange(len(y))
    own = probable[every, y]
    rest = probable.copy()
    rest[every, y] = -1
    likely = rest.argmax(axis=1)
    rows = np.flatnonzero(1 - own >= doubt)
    rows = rows[np.argsort(own[rows], kind="stable")]
    return Suspects(rows, likely[rows], probable[rows, likely[rows]], own[rows])


def label_error_finding(
    subject: Subject, rows: Classes, suspects: Suspects, *, accuracy: float, noise: Noise
) -> list[Finding]:
    """Return the finding for suspects; ``rows`` are the samples that were judged, ``accuracy`` that of the judge."""
    labels = subject.labels
    if labels is None or not len(suspects.rows):
        return []
    at = rows[suspects.rows]
    share = len(at) / len(rows)
    right = float((1 - suspects.own).mean())
    return [
        Finding(
            kind="label_errors",
            severity="warning" if noise.low > 0 and accuracy >= GOOD else "note",
            words=f"{len(at):,} of {len(rows):,} labels are in doubt, about {right:.0%} of them wrong; in all about"
            f" {noise.share:.1%} of the labels are wrong (95 % interval {noise.low:.1%} to {noise.high:.1%}); the"
            f" judge, fitted on the other folds, agrees with {accuracy:.1%}",
            advice="look at the first ones and correct them (relabel); a weak judge doubts hard samples as much as"
            " wrong labels",
            where=subject.named(at),
            count=len(at),
            evidence={
                "given": [subject.classes[labels[row]] for row in at],
                "suggested": [subject.classes[j] for j in suspects.suggested],
                "probability": np.round(suspects.other, 4).tolist(),
                "probability_of_given": np.round(suspects.own, 4).tolist(),
                "judge_accuracy": accuracy,
                "share": share,
                "noise": noise.share,
                "noise_low": noise.low,
                "noise_high": noise.high,
            },
        )
    ]
