"""Random numbers go on as if nothing had been drawn."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def undisturbed(device: Any = None) -> Iterator[None]:
    """Put the random numbers of Python, NumPy and, where it is loaded, torch (CPU, and a CUDA ``device``) back at the
    end. To go through a DataLoader draws one, even if it does not shuffle.
    """
    torch = sys.modules.get("torch")
    python, numpy = random.getstate(), np.random.get_state()
    cpu = torch.get_rng_state() if torch else None
    on_gpu = torch is not None and device is not None and device.type == "cuda"
    gpu = torch.cuda.get_rng_state(device) if torch and on_gpu else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if torch:
            torch.set_rng_state(cpu)
            if on_gpu:
                torch.cuda.set_rng_state(gpu, device)
