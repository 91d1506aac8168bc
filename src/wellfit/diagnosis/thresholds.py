"""Where the further findings begin. Set by closed forms and a few trainings; not yet on a labelled benchmark."""

from __future__ import annotations

from dataclasses import dataclass, fields

FALLING = frozenset({"standing", "smooth", "faded", "faded_layer"})
"""Thresholds that a feature must stay below."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares are of the descent of the loss in question unless something else is said."""

    standing: float = 0.02
    """Plateau: a stretch of a fifth of the epochs brought less than this share ..."""
    moved_later: float = 0.15
    """... and what came after it brought this much."""
    far: float = 0.08
    """Plateau at the end: the run stays this share of what can be won above the reference."""
    jumps: float = 0.05
    """Learning rate too high: the train loss jumps by this share from point to point."""
    spike: float = 0.15
    """A spike is a climb of the train loss by this share above the points before ..."""
    spike_in_noise: float = 6.0
    """... and by this many times its noise. Two are a finding, or one that is three times as high."""
    smooth: float = 0.01
    """Learning rate too low: the train loss jumps by less than this share ..."""
    straight: float = 0.5
    """... and its second half brought this part of what the first did."""
    below: float = 0.02
    """Validation better than train by this share ..."""
    below_in_noise: float = 3.0
    """... and by this many standard errors."""
    rise: float = 0.03
    """Overconfidence and missed early stopping: validation loss rose by this share ..."""
    rise_in_noise: float = 1.5
    """... and by this many times its noise."""
    forgotten: float = 0.02
    """Label noise: validation accuracy fell by this much since its best ..."""
    forgotten_in_noise: float = 3.0
    """... and by this many times its noise ..."""
    memorized: float = 0.05
    """... while train accuracy rose by this much, or the train loss fell by three times this share."""
    dead: float = 0.3
    """Share of a layer's units that are 0 for every sample."""
    saturated: float = 0.3
    """Share of a layer's activations near an end of their range."""
    faded: float = 1e-3
    """Vanishing gradients: the norm fell to this part of its largest although little was learned ..."""
    faded_layer: float = 1e-3
    """... or a layer gets this part of what the layer with most gets."""
    burst: float = 30.0
    """Exploding gradients: the norm is this many times the median of the five before."""

    def scaled(self, factor: float) -> Limits:
        """Return all limits ``factor`` times harder to meet."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Limits(**{k: v / factor if k in FALLING else v * factor for k, v in values.items()})


STANDARD = Limits()
