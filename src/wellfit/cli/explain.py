"""``wellfit explain``: what a method does, in its own words."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

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
            help="A regularizer, network, normalization, optimizer, schedule, loss or initialization.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write every card as Markdown into a folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")] = False,
) -> None:
    """Explain a method: what it does, its formula, the range of its numbers, what it is no use for, and its source."""
    from wellfit.cards import all_cards, find_cards
    from wellfit.cli.output import print_json

    if write is not None:
        if name is not None or as_json:
            raise typer.BadParameter("--write writes every card, and prints none")
        count = write_all(write)
        typer.echo(f"{count} cards: {write}", err=True)
        return
    cards = all_cards() if name is None else find_cards(name)
    if as_json:
        print_json([asdict(card) for card in cards])
        return
    width = min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST)
    for line in _overview(width) if name is None else _cards(name, width):
        typer.echo(line)


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

    longest = max(len(card.name) for card in all_cards())
    beside = width - longest - 4
    for group, title in GROUPS.items():
        yield from _filled(title, width, "")
        for card in all_cards():
            if card.group != group:
                continue
            words = textwrap.shorten(_plain(card.summary), beside if beside >= FEW else width - 6, placeholder=" ...")
            yield from [f"  {card.name:{longest}}  {words}"] if beside >= FEW else [f"  {card.name}", f"      {words}"]
        yield ""
    yield "wellfit explain NAME says more."


def _cards(name: str, width: int) -> Iterator[str]:
    from wellfit.cards import GROUPS, find_cards
    from wellfit.cards.usage import wrapped

    for number, card in enumerate(find_cards(name)):
        if number:
            yield ""
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


def _plain(text: str) -> str:
    return text.replace("``", "")


def _filled(text: str, width: int, indent: str) -> Iterator[str]:
    for paragraph in _plain(text).split("\n\n"):
        yield textwrap.fill(paragraph, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
