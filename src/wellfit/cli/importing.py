"""Import what a command works with, without looking for garbage on the way."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_good() -> Iterator[None]:
    """Import in this block: no garbage is collected in it, and later collections pass over what it brought.

    What torch and wellfit's own modules consist of stays until the process ends, yet each collection would look through
    all that is there so far: an eighth of the way to the first training step, and as much again until the process has
    ended. In a process that has torch already nothing is changed: what is there then is not ours alone.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
