"""Random draws belong to a seed and a purpose, never to a population.

Every draw comes from a generator whose own seed is a hash of *what the draw is for*: the replicate's seed, the purpose
(``split``, ``init``, ``order``, ``noise``), the method or place, the epoch. So

* all arms of a seed read the same draw (common random numbers, which is what makes their comparison paired);
* adding a member, a method or a place changes no other draw;
* nothing has to be saved to resume at an epoch: its generators are made again from their names.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Name = str | int


def derive(seed: int, *names: Name) -> int:
    """Return the 63-bit seed of the generator for ``names`` under ``seed``: BLAKE2b of their text, so it is the same
    on every machine and in every version of Python.

    >>> derive(0, "order", 3) == derive(0, "order", 3) != derive(0, "order", 4)
    True
    """
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in (seed, *names))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *names: Name) -> torch.Generator:
    """Return a CPU generator for ``names`` under ``seed``; draws are moved from there, so a GPU run sees the same."""
    import torch

    made = torch.Generator()
    made.manual_seed(derive(seed, *names))
    return made
