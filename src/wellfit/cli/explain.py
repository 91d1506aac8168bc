"""``wellfit explain``: what a method does, in its own words."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wellfit.cards import Card
    from wellfit.diagnosis.remedy_cards import RemedyCard

WIDEST, NARROWEST = 100, 30
FEW = 24
"""Columns beside a name in which its summary says too little."""

SHORT = "What a method does: formula, range, source."
EXAMPLES = """\b
Examples:
  wellfit explain                        # every method, a line each
  wellfit explain dropout
  wellfit explain max-norm --json
"""


def command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A regularizer, network, normalization, optimizer, schedule, loss, initialization or remedy.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write every card as Markdown into a folder.")
    ] = None,
    write_remedies: Annotated[
        Path | None, typer.Option("--write-remedies", metavar="FILE", help="Write the page of remedies.", hidden=True)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")] = False,
) -> None:
    """Explain a method: what it does, its formula, the range of its numbers, what it is no use for, when it does harm,
    and its source. Or a remedy: what it changes, what calls for it, and when it does harm.
    """
    from wellfit.cli.output import print_json

    if write is not None:
        if name is not None or as_json:
            raise typer.BadParameter("--write writes every card, and prints none")
        count = write_all(write)
        typer.echo(f"{count} cards: {write}", err=True)
    if write_remedies is not None:
        from wellfit.atomic import write_atomic
        from wellfit.diagnosis.remedy_page import remedies_markdown

        write_atomic(write_remedies, remedies_markdown())
    if write is not None or write_remedies is not None:
        return
    if as_json:
        print_json([asdict(card) for card in (_every() if name is None else _find(name))])
        return
    width = min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST)
    for line in _overview(width) if name is None else _cards(name, width):
        typer.echo(line)


def _every() -> tuple[Card | RemedyCard, ...]:
    """Return the cards of all methods, and of the remedies that are none."""
    from wellfit.cards import all_cards
    from wellfit.diagnosis.remedy_cards import remedy_cards

    return (*all_cards(), *(card for card in remedy_cards() if not card.is_method))


def _find(name: str) -> tuple[Card | RemedyCard, ...]:
    """Return the cards of methods of that name, else of remedies.

    Raises
    ------
    RecipeError
        There is none.

    """
    import re

    from wellfit.cards import find_cards
    from wellfit.errors import RecipeError, nearest

    try:
        return find_cards(name)
    except RecipeError as error:
        from wellfit.diagnosis.remedy_cards import find_remedies

        found = find_remedies(name)
        if not found:
            wanted = re.sub(r"[- ]+", "_", name.strip().lower())
            raise RecipeError(name, error.what, nearest(wanted, _names())) from None
        return found


def _names() -> list[str]:
    return sorted({card.name for card in _every()})


def write_all(folder: Path) -> int:
    """Write a page for each card and the page that lists them; return how many cards there are.

    Raises
    ------
    StorageError
        The folder cannot be written.

    """
    from wellfit.atomic import write_atomic
    from wellfit.cards import all_cards, as_markdown, index_markdown

    for card in all_cards():
        write_atomic(folder / card.group / f"{card.name}.md", as_markdown(card))
    write_atomic(folder / "README.md", index_markdown())
    return len(all_cards())


def _overview(width: int) -> Iterator[str]:
    """Yield a line for each method; in a narrow terminal what it does stands below its name."""
    from wellfit.cards import GROUPS, all_cards
    from wellfit.diagnosis.remedy_cards import remedy_cards

    longest = max(map(len, _names()))
    beside = width - longest - 4
    for group, title in GROUPS.items():
        yield from _filled(title, width, "")
        for card in all_cards():
            if card.group != group:
                continue
            words = textwrap.shorten(_plain(card.summary), beside if beside >= FEW else width - 6, placeholder=" ...")
            yield from [f"  {card.name:{longest}}  {words}"] if beside >= FEW else [f"  {card.name}", f"      {words}"]
        yield ""
    yield from _filled("remedies that are no method", width, "")
    for remedy in remedy_cards():
        if not remedy.is_method:
            causes = ", ".join(dict.fromkeys(call.cause.replace("_", " ") for call in remedy.calls))
            words = textwrap.shorten(f"for {causes}", beside if beside >= FEW else width - 6, placeholder=" ...")
            yield from (
                [f"  {remedy.name:{longest}}  {words}"] if beside >= FEW else [f"  {remedy.name}", f"      {words}"]
            )
    yield ""
    yield "wellfit explain NAME says more."


def _cards(name: str, width: int) -> Iterator[str]:
    from wellfit.cards import GROUPS, Card
    from wellfit.cards.usage import wrapped

    for number, card in enumerate(_find(name)):
        if number:
            yield ""
        if not isinstance(card, Card):
            yield from _remedy(card, width)
            continue
        yield from _filled(f"{card.name} ({GROUPS[card.group]})", width, "")
        yield from _filled(card.summary, width, "  ")
        for heading, text in card.sections.items():
            yield ""
            yield f"  {heading}"
            yield from _filled(text, width, "    ")
        yield ""
        yield "  In a recipe"
        yield wrapped(card.usage, width, "    ")
        yield ""
        yield from _filled(f"wellfit/{card.file}", width, "  ")


def _remedy(card: RemedyCard, width: int) -> Iterator[str]:
    yield f"{card.name} (a remedy)"
    yield ""
    yield "  In a recipe"
    yield from _filled(card.in_a_recipe, width, "    ")
    for call in card.calls:
        yield ""
        yield f"  {call.step} for {call.cause.replace('_', ' ')}"
        yield from _filled(call.reason, width, "    ")
        yield from _filled(call.source, width, "    ")
    for steps, sentence in card.harm.items():
        does, _, when = sentence.partition(" when ")
        yield ""
        yield f"  {does} when" + (f" ({steps})" if len(card.harm) > 1 else "")
        yield from _filled(when, width, "    ")


def _plain(text: str) -> str:
    return text.replace("``", "")


def _filled(text: str, width: int, indent: str) -> Iterator[str]:
    for paragraph in _plain(text).split("\n\n"):
        yield textwrap.fill(paragraph, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
