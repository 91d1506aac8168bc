"""What a plan did to the train samples of each arm, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from wellfit.views.numbers import count_text, plain


@dataclass(frozen=True, slots=True)
class Cleaning:
    """One arm of a plan."""

    arm: str
    words: str


def cleaning(result: Mapping[str, Any]) -> tuple[Cleaning, ...]:
    """Return the arms that a plan speaks of, in the study's order; none where there is no plan.

    Counts are means over the seeds, as each seed has its own train samples.
    """
    return tuple(
        Cleaning(str(arm["name"]), _words(about)) for arm in result.get("arms") or () if (about := arm.get("cleaning"))
    )


def plan_text(result: Mapping[str, Any]) -> str:
    """Return the paths of the plans: ``plan.yaml``; empty where there is none."""
    found = [str(arm["cleaning"].get("plan")) for arm in result.get("arms") or () if arm.get("cleaning")]
    return ", ".join(dict.fromkeys(found))


def _words(about: Mapping[str, Any]) -> str:
    counts = {name: list(about.get(name) or ()) for name in ("train", "dropped", "relabeled", "imputed")}
    seeds = len(counts["train"])
    before = [left + gone for left, gone in zip(counts["train"], counts["dropped"], strict=True)]
    over = f"mean of {count_text(seeds, 'seed')}" if seeds > 1 else "one seed"
    if about.get("do") == "keep":
        return f"all {_mean(before)} train samples kept as they are ({over})"
    gone = f"{_mean(counts['dropped'])} of {_mean(before)} train samples left out"
    if about.get("do") == "random":
        return f"{gone}, drawn at random ({over})"
    cells = [f"{_mean(counts['imputed'])} cells filled in"] if any(counts["imputed"]) else []
    done = ", ".join([gone, f"{_mean(counts['relabeled'])} relabeled", *cells])
    return f"{done} ({over})"


def _mean(values: Sequence[int]) -> str:
    if not values:
        return "0"
    return f"{values[0]:,}" if len(set(values)) == 1 else plain(fmean(values), 1)
