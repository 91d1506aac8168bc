"""The page ``docs/remedies.md``: all remedies, made of the tables."""

from __future__ import annotations

from collections.abc import Iterator

from wellfit.cards import find_cards
from wellfit.diagnosis.remedy_cards import RemedyCard, remedy_cards


def remedies_markdown() -> str:
    """Return the page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Remedies"
    yield ""
    yield "Made from the tables of `wellfit.diagnosis` by `make docs`; `wellfit explain NAME` prints one."
    yield ""
    yield (
        "What `wellfit diagnose` names for a finding or a risk factor, and `wellfit fit` tries, in the order of the "
        "tables: a judgement (cheap and well attested first), not a measurement. `headroom` is a run that shows "
        "nothing. A remedy that is also a method has a card of its own. Where at least 40 % of what was won on the "
        "train set does not generalize, the stronger dose of a regularizer comes first. What is in use is raised."
    )
    yield ""
    for card in remedy_cards():
        yield from _card(card)


def _card(card: RemedyCard) -> Iterator[str]:
    yield f"## {card.name}"
    yield ""
    yield f"In a recipe: {_code(card.in_a_recipe)}."
    if card.is_method:
        (method,) = find_cards(card.name)
        yield f"What it does: [{card.name}](methods/{method.group}/{card.name}.md)."
    yield ""
    yield "| for | step | why | source |"
    yield "|---|---|---|---|"
    for call in card.calls:
        yield f"| `{call.cause}` | {call.step} | {call.reason} | {call.source} |"
    yield ""
    for step, sentence in card.harm.items():
        yield f"**{sentence.partition(' when ')[0]} when**{f' ({step})' if len(card.harm) > 1 else ''}: " + _code(
            sentence.partition(" when ")[2]
        )
        yield ""


def _code(text: str) -> str:
    return text.replace("``", "`")
