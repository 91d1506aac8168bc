"""Cards as Markdown: a page each, and the page that lists them."""

from __future__ import annotations

import re
import textwrap

from wellfit.cards.card import GROUPS, Card
from wellfit.cards.find import all_cards

WIDTH = 100
"""Of what stands in a block, where nothing is wrapped by the reader's program."""
OWN_SIGNS = re.compile(
    r"""\\ | `
      | \](?=[(\[])                    # the end of a link's text
      | (?<!\s)[*~] | [*~](?!\s)        # between blanks they are no Markdown
      | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9])
      | <(?=[A-Za-z/!?])                # a tag""",
    re.VERBOSE,
)
"""What Markdown would take for itself."""


def as_markdown(card: Card) -> str:
    """Return the page of ``docs/methods``."""
    lines = [f"# {card.name}", "", f"{GROUPS[card.group]}; `wellfit/{card.file}`", "", _prose(card.summary, card), ""]
    for heading, text in card.sections.items():
        # a formula is shown as it is written: in a block no sign of it is Markdown's
        shown = _block(text) if heading == "Formula" else _prose(text, card)
        lines += [f"**{heading}**", "", shown, ""]
    return "\n".join([*lines, "**In a recipe**", "", "```yaml", card.usage, "```", ""])


def index_markdown() -> str:
    """Return the page that lists all cards."""
    lines = ["# Methods", "", "Made from the docstrings by `make docs`; `wellfit explain NAME` prints a card.", ""]
    for group, title in GROUPS.items():
        lines += [f"## {title[0].upper()}{title[1:]}", "", "| name | what it does |", "|---|---|"]
        for card in all_cards():
            if card.group == group:
                cell = _prose(card.summary.splitlines()[0]).replace("|", "\\|")
                lines.append(f"| [{card.name}]({group}/{card.name}.md) | {cell} |")
        lines.append("")
    return "\n".join(lines)


def _block(text: str) -> str:
    filled = [textwrap.fill(part, WIDTH, break_on_hyphens=False) for part in text.replace("``", "").split("\n\n")]
    return "\n".join(["```text", "\n\n".join(filled), "```"])


def _prose(text: str, card: Card | None = None) -> str:
    """Return text in which ``code`` is code, names of other cards are links (``card``: the page's own), and no other
    sign is Markdown.
    """
    parts = re.split(r"``(.*?)``", text)
    return "".join(
        _code(part, card) if number % 2 else OWN_SIGNS.sub(r"\\\g<0>", part) for number, part in enumerate(parts)
    )


def _code(text: str, card: Card | None) -> str:
    named = [] if card is None or text in card.parameters else [one for one in all_cards() if one.name == text]
    if card is None or len(named) != 1 or named[0] is card:
        return f"`{text}`"
    return f"[`{text}`](../{named[0].group}/{named[0].name}.md)"
