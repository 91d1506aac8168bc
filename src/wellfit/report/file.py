"""Write the report so that a reader never sees half of it."""

from __future__ import annotations

import os
from pathlib import Path

from wellfit.atomic import write_atomic


def write(path: str | os.PathLike[str], html: str) -> None:
    """Write ``html`` to ``path`` as UTF-8, whole or not at all; a lone surrogate (a file name that was not UTF-8)
    becomes ``?``.

    Raises
    ------
    StorageError
        If the disk is full or the folder cannot be written; an older report stays as it was.

    """
    write_atomic(Path(path), html.encode("utf-8", errors="replace"))
