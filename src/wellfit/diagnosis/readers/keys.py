"""What a key of a foreign log means, by the words in it: ``val/loss_epoch`` is a validation loss."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["loss", "accuracy", "lr", "epoch", "step", "run"]
Part = Literal["train", "val", "test", ""]

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
PARTS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation", "holdout"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
LOSSES = frozenset({"loss", "losses"})
LOSS_NAMES = frozenset({"nll", "xent", "logloss", "crossentropy", "bce", "mse", "mae", "rmse", "objective", "cost"})
"""Words that name a loss without saying so."""
ACCURACIES = frozenset({"acc", "accuracy"})
GRAINS = frozenset({"epoch", "step", "batch", "iter", "iteration"})
SILENT = frozenset({"avg", "average", "mean", "running", "total", "metrics", "metric", "dataloader", "idx", "trainer"})
"""Words that say nothing about which quantity it is."""
OTHERS = frozenset(
    [
        "best",
        "min",
        "max",
        "std",
        "stderr",
        "var",
        "grad",
        "gradient",
        "norm",
        "scale",
        "runtime",
        "second",
        "seconds",
        "time",
        "weight",
        "weights",
        "penalty",
        "reg",
        "ratio",
        "hist",
        "samples",
        "patience",
        "delta",
    ]
)
"""Words of what is made from a loss or stands near it, and is none."""
AXES: dict[tuple[str, ...], Kind] = {
    ("epoch",): "epoch",
    ("epochs",): "epoch",
    ("ep",): "epoch",
    ("current", "epoch"): "epoch",
    ("step",): "step",
    ("steps",): "step",
    ("global", "step"): "step",
    ("iter",): "step",
    ("iteration",): "step",
    ("iterations",): "step",
}
RUNS = frozenset({"run", "run_id", "run_name", "run_uuid", "run id", "run name", "trial", "seed", "fold"})
LONGEST = 300
"""A key with more characters means nothing."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a key was taken for."""

    kind: Kind
    part: Part = ""
    """``""``: the key does not say."""
    grain: str = ""
    """``step`` or ``epoch`` where the key says which."""
    extras: tuple[str, ...] = ()
    """Words that say which loss or accuracy it is: ``box``, ``aux``, ``top 5``."""
    by_name: bool = False
    """It is called by the name of a loss (``mse``), not ``loss``."""


@functools.lru_cache(maxsize=4096)
def meaning(key: str) -> Meaning | None:
    """Return what a key means; ``None`` where it is nothing that a diagnosis uses.

    >>> meaning("Loss/validation")
    Meaning(kind='loss', part='val', grain='', extras=(), by_name=False)
    """
    if len(key) > LONGEST:
        return None
    if key.strip().lower() in RUNS:
        return Meaning("run")
    words = [part for word in WORD.findall(key) for part in _split(word.lower())]
    axis = AXES.get(tuple(word for word in words if word != "trainer" and PARTS.get(word) != "train"))
    if axis is not None:
        return Meaning(axis)
    if OTHERS & set(words):
        return None
    if "lr" in words or ("learning" in words and "rate" in words):
        return Meaning("lr", extras=tuple(word for word in words if word not in {"lr", "learning", "rate"}))
    kind = _kind(words)
    if kind is None:
        return None
    part: Part = next((PARTS[word] for word in words if word in PARTS), "")
    grain = next((word for word in reversed(words) if word in GRAINS), "")
    said = LOSSES if kind == "loss" else ACCURACIES | {"top", "1", "prec"}
    extras = tuple(
        word for word in words if word not in PARTS and word not in GRAINS and word not in SILENT and word not in said
    )
    if "dataloader" in words:
        extras = tuple(word for word in extras if word != "0")
    by_name = kind == "loss" and not LOSSES & set(words)
    return Meaning(kind, part, "epoch" if grain == "epoch" else "step" if grain else "", extras, by_name)


def _split(word: str) -> list[str]:
    """Take ``valloss`` and ``trainacc`` apart."""
    for first in PARTS:
        rest = word.removeprefix(first)
        if rest != word and (rest in LOSSES or rest in ACCURACIES):
            return [first, rest]
    return [word]


def _kind(words: list[str]) -> Kind | None:
    if LOSSES & set(words):
        return "loss"
    if ACCURACIES & set(words) or (("top" in words or "prec" in words) and "1" in words):
        return None if {"5", "3", "10"} & set(words) else "accuracy"
    if LOSS_NAMES & set(words) or ("cross" in words and "entropy" in words):
        return "loss"
    return None


def is_curve(key: str) -> bool:
    """Whether a key means a loss or an accuracy."""
    found = meaning(key)
    return found is not None and found.kind in {"loss", "accuracy"}
