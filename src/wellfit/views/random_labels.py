"""The random-label test in words and cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.views.numbers import MISSING, count_text, plain, range_text

ABOVE_CHANCE = 3.0
"""Standard errors above chance from which an accuracy on true labels, learned from random ones, is no chance."""


CLEARLY_MORE = 1.5
"""Times as many epochs for random labels, below which true ones are hardly the easier."""


@dataclass(frozen=True)
class Cells:
    """A line of the table: one kind of labels."""

    labels: str
    train: str
    epochs: str
    validation: str


def headline(result: Mapping[str, Any]) -> str:
    """Return the verdict in a sentence."""
    random = result["labels"]["random"]
    samples = f"{result['data']['train']:,} random {_targets(result)}"
    reached = [epoch for epoch in random["reached"] if epoch is not None]
    share = share_of(result, _middle(random["share"]))
    if result["verdict"] == "memorizes":
        some = (
            f" with {len(reached)} of {count_text(len(random['reached']), 'seed')}"
            if result["reason"] == "some"
            else ""
        )
        share = share_of(result, _middle([s for s, e in zip(random["share"], random["reached"], strict=True) if e]))
        when = f"{share} after {range_text(sorted(reached))} {'epoch' if set(reached) == {1} else 'epochs'}"
        return (
            f"It memorizes {samples}{some} ({when}): its capacity cannot keep it from overfitting, only regularization "
            f"or data can."
        )
    if result["verdict"] == "cannot":
        best = share_of(result, _middle(random["best"]))
        return f"It cannot memorize {samples} ({best}, and at rest): its capacity itself limits overfitting."
    return f"Unclear whether it can memorize {samples} ({share_of(result, _middle(random['best']))}): {_open(result)}."


def _open(result: Mapping[str, Any]) -> str:
    """Return what leaves the question open, and what would clear it."""
    lr, epochs = float(result["lr"]), int(result["epochs"])
    lower = f"a lower learning rate (--set optimizer.lr={lr / 10:.3g})"
    return {
        "diverged": f"the training diverged; {lower} would tell",
        "not_learning": f"the loss fell neither on random nor on true {_targets(result)}: look at the learning rate "
        f"({lr:g}) first, higher or lower",
        "jumps": f"the train loss jumps instead of settling; {lower} would tell",
        "epochs": f"it was still learning at epoch {result['epochs_run']}; more (--epochs {10 * epochs}) would tell",
    }[str(result["reason"])]


def sentences(result: Mapping[str, Any]) -> list[str]:
    """Return what else there is to say: the true labels beside it, and the check on validation."""
    return [line for line in (_beside(result), _check(result)) if line]


def _beside(result: Mapping[str, Any]) -> str:
    true, random = (result["labels"][name]["reached"] for name in ("true", "random"))
    if any(epoch is None for epoch in true):
        best = share_of(result, _middle(result["labels"]["true"]["best"]))
        return f"True {_targets(result)}, trained the same way, came to {best}."
    text = f"True {_targets(result)} took {range_text(sorted(true))} epochs"
    if any(epoch is None for epoch in random):
        return f"{text}."
    ratio = _middle([r / t for r, t in zip(random, true, strict=True)])
    if ratio < CLEARLY_MORE:
        return f"{text}: random ones {ratio:.1f} times as many, so that structure in the data saves little here."
    return f"{text}: random ones {ratio:.1f} times as many, which is what structure in the data saves."


def _check(result: Mapping[str, Any]) -> str:
    """Return whether what was learned from random labels says anything of true ones: it must not."""
    random, chance = result["labels"]["random"], result["data"]["chance_accuracy"]
    if chance is None:
        loss = _middle(random["val_loss"])
        found = f"On the validation set its loss is {plain(loss, 2)}; random targets teach at best the mean"
        return f"{found}, whose loss is about 1 (less or more where validation targets spread less or more)."
    values, mean = random["val_accuracy"], _mean(random["val_accuracy"])
    if not math.isfinite(mean):
        return ""
    error = math.sqrt(max(chance * (1 - chance), 1e-9) / (result["data"]["validation"] * len(values)))
    found = f"On the true labels of the validation set it is right for {_percent(mean)}, chance is {_percent(chance)}"
    if mean > chance + ABOVE_CHANCE * error + 0.01:
        return f"{found}: more than chance, which random labels cannot teach; look for duplicates and leaks."
    return f"{found}: no more than chance, as it must be."


def cells(result: Mapping[str, Any]) -> list[Cells]:
    """Return a line for random and one for true labels."""
    found = []
    for name in ("random", "true"):
        block = result["labels"][name]
        epochs = [epoch for epoch in block["reached"] if epoch is not None]
        missing = len(block["reached"]) - len(epochs)
        text = range_text(sorted(epochs)) if epochs else MISSING
        text += f" ({missing} never)" if missing and epochs else ""
        if block["val_accuracy"][0] is not None:
            validation = _percent(_mean(block["val_accuracy"]))
        else:
            validation = plain(1 - _middle(block["val_loss"]), 2)
        found.append(Cells(name, share_of(result, _middle(block["share"])), text, validation))
    return found


def measure_name(result: Mapping[str, Any]) -> str:
    """Return what memorizing is measured by."""
    return "R\N{SUPERSCRIPT TWO}" if result["measure"] == "r2" else "accuracy"


def setting(result: Mapping[str, Any]) -> str:
    """Return what was trained, in a line."""
    seeds = count_text(len(result["seeds"]), "seed")
    optimizer = result["recipe"]["optimizer"]
    return (
        f"{result['data']['name']}: {result['data']['train']:,} train samples, {result['parameters']:,} parameters, "
        f"{optimizer['kind']} with lr {optimizer['lr']:g}, no regularizers, {seeds}, {result['epochs_run']} epochs"
    )


def share_of(result: Mapping[str, Any], share: float) -> str:
    """Return how much is known by heart: ``100 %`` of labels, or an R^2; what is not quite all is not called so."""
    if result["measure"] == "r2":
        return f"{measure_name(result)} {plain(share, 2)}"
    return _percent(share)


def _percent(share: float) -> str:
    if not math.isfinite(share):
        return MISSING
    text = f"{100 * share:.1f}".removesuffix(".0")
    return "> 99.9 %" if text == "100" and share < 1 else f"{text} %"


def _targets(result: Mapping[str, Any]) -> str:
    return "targets" if result["measure"] == "r2" else "labels"


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _middle(values: Sequence[float | None]) -> float:
    known = sorted(value for value in values if value is not None and math.isfinite(value))
    if not known:
        return math.nan
    half = len(known) // 2
    return known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2
