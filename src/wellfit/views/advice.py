"""Methods that do nothing, or hardly anything, in a study's recipes: said once, with the arms that have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellfit.views.numbers import listing


@dataclass(frozen=True, slots=True)
class Advice:
    """What does nothing, and where."""

    words: str
    where: str
    """``all arms``, or their names."""


def advice(result: Mapping[str, Any]) -> tuple[Advice, ...]:
    """Return the study's advice in its order; older results have none."""
    arms = [str(arm["name"]) for arm in result.get("arms") or ()]
    found = []
    for one in result.get("advice") or ():
        names = [str(name) for name in one.get("arms") or ()]
        everywhere = len(arms) > 1 and set(names) >= set(arms)
        found.append(Advice(str(one["words"]), "all arms" if everywhere else listing(names)))
    return tuple(found)
