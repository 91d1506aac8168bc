"""How a study was computed, for people: the ``plan`` of its result."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from wellfit.recipe.plan import plan_words
from wellfit.views.numbers import count_text

SOURCES = {"rule": "by rule", "measured": "measured", "remembered": "measured before on the machine"}


def plan_rows(plan: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return title and text of each population, and of the plans that were tried for it."""
    rows = []
    for one in (plan or {}).get("populations") or ():
        source = SOURCES.get(str(one.get("source")), SOURCES["rule"])
        title = f"{count_text(one.get('members', 0), 'member')}, {count_text(one.get('epochs', 0), 'epoch')}"
        rows.append((title, f"{plan_words(one)} ({source})"))
        for trial in one.get("trials") or ():
            seconds = [value for value in trial.get("seconds_per_step") or () if isinstance(value, int | float)]
            took = f"{1000 * statistics.median(seconds):.3g} ms a step and member" if seconds else "out of memory"
            rows.append(("tried", f"{took}: {plan_words(trial)}"))
        if one.get("agreement"):
            rows.append(("bf16", str(one["agreement"])))
    return rows
