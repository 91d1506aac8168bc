"""A line of YAML that names a method with its parameters."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
NOT_TEXTS = {"true", "false", "yes", "no", "on", "off", "null"}
"""What YAML reads as another thing than a text."""


def flow(value: Any) -> str:
    """Return a plain value as YAML in one line.

    >>> flow({"rate": 0.5, "at": ("branch", "*.branch")})
    '{rate: 0.5, at: [branch, "*.branch"]}'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, str):
        plain = PLAIN.fullmatch(value) and value.lower() not in NOT_TEXTS
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, float):
        text = re.sub(r"e([+-])0+", r"e\1", f"{value:g}")
        return text if math.isfinite(value) else text.replace("inf", ".inf").replace("nan", ".nan")
    return "null" if value is None else str(value)


def worth_saying(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a recipe may name as they are: without ``None`` and without empty lists."""
    return {name: value for name, value in parameters.items() if value is not None and value != ()}


def wrapped(usage: str, width: int, indent: str) -> str:
    """Return the line broken where YAML allows it: the lines together are still that YAML."""
    return textwrap.fill(
        usage,
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
