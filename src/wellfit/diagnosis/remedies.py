"""The table of remedies: what to change for a finding, in which order, and when not.

A remedy is a candidate arm of a study, not a promise; what it brings on this data is for the study to say.
``wellfit.diagnosis.prescribe`` chooses from the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wellfit.diagnosis.finding import FindingName

Step = Literal["add", "raise", "lower", "change"]
"""``add`` a method that is not in use; ``raise`` or ``lower`` the strength of one, or a number; ``change`` something
else."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of recipe that addresses a finding."""

    finding: FindingName
    change: str
    """What to change: a regularizer by its name in the catalogue, a recipe field, or a plain name for what is not one
    field."""
    step: Step
    reason: str
    source: str


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
    against: tuple[FindingName, ...] = ()
    """Findings that the change would make worse: with one of them it is not offered."""
    kind: Literal["image"] | None = None
    """Only for data of this kind."""


def entry(
    finding: FindingName,
    change: str,
    step: Step,
    reason: str,
    source: str,
    *when: Bound,
    against: tuple[FindingName, ...] = (),
    kind: Literal["image"] | None = None,
) -> Entry:
    """Return a line of a table."""
    return Entry(Remedy(finding, change, step, reason, source), when, against, kind)


FITS = Bound("learned_share", at_least=0.5)
"""The network fits its train set at least halfway: there is something that regularization can take away."""
LEARNS = Bound("learned_share", at_least=0.1)
"""It learned something: what is missing is capacity or freedom, not a training that works at all."""
LEARNS_NOTHING = Bound("learned_share", at_most=0.1, needed=True)
TURNED = Bound("rise_share", at_least=0.01)
"""The validation loss did turn; without that there is no earlier epoch to go back to."""
SMOOTH = Bound("noise_share", at_most=0.02)
"""The validation loss hardly jumps: there is room for larger steps."""
JUMPS = Bound("noise_share", at_least=0.05)
TRAIN_JUMPS = Bound("train_noise_share", at_least=0.01)
"""The train loss jumps as well: not the size of the validation set alone."""

ONCE = frozenset({"early_stopping"})
"""Methods that are in use or not; there is no strength to raise."""

TABLE: tuple[Entry, ...] = (
    entry(
        "divergence",
        "optimizer.lr",
        "lower",
        "Steps that are too large for the curvature make the loss grow instead of fall; try a third, then a tenth.",
        "Bengio 2012, Practical recommendations, section 3.1.1",
    ),
    entry(
        "divergence",
        "clip_norm",
        "add",
        "Caps the rare huge gradient that throws the weights away, and leaves the others as they are.",
        "Pascanu et al. 2013",
    ),
    entry(
        "divergence",
        "data.scale",
        "change",
        "Inputs of very different or large scale make the curvature, and with it the stable step, uneven: standardize.",
        "LeCun et al. 1998, Efficient BackProp, section 4.3",
    ),
    entry(
        "overfitting",
        "early_stopping",
        "add",
        "Validation was best earlier: stopping there costs nothing and gives those weights back.",
        "Prechelt 1998",
        TURNED,
    ),
    entry(
        "overfitting",
        "augmentation",
        "add",
        "Varied copies stand in for samples that are missing, if the variations leave the class as it is.",
        "Simard et al. 2003",
        against=("underfitting",),
        kind="image",
    ),
    entry(
        "overfitting",
        "dropout",
        "add",
        "Hidden units cannot rely on one another, which breaks features that hold for the train set only.",
        "Srivastava et al. 2014",
        FITS,
        against=("underfitting",),
    ),
    entry(
        "overfitting",
        "l2",
        "add",
        "Small weights make a smooth function; it suppresses what the train samples do not insist on.",
        "Krogh & Hertz 1992",
        FITS,
        against=("underfitting",),
    ),
    entry(
        "overfitting",
        "max_norm",
        "add",
        "Bounds each unit's weights without pulling at small ones; goes well with dropout and a high learning rate.",
        "Srivastava et al. 2014, section 5.1",
        FITS,
        against=("underfitting",),
    ),
    entry(
        "overfitting",
        "more_data",
        "change",
        "The gap shrinks with the number of samples; nothing else lowers it without a price.",
        "Banko & Brill 2001",
    ),
    entry(
        "overfitting",
        "smaller_network",
        "lower",
        "It fits its train set nearly perfectly: capacity to spare. But regularizing a large network is often better.",
        "Geman et al. 1992; Zhang et al. 2017 for the doubt",
        Bound("learned_share", at_least=0.9, needed=True),
        against=("underfitting",),
    ),
    entry(
        "unconverged",
        "epochs",
        "raise",
        "Validation still improves: train on, about as long again, with early stopping as the guard.",
        "Goodfellow et al. 2016, section 11.3",
    ),
    entry(
        "unconverged",
        "optimizer.lr",
        "raise",
        "The curve is smooth and slow, so larger steps should be stable and get there sooner: try three times as much.",
        "Bengio 2012, Practical recommendations, section 3.1.1",
        SMOOTH,
        Bound("peak_share", at_most=2.0),
        against=("lr_too_high",),
    ),
    entry(
        "unconverged",
        "optimizer.momentum",
        "raise",
        "Momentum adds up small steps that agree, which is what a smooth slow curve consists of.",
        "Sutskever et al. 2013",
        SMOOTH,
        Bound("peak_share", at_most=2.0),
    ),
    entry(
        "underfitting",
        "regularizers",
        "lower",
        "A network that cannot fit its train set needs no regularization: halve it, or leave it out.",
        "Goodfellow et al. 2016, section 11.3",
        against=("overfitting",),
    ),
    entry(
        "underfitting",
        "optimizer.lr",
        "lower",
        "The loss jumps around where it should settle: smaller steps reach lower.",
        "Bengio 2012, Practical recommendations, section 3.1.1",
        JUMPS,
    ),
    entry(
        "underfitting",
        "optimizer.lr",
        "change",
        "Next to nothing was learned: before capacity, try learning rates ten times smaller and larger.",
        "Bengio 2012, Practical recommendations, section 3.1.1",
        LEARNS_NOTHING,
    ),
    entry(
        "underfitting",
        "data.scale",
        "change",
        "Next to nothing was learned: inputs that are not standardized can stall a network from the start.",
        "LeCun et al. 1998, Efficient BackProp, section 4.3",
        LEARNS_NOTHING,
    ),
    entry(
        "underfitting",
        "larger_network",
        "raise",
        "More width or depth lets it fit what it cannot now; the validation curve will say when it is too much.",
        "Goodfellow et al. 2016, section 11.3",
        LEARNS,
        against=("overfitting",),
    ),
    entry(
        "underfitting",
        "epochs",
        "raise",
        "The loss was still falling a little at the end.",
        "Goodfellow et al. 2016, section 11.3",
        Bound("expected_fall_share", at_least=0.01, needed=True),
        against=("overfitting",),
    ),
    entry(
        "noisy_validation",
        "optimizer.lr",
        "lower",
        "Smaller steps wander less around the minimum.",
        "Bengio 2012, Practical recommendations, section 3.1.1",
        TRAIN_JUMPS,
    ),
    entry(
        "noisy_validation",
        "batch_size",
        "raise",
        "Larger batches average the gradient's noise; near a minimum it has much the effect of a smaller rate.",
        "Smith et al. 2018",
        TRAIN_JUMPS,
    ),
    entry(
        "noisy_validation",
        "data.split.validation",
        "raise",
        "More validation samples make each evaluation less a matter of which samples it holds.",
        "Goodfellow et al. 2016, section 5.3",
    ),
)
"""By finding, best first: what is cheap and well attested stands before what costs or is disputed."""
