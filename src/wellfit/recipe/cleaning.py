"""``study.cleaning: PLAN`` in a recipe file: what it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.errors import RecipeError

KEY = "cleaning"
ARMS = ("clean", "random")


def with_cleaning_arms(recipe: Mapping[str, Any], study: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a recipe's and its study's plain values with ``study.cleaning`` written out; without it, as they are.

    The base recipe keeps the samples (``data.clean: {plan: PLAN, do: keep}``), so that ``plain``, the control, is
    measured on the same samples as the arms ``clean`` and ``random``, which are added before the study's own.

    >>> with_cleaning_arms({"data": "digits"}, {"cleaning": "plan.yaml"})[1]["arms"]["random"]
    {'data': {'clean': {'do': 'random'}}}

    Raises
    ------
    RecipeError
        No path; arms of these names; data that names a plan itself.

    """
    plain, wanted = dict(recipe), dict(study)
    if KEY not in wanted:
        return plain, wanted
    plan = wanted.pop(KEY)
    if not isinstance(plan, str) or not plan:
        raise RecipeError(f"study.{KEY}", f"received {plan!r}", "the path of a plan ('wellfit data DATA --plan PATH')")
    data = plain.get("data")
    base = dict(data) if isinstance(data, Mapping) else {"source": data}
    if base.get("clean") is not None:
        raise RecipeError(f"study.{KEY}", "received with data.clean", "one of them")
    arms = wanted.get("arms") or {}
    if isinstance(arms, Mapping):
        taken = next((name for name in ARMS if name in arms), None)
        if taken is not None:
            raise RecipeError(f"study.arms.{taken}", f"study.{KEY} has an arm of that name", "another name")
        wanted["arms"] = {name: {"data": {"clean": {"do": name}}} for name in ARMS} | dict(arms)
    if data is not None:
        plain["data"] = {**base, "clean": {"plan": plan, "do": "keep"}}
    return plain, wanted
