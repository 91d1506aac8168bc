"""Contact sheet: samples as rows, each original beside what augmentation makes of it, in one picture."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

MARGIN, GAP, APART = 24, 8, 16
"""Pixels around the sheet, between tiles, and on both sides of the line between originals and variants."""
TITLE, TEXT, SMALL = 21, 15, 12
"""Sizes of letters."""
WIDEST_LABEL = 170
LEAST_WIDTH = 520
GROUND, INK, MUTED, LINE = "#ffffff", "#1b2228", "#56616b", "#c9cfd4"


@dataclass(frozen=True)
class Row:
    """One sample: its class, the original first among its tiles, and the lines below each tile."""

    label: str
    tiles: Sequence[Image.Image]
    notes: Sequence[Sequence[str]] = ()


def contact_sheet(rows: Sequence[Row], *, columns: Sequence[str], title: str, lines: Sequence[str]) -> Image.Image:
    """Return the sheet.

    Parameters
    ----------
    rows
        The samples; all tiles have one size, all rows as many tiles as there are ``columns``.
    columns
        What stands above each column of tiles, the originals first.
    title, lines
        What stands on top; lines are wrapped.

    """
    tile = rows[0].tiles[0]
    label = min(WIDEST_LABEL, max(_width(row.label, TEXT) for row in rows))
    first = MARGIN + label + 2 * GAP
    lefts = [first] + [first + tile.width + 2 * APART + (tile.width + GAP) * index for index in range(len(columns) - 1)]
    width = max(lefts[-1] + tile.width + MARGIN, LEAST_WIDTH)
    head = [part for line in lines for part in _wrapped(line, TEXT, width - 2 * MARGIN)]
    deepest = max((len(note) for row in rows for note in row.notes), default=0)
    step = tile.height + GAP + deepest * (SMALL + 3) + (GAP if deepest else 0)
    top = MARGIN + TITLE + GAP + len(head) * (TEXT + 6) + 2 * GAP
    sheet = Image.new("RGB", (width, top + SMALL + GAP + step * len(rows) - GAP + MARGIN), GROUND)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (MARGIN, MARGIN), title, TITLE, INK, width - 2 * MARGIN)
    for index, line in enumerate(head):
        _write(draw, (MARGIN, MARGIN + TITLE + GAP + 4 + index * (TEXT + 6)), line, TEXT, MUTED, width - 2 * MARGIN)
    for left, column in zip(lefts, columns, strict=True):
        _write(draw, (left, top), column, SMALL, MUTED, tile.width)
    for index, row in enumerate(rows):
        _draw_row(sheet, row, lefts, top + SMALL + GAP + index * step, label)
    if len(columns) > 1:
        at = lefts[1] - APART
        draw.line([(at, top), (at, sheet.height - MARGIN)], fill=LINE)
    return sheet


def as_png(sheet: Image.Image) -> bytes:
    """Return the bytes of a PNG file."""
    file = io.BytesIO()
    sheet.save(file, "png", optimize=True)
    return file.getvalue()


def _draw_row(sheet: Image.Image, row: Row, lefts: Sequence[int], top: int, label: int) -> None:
    draw = ImageDraw.Draw(sheet)
    middle = top + row.tiles[0].height // 2 - TEXT // 2
    _write(draw, (MARGIN, middle), row.label, TEXT, INK, label)
    for left, tile in zip(lefts, row.tiles, strict=True):
        sheet.paste(tile, (left, top))
    for left, note in zip(lefts, row.notes, strict=False):
        for index, line in enumerate(note):
            at = (left, top + row.tiles[0].height + 4 + index * (SMALL + 3))
            _write(draw, at, line, SMALL, MUTED, row.tiles[0].width)


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, color: str, room: int) -> None:
    """Write a line from its upper left corner, cut to the room in pixels."""
    line = _plain(text)
    if _width(line, size) > room:
        while line and _width(line + "...", size) > room:
            line = line[:-1]
        line = line.rstrip() + "..."
    draw.text(at, line, font=ImageFont.load_default(size), fill=color)


def _wrapped(text: str, size: int, room: int) -> list[str]:
    """Break a line between words; a word that is wider than the room stays whole."""
    found = [""]
    for word in text.split(" "):
        longer = f"{found[-1]} {word}" if found[-1] else word
        if found[-1] and _width(longer, size) > room:
            found.append(word)
        else:
            found[-1] = longer
    return found


def _width(text: str, size: int) -> int:
    return round(ImageFont.load_default(size).getlength(_plain(text)) + 0.5)


def _plain(text: str) -> str:
    """Return the text in the letters that Pillow's own font has, ASCII: accents are dropped, others become ``?``."""
    without = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return without.encode("ascii", "replace").decode("ascii")
