"""A plan: how a population is computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch

from wellfit.recipe.plan import plan_words
from wellfit.train.precision import Precision

How = Literal["stacked", "vmap", "one by one"]

MOST_MEMBERS = 2**16
"""Of a stack; no limit."""


@dataclass(frozen=True)
class Plan:
    """How a population is computed. It changes nothing of its members but their last bits, and with ``bf16`` more."""

    how: How | None = None
    """``None``: by rule (``choose_network``)."""
    width: int = MOST_MEMBERS
    """Members of a shard, at most: they are computed together."""
    workers: int = 1
    """Shards that are computed side by side."""
    threads: int = field(default_factory=torch.get_num_threads)
    """Threads of each worker."""
    processes: bool = False
    """Whether workers of one thread are processes, where that can be; else they are threads. Bits are the same."""
    precision: Precision = "fp32"
    """Of the factors of products in training."""
    channels_last: bool = False
    """Whether images are laid out with their channels last."""

    def __str__(self) -> str:
        """Return it in words."""
        return plan_words(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``width`` is None where there is no limit."""
        return {**asdict(self), "width": None if self.width >= MOST_MEMBERS else self.width}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Plan:
        """Take back what ``to_dict`` gave."""
        return cls(**{**values, "width": values["width"] or MOST_MEMBERS})
