"""What a study is called that is given as data, without a recipe."""

from __future__ import annotations

import re
from pathlib import Path


def study_name(source: str) -> str:
    """Return the last part of a source's path, without what a folder's name cannot hold.

    >>> study_name("tables/house prices.csv")
    'house prices'
    """
    path = Path(source).resolve()
    last = path.name if path.is_dir() else path.stem
    return re.sub(r"[^A-Za-z0-9._ -]+", "-", last)[:100].strip("._ -") or "train"
