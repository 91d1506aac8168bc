"""What a change does, and what a finding forbids: remedies may contradict neither the evidence nor each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

Axis = Literal["fit", "steps"]
"""``fit``: how closely the train set can be fitted. ``steps``: how far a step of the optimizer goes."""
Direction = Literal["more", "less"]
Effect = tuple[Axis, Direction]

MORE_FIT: Effect = ("fit", "more")
LESS_FIT: Effect = ("fit", "less")
LARGER_STEPS: Effect = ("steps", "more")
SMALLER_STEPS: Effect = ("steps", "less")

HOLDS_BACK = frozenset(
    {
        *("augmentation", "gaussian_noise", "mixup", "label_smoothing"),
        *("dropout", "l1", "l2", "elastic_net", "max_norm"),
        "early_stopping",
    }
)
"""Changes that keep a network from fitting its train set, whether they are added or raised."""

EFFECTS: Mapping[tuple[str, str], Effect] = {
    ("regularizers", "lower"): MORE_FIT,
    ("larger_network", "raise"): MORE_FIT,
    ("epochs", "raise"): MORE_FIT,
    ("smaller_network", "lower"): LESS_FIT,
    ("optimizer.lr", "raise"): LARGER_STEPS,
    ("optimizer.lr", "lower"): SMALLER_STEPS,
    ("optimizer.momentum", "raise"): LARGER_STEPS,
    ("batch_size", "raise"): SMALLER_STEPS,
}
"""(change, step) -> what it does. Momentum m makes steps 1 / (1 - m) as long; batch size acts as 1 / lr does (Smith et
al. 2018)."""

FORBIDS: Mapping[str, tuple[Effect, ...]] = {
    "overfitting": (MORE_FIT,),
    "overconfidence": (MORE_FIT,),
    "missed_early_stopping": (MORE_FIT,),
    "underfitting": (LESS_FIT,),
    "divergence": (LARGER_STEPS,),
    "exploding_gradients": (LARGER_STEPS,),
    "lr_too_high": (LARGER_STEPS,),
    "lr_too_low": (SMALLER_STEPS,),
}
"""Finding -> what would make it worse."""

NO_EARLY_STOP = frozenset({"unconverged", "plateau", "lr_too_low"})
"""Findings of a run that had not arrived: what stops it sooner takes away more."""


def effect(change: str, step: str) -> Effect | None:
    """Return what a change does; ``None``: neither of the two."""
    return LESS_FIT if change in HOLDS_BACK else EFFECTS.get((change, step))


def opposite(one: Effect) -> Effect:
    """Return the effect that undoes it."""
    return one[0], "less" if one[1] == "more" else "more"


def forbidden(change: str, step: str, present: Collection[str]) -> bool:
    """Return whether one of the findings that are present speaks against a change."""
    if change == "early_stopping" and not NO_EARLY_STOP.isdisjoint(present):
        return True
    return effect(change, step) in forbidden_effects(present)


def forbidden_effects(present: Iterable[str]) -> frozenset[Effect]:
    """Return what the findings that are present forbid."""
    return frozenset(one for name in present for one in FORBIDS.get(name, ()))
