"""The remedies that risk factors call for, favor or doubt, and those for which headroom is reason enough."""

from __future__ import annotations

from collections.abc import Mapping

from wellfit.diagnosis.remedy import Bound, Entry, entry
from wellfit.diagnosis.risk import RiskName

RISKS: tuple[Entry, ...] = (
    entry(
        "label_noise",
        "clean",
        "change",
        "Some train labels look wrong: take them out or correct them before they are learned.",
        "Northcutt et al. 2021",
    ),
    entry(
        "few_samples",
        "transfer",
        "change",
        "Weights learned on related data bring along what these samples are too few to teach.",
        "Yosinski et al. 2014",
    ),
    entry(
        "few_samples",
        "more_data",
        "change",
        "There are few samples; a learning curve says what twice as many would give.",
        "Banko & Brill 2001",
    ),
    entry(
        "imbalance",
        "class_weights",
        "change",
        "Each class counts the same: errors on rare classes are no longer cheap.",
        "King & Zeng 2001",
    ),
    entry(
        "imbalance",
        "focal",
        "change",
        "Turns down the many samples that are right already, most of them of the frequent classes.",
        "Lin et al. 2017",
    ),
    entry(
        "small_validation",
        "data.split.validation",
        "raise",
        "Few validation samples make each choice a matter of which they are; more of them, or several folds, help.",
        "Goodfellow et al. 2016, section 5.3",
    ),
)
"""By risk factor, best first."""

FAVORS: Mapping[RiskName, frozenset[str]] = {
    "label_noise": frozenset({"clean", "label_smoothing", "mixup", "early_stopping"}),
    "few_samples": frozenset({"augmentation", "gaussian_noise"}),
    "few_per_class": frozenset({"augmentation", "mixup"}),
    "many_features": frozenset({"l1", "elastic_net", "gaussian_noise"}),
    "many_parameters": frozenset({"dropout", "l2"}),
}
"""Risk factor -> changes that are the likelier to help: they stand first among those for a finding."""

DOUBTS: Mapping[RiskName, frozenset[str]] = {
    "few_samples": frozenset({"larger_network"}),
    "label_noise": frozenset({"focal"}),
    "small_validation": frozenset({"early_stopping", "temperature"}),
    "few_per_class": frozenset({"data.split.validation"}),
}
"""Risk factor -> changes that are the likelier to harm: they stand last."""

NO_GAP = Bound("gap_share", at_most=0.05, needed=True)
NOT_ALL_LEARNED = Bound("learned_share", at_most=0.9, needed=True)
"""There is something on the train set left to fit; else the gap, however small, is all that is left."""

STILL_FALLS = Bound("recent_fall_share", at_least=0.01, needed=True)
"""The validation loss fell over the last quarter, if by too little or too unsteadily to be a finding."""

HEADROOM: tuple[Entry, ...] = (
    entry(
        "headroom",
        "epochs",
        "raise",
        "Nothing calls for it surely; but the validation loss still fell a little when training ended.",
        "Goodfellow et al. 2016, section 7.8",
        STILL_FALLS,
    ),
    entry(
        "headroom",
        "optimizer.lr",
        "raise",
        "Nothing calls for it surely; but the validation loss still fell a little, and larger steps may get further.",
        "Bengio 2012, Practical recommendations, section 3.1.1",
        STILL_FALLS,
    ),
    entry(
        "headroom",
        "larger_network",
        "raise",
        "Nothing calls for it; but with hardly any gap a larger network can fit more before it overfits.",
        "Goodfellow et al. 2016, section 11.3",
        NO_GAP,
        NOT_ALL_LEARNED,
    ),
    entry(
        "headroom",
        "augmentation",
        "add",
        "Nothing calls for it; but mild variations of the samples commonly gain, and cost little.",
        "Shorten & Khoshgoftaar 2019",
        kinds=("image", "sequence"),
    ),
    entry(
        "headroom",
        "schedule",
        "change",
        "Nothing calls for it; but a rate that falls to zero commonly ends a little lower.",
        "Loshchilov & Hutter 2017",
    ),
    entry(
        "headroom",
        "ema",
        "add",
        "Nothing calls for it; but the average of the last weights is commonly a little better than the last.",
        "Izmailov et al. 2018",
    ),
    entry(
        "headroom",
        "label_smoothing",
        "add",
        "Nothing calls for it; but targets a little below 1 commonly gain in accuracy.",
        "Szegedy et al. 2016, section 7",
    ),
    entry(
        "headroom",
        "mixup",
        "add",
        "Nothing calls for it; but mixed samples commonly gain where classes lie in clusters.",
        "Zhang et al. 2018",
    ),
    entry(
        "headroom",
        "l2",
        "add",
        "Nothing calls for it; but a weak penalty commonly gains a little and seldom costs.",
        "Krogh & Hertz 1992",
    ),
)
"""For a run that shows nothing, or nothing clear: low risk, small gains. Where a larger network is called for, what
would hold it back is not offered."""
