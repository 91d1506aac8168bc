"""PlanSpec: what of a plan the user decides; the rest is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from wellfit.recipe.base import Count, Frozen


class PlanSpec(Frozen):
    """How a study is computed; ``None``: as it is fastest here (``wellfit plan``)."""

    how: Literal["stacked", "vmap", "one by one"] | None = None
    """Layers of all members as one, PyTorch's ``vmap``, or member after member."""
    width: Count | None = None
    """Members of a shard, at most: they are computed together."""
    workers: Count | None = None
    """Shards that are computed side by side."""
    threads: Count | None = None
    """Threads of each worker."""
    processes: bool | None = None
    """Whether workers are processes, on Linux without a GPU; else they are threads."""
    precision: Literal["fp32", "bf16", "auto"] = "auto"
    """Of the factors of products in training. ``auto``: bf16 where a long training is faster by it and a probe shows
    that the losses agree; all arms have the same."""
    channels_last: bool | None = None
    """Whether images are laid out with their channels last."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.how == "vmap" and self.precision == "bf16":
            raise ValueError("fp32, or another 'how': vmap knows no bf16")
        if self.processes and (self.threads or 1) > 1:
            raise ValueError("1 thread, or no processes: a process has one thread of PyTorch")
        return self


def plan_words(values: Mapping[str, Any]) -> str:
    """Return a plan (``wellfit.train.plan.Plan.to_dict``) in words.

    >>> plan_words({"how": "stacked", "width": 4, "workers": 2, "threads": 1, "precision": "fp32"})
    'stacked, 4 together, 2 workers of 1 thread, fp32'
    """
    width = f"{values['width']} together, " if values.get("width") else ""
    layout = ", channels last" if values.get("channels_last") else ""
    crew = crew_words(values.get("workers", 1), processes=values.get("processes", False))
    threads = values.get("threads", 1)
    each = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{values.get('how') or 'by rule'}, {width}{crew} of {each}, {values.get('precision', 'fp32')}{layout}"


def crew_words(workers: int, *, processes: bool) -> str:
    """Return how many workers there are, and of which kind.

    >>> crew_words(2, processes=True)
    '2 processes'
    """
    if workers == 1:
        return "1 worker"
    return f"{workers} {'processes' if processes else 'workers'}"
