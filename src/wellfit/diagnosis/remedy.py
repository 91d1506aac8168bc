"""A remedy, and the line of a table that says when it applies.

A remedy is a candidate arm of a study, not a promise; what it brings on this data is for the study to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wellfit.diagnosis.finding import FindingName
from wellfit.diagnosis.harm import harm
from wellfit.diagnosis.risk import Kind, RiskName

Cause = FindingName | RiskName | Literal["headroom"]
"""What calls for a remedy: a finding, a risk factor, or ``headroom``: nothing does, but it commonly gains."""

Step = Literal["add", "raise", "lower", "change"]
"""``add`` a method that is not in use; ``raise`` or ``lower`` the strength of one, or a number; ``change`` something
else."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of recipe that addresses a finding or a risk factor."""

    finding: Cause
    change: str
    """What to change: a regularizer by its name in the catalogue, a recipe field, or a plain name for what is not one
    field."""
    step: Step
    reason: str
    source: str
    harm: str
    """When it does harm."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What the evidence must show. A feature that is not known contradicts nothing, unless it is ``needed``."""

    feature: str
    """Name in ``Features``."""
    at_least: float = float("-inf")
    at_most: float = float("inf")
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table: a remedy and when it applies."""

    remedy: Remedy
    when: tuple[Bound, ...] = ()
    kinds: tuple[Kind, ...] = ()
    """Only for data of these kinds; none: for all."""


def entry(
    finding: Cause,
    change: str,
    step: Step,
    reason: str,
    source: str,
    *when: Bound,
    kinds: tuple[Kind, ...] = (),
) -> Entry:
    """Return a line of a table, with the harm that the change can do."""
    return Entry(Remedy(finding, change, step, reason, source, harm(change, step)), when, kinds)


FITS = Bound("learned_share", at_least=0.5)
"""The network fits its train set at least halfway: there is something that regularization can take away."""
LEARNS = Bound("learned_share", at_least=0.1)
"""It learned something: what is missing is capacity or freedom, not a training that works at all."""
LEARNS_NOTHING = Bound("learned_share", at_most=0.1, needed=True)
SETTLED = Bound("expected_fall_share", at_most=0.3)
"""More of the same training would not bring most of what is missing."""
TURNED = Bound("rise_share", at_least=0.01)
"""The validation loss did turn; without that there is no earlier epoch to go back to."""
SMOOTH = Bound("noise_share", at_most=0.02)
"""The validation loss hardly jumps: there is room for larger steps."""
JUMPS = Bound("noise_share", at_least=0.05)
QUIET = Bound("train_noise_share", at_most=0.05)
"""The train loss settles: what is missing is capacity or time, not smaller steps."""
TRAIN_JUMPS = Bound("train_noise_share", at_least=0.01)
"""The train loss jumps as well: not the size of the validation set alone."""

ONCE = frozenset({"early_stopping"})
"""Methods that are in use or not; there is no strength to raise."""
