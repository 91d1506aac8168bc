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
    precision: Literal["fp32", "bf16", "auto"] = "auto"
    """Of the factors of products in training. ``auto``: bf16 where a long training is faster by it and a probe shows
    that the losses agree; all arms have the same."""
    channels_last: bool | None = None
    """Whether images are laid out with their channels last."""

    @model_validator(mode="after")
    def _vmap_is_exact(self) -> Self:
        if self.how == "vmap" and self.precision == "bf16":
            raise ValueError("fp32, or another 'how': vmap knows no bf16")
        return self


def plan_words(values: Mapping[str, Any]) -> str:
    """Return a plan (``wellfit.train.plan.Plan.to_dict``) in words.

    >>> plan_words({"how": "stacked", "width": 4, "workers": 2, "threads": 1, "precision": "fp32"})
    'stacked, 4 together, 2 workers of 1 thread, fp32'
    """
    width = f"{values['width']} together, " if values.get("width") else ""
    layout = ", channels last" if values.get("channels_last") else ""
    workers, threads = (
        f"{n} {what}{'s' if n > 1 else ''}"
        for n, what in ((values.get("workers", 1), "worker"), (values.get("threads", 1), "thread"))
    )
    return f"{values.get('how') or 'by rule'}, {width}{workers} of {threads}, {values.get('precision', 'fp32')}{layout}"
