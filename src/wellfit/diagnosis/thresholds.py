"""Where findings begin: those that make the verdict, and the further ones."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a feature becomes a finding. Shares are of the descent, or of what can be won (see ``Features``)."""

    rise: float = 0.03
    """Overfitting: the validation loss rose by this share since its turning point ..."""
    rise_in_noise: float = 1.5
    """... and by this many times its noise ..."""
    rise_in_error: float = 1.5
    """... and, where the number of validation samples is known, by this many standard errors of such a set."""
    rise_of_level: float = 0.12
    """The same with two thirds of that share, where validation rose by this part of its best value and training fell
    by more."""
    gap: float = 0.4
    """Overfitting without a rise: this part of what was won on the train set does not generalize."""
    gap_unscaled: float = 0.5
    """The same where the chance loss is not known and the descent is counted from the first epoch."""
    regret: float = 0.11
    """With a reference: the run is this share worse than the best arm."""
    fall: float = 0.05
    """Unconverged: as many epochs again would lower the validation loss by this share ..."""
    fall_in_noise: float = 2.0
    """... and it fell by this many times its noise over the last quarter."""
    train_fall: float = 0.1
    """Unconverged where validation is too noisy to tell: the same fall of the train loss, with hardly any gap."""
    part: float = 0.3
    """With a reference: a finding is what would win back this part of the regret."""
    beginning: float = 0.5
    """A run whose train loss will win this part of what it has won once more is at its beginning: nobody knows where it
    ends."""
    learned: float = 0.5
    """Underfitting without a reference: less than this share of the chance loss was removed, and hardly any gap."""
    learned_enough: float = 0.75
    """Below this share and with hardly any gap, a good fit cannot be told from underfitting without a reference."""
    no_gap: float = 0.1
    """What counts as hardly any gap."""
    hint_of_gap: float = 0.01
    """Without chance loss and reference: a smaller gap than this may as well be too small a network."""
    lost: float = 0.5
    """Divergence: the train loss ended this share above its own best."""
    peak: float = 2.0
    """Divergence: a loss was this many times the starting loss, and nothing was learned or all was lost again."""
    first_peak: float = 3.0
    """The same where the loss did not climb but was this high from the first epoch."""
    nothing: float = 0.1
    """What counts as nearly nothing learned, as a share of the starting loss."""
    noise: float = 0.06
    """Noisy validation: the noise is this share of what can be won."""
    unreadable: float = 0.1
    """Beyond this share of noise, nothing else found means nothing."""

    def scaled(self, factor: float) -> Thresholds:
        """Return all thresholds times ``factor``, for the question whether a verdict hangs on their exact place."""
        scaled = {field.name: getattr(self, field.name) * factor for field in fields(self)}
        # For these two less is graver, so what is scaled is the part that was not learned.
        left = {name: 1 - (1 - getattr(self, name)) * factor for name in ("learned", "learned_enough")}
        return Thresholds(**{**scaled, **left})


DEFAULT = Thresholds()
"""First set on 75 real trainings of which the loss on further samples and the outcome of three times longer training
were known; then held against the two halves of the labelled runs (``benchmarks/diagnosis.py``), which moved few of
them: verdicts hardly change when a threshold does. ``rise_of_level`` is for three curves of one study
(``studies/homework.md``); ``rise_in_error`` and ``regret`` are against false alarms of overfitting on healthy runs."""

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
    smooth: float = 0.015
    """Learning rate too low: the train loss jumps by less than this share ..."""
    straight: float = 0.5
    """... and its second half brought this part of what the first did."""
    below: float = 0.02
    """Validation better than train by this share ..."""
    below_in_noise: float = 3.0
    """... and by this many standard errors."""
    rise: float = 0.05
    """Overconfidence and missed early stopping: validation loss rose by this share ..."""
    rise_in_noise: float = 1.5
    """... and by this many times its noise."""
    forgotten: float = 0.02
    """Label noise: validation accuracy fell by this much since its best ..."""
    forgotten_in_noise: float = 2.0
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
"""Set by closed forms and a few trainings, then held against the tuning half of the labelled runs."""
