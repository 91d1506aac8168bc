"""Put values and names into a page so that they stay values and names."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

DIGITS = 5
"""Significant digits of numbers in the page: more than a screen shows, and half the size of full precision."""


def as_json(value: Any) -> str:
    """Return ``value`` as JSON that may stand in a ``<script>`` element.

    NaN and infinities become ``null`` (JSON has no word for them); ``<``, ``>`` and ``&`` are written as escapes, so
    that no name can end the element or open a comment.
    """
    text = json.dumps(_plain(value), allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def as_text(name: str) -> str:
    """Return a name for a Plotly label, which reads a little HTML: as text, never as markup."""
    return html.escape(name, quote=False)


def as_script(source: str) -> str:
    """Return JavaScript that may stand in a ``<script>`` element: no end tag, no comment that hides one.

    Inside strings and regular expressions, the only places of these in working code, the escapes mean the same.
    """
    unified = source.replace("\r\n", "\n").replace("\r", "\n")
    return unified.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def script_hash(source: str) -> str:
    """Return the source expression of a Content-Security-Policy that allows exactly this inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
