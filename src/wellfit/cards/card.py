"""What a card is, and how it is read from a docstring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEADINGS = ("Formula", "Range", "Does nothing for", "Does little for", "Does harm when", "Source")
"""The parts of a card. One more, ``Usage:``, stands where the defaults make no good example of a recipe: a line of YAML
in double backticks.
"""

GROUPS: Mapping[str, str] = {
    "batch": "regularizers, stage 1: the batch",
    "activations": "regularizers, stage 2: hidden activations",
    "loss": "regularizers, stage 3: the loss",
    "gradient": "regularizers, stage 4: the gradient",
    "weights": "regularizers, stage 5: the weights",
    "time": "regularizers, stage 6: time",
    "networks": "networks",
    "normalizations": "normalizations",
    "optimizers": "optimizers",
    "schedules": "schedules of the learning rate",
    "losses": "losses",
    "initializations": "initializations",
}
"""Group -> what it is called; the regularizers' groups are their stages."""


@dataclass(frozen=True)
class Card:
    """What there is to know about a method."""

    name: str
    group: str
    file: str
    """Where it is written, below ``wellfit``."""
    summary: str
    sections: Mapping[str, str]
    """Heading -> text, in the order of ``HEADINGS``."""
    parameters: Mapping[str, Any]
    """Name -> default; ``None``: none, or one that is no literal."""
    usage: str
    """How a recipe names it, in one line of YAML, with its defaults or with an example's values."""


def parse_card(doc: str) -> tuple[str, dict[str, str]]:
    """Return a docstring's first words and its sections by heading; line breaks within a paragraph are spaces."""
    parts = re.split(rf"^({'|'.join([*HEADINGS, 'Usage'])}):[ \n]", doc, flags=re.MULTILINE)
    texts = [_joined(part) for part in parts]
    return texts[0], dict(zip(texts[1::2], texts[2::2], strict=True))


def _joined(text: str) -> str:
    return "\n\n".join(" ".join(block.split()) for block in re.split(r"\n\s*\n", text.strip()))


def make_card(*, name: str, group: str, file: str, doc: str, parameters: Mapping[str, Any], usage: str) -> Card:
    """Return the card that a docstring makes; its own ``Usage`` stands before ``usage``."""
    summary, sections = parse_card(doc)
    usage = sections.pop("Usage", usage).strip("`")
    return Card(name, group, file, summary, sections, parameters, usage)
