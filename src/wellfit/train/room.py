"""Memory that is used again from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor


class Room:
    """Memory that is used again from step to step: fresh pages cost as much as what is written on them."""

    def __init__(self) -> None:
        self._made: dict[str, Tensor] = {}
        self._last: dict[str, Tensor] = {}

    def take(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Return a contiguous tensor of the kind of ``like``, with whatever was there."""
        last = self._last.get(name)
        if last is not None and last.shape == shape and (last.dtype, last.device) == (like.dtype, like.device):
            return last
        size = math.prod(shape)
        made = self._made.get(name)
        if made is None or made.numel() < size or (made.dtype, made.device) != (like.dtype, like.device):
            made = self._made[name] = like.new_empty(size)
        last = self._last[name] = made[:size].view(shape)
        return last

    def taker(self, like: Tensor) -> Callable[..., Tensor]:
        """Return ``take(name, *shape)`` for tensors of the kind of ``like``."""
        return lambda name, *shape: self.take(name, like, *shape)
