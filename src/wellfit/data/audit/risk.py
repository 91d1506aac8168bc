"""Risk of overfitting before any training: samples against features against parameters."""

from __future__ import annotations

from dataclasses import dataclass

from wellfit.data.audit.finding import Finding

HIGH, SOME = 10.0, 1.0
"""Parameters a train sample, above which a network can memorize easily, and above which it can."""
FEW_A_CLASS = 100
FEW_A_FEATURE = 10.0
"""Samples a feature below which a vector's features fit noise by chance."""


@dataclass(frozen=True)
class Sizes:
    """What the risk is read from."""

    samples: int
    """For training: all but test and validation."""
    features: int
    """Numbers a sample has."""
    parameters: int | None
    """Of the network; ``None``: it cannot be built."""
    rarest_class: int | None
    """Samples of the rarest class; ``None`` for regression."""
    label_noise: float | None
    """Estimated part of wrong labels, 0 to 1; ``None``: not known."""
    network: str
    is_vector: bool = False


def find_risk(sizes: Sizes) -> list[Finding]:
    """Return one finding with the risk factors, in words, and what they call for."""
    samples = max(1, sizes.samples)
    factors: list[str] = []
    points = 0
    if sizes.parameters is not None:
        ratio = sizes.parameters / samples
        points += 2 if ratio >= HIGH else ratio >= SOME
        factors.append(
            f"{sizes.parameters:,} parameters of {sizes.network} for {sizes.samples:,} train samples ({ratio:.1f} each)"
        )
    per_feature = samples / max(1, sizes.features)
    if sizes.is_vector and per_feature < FEW_A_FEATURE:
        points += 1
    factors.append(f"{sizes.features:,} features ({per_feature:.1f} samples each)")
    if sizes.rarest_class is not None:
        points += sizes.rarest_class < FEW_A_CLASS
        factors.append(f"{sizes.rarest_class:,} samples in the rarest class")
    if sizes.label_noise is not None:
        points += sizes.label_noise > 0.05
        factors.append(f"label noise up to {sizes.label_noise:.1%}")
    elif sizes.rarest_class is not None:
        factors.append("label noise not estimated (too few samples of a class)")
    level = "high" if points >= 3 else "moderate" if points >= 1 else "low"
    advice = {
        "high": "regularize from the start (weight decay, dropout, augmentation, early stopping), try a smaller"
        " network, and collect or augment data; a study tells what helps",
        "moderate": "stop early and compare a few regularizers in a study",
        "low": "watch the gap between train and validation loss; underfitting is as likely",
    }[level]
    return [
        Finding(
            kind="overfitting_risk",
            severity="warning" if level == "high" else "note",
            words=f"the risk of overfitting is {level}: {'; '.join(factors)}",
            advice=advice,
            count=0,
            evidence={
                "level": level,
                "samples": sizes.samples,
                "features": sizes.features,
                "parameters": sizes.parameters,
                "parameters_per_sample": None if sizes.parameters is None else sizes.parameters / samples,
                "rarest_class": sizes.rarest_class,
                "label_noise": sizes.label_noise,
            },
        )
    ]
