"""The classes of masks: what the values of all of them mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wellfit.data.dataset import VOID
from wellfit.data.masks import MOST
from wellfit.data.naming import shown
from wellfit.errors import DataError

NAMES = "classes.txt"
"""The file beside the images and masks that names the values: one a line, from 0."""


@dataclass(frozen=True)
class Classes:
    """What the values of masks mean: names of the classes, and value -> index of its class, or VOID."""

    names: tuple[str, ...]
    index: Mapping[int, int]


def classes_of(
    values: Collection[int],
    *,
    where: str,
    held: Collection[int] = (),
    is_color: bool = False,
    names: Sequence[str] | None = None,
) -> Classes:
    """Return the classes that the values of masks are.

    * Each distinct value of the train masks is a class, ascending; so {0, 255} and {0, 1} are two.
    * 255 is void where it stands beside 0, 1, ..., K alone (K >= 1), or beside names.
    * Names: the values; for colors ``#rrggbb``; else ``names[value]``, whether a mask has the value or not. Two names
      for {0, 255} are those of these two.

    Parameters
    ----------
    values, held
        The distinct values of all train masks, and of all test masks (which say whether 255 is there, no more).
    where
        The folder, for messages.
    is_color
        Whether the values are colors.
    names
        The lines of ``classes.txt``.

    Raises
    ------
    DataError
        Fewer than 2 classes, more than MOST, or names for colors.

    """
    ordered = sorted(values)
    if is_color and names is not None:
        raise DataError(
            where, f"{NAMES} names values, but the masks are in color", f"grey or palette masks, or no {NAMES}"
        )
    if names is not None and not (len(names) == 2 and ordered == [0, VOID]):
        found = Classes(tuple(names), {i: i for i in range(len(names))} | {VOID: VOID})
    else:
        plain = [value for value in ordered if value != VOID]
        has_void = VOID in ordered or VOID in held
        if not is_color and has_void and len(plain) >= 2 and plain == list(range(len(plain))):
            ordered = plain
            void = {VOID: VOID}
        else:
            void = {}
        texts = [f"#{value:06x}" for value in ordered] if is_color else [str(value) for value in ordered]
        found = Classes(tuple(names or texts), {value: i for i, value in enumerate(ordered)} | void)
    if len({found.index.get(value, -1) for value in ordered} - {VOID}) < 2:
        text = value_text(ordered[0], is_color) if ordered else "none"
        raise DataError(where, f"its masks hold one class only, {text}", "masks of at least 2 classes")
    if len(found.names) > MOST:
        raise DataError(where, f"its masks hold {len(found.names):,} distinct values", f"at most {MOST} classes")
    return found


class Palettes:
    """What the palettes of masks show their values as: one color each, or the indices of one file mean nothing in
    another (programs that pack images sort palettes anew).
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, str]] = {}

    def differs(self, shown_as: Mapping[int, int], name: str) -> str | None:
        """Return how the palette of a mask called ``name`` differs from those before it; ``None``: it does not."""
        for value, color in shown_as.items():
            known, first = self._seen.setdefault(value, (color, name))
            if known != color:
                return f"its palette shows the value {value} as #{color:06x}, where that of {first} shows #{known:06x}"
        return None


def value_text(value: int, is_color: bool) -> str:
    """Return how a value is called where it has no name."""
    return f"#{value:06x}" if is_color else str(value)


def read_names(root: Path) -> tuple[str, ...] | None:
    """Return the lines of ``classes.txt`` in a folder; ``None``: there is none.

    Raises
    ------
    DataError
        It is no text file of 2 to MOST different names.

    """
    path = root / NAMES
    if not path.exists():
        return None
    expected = f"2 to {MOST} different names, one a line: the first is that of the value 0"
    try:
        if not path.is_file() or path.stat().st_size > 2**20:
            raise DataError(shown(path), "no small text file", expected)
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError):
        raise DataError(shown(path), "cannot be read as text", expected) from None
    names = tuple(shown(line.strip()) for line in lines)
    empty = next((number for number, name in enumerate(names, 1) if not name), None)
    if empty is not None:
        raise DataError(f"{shown(path)}, line {empty}", "is empty", expected)
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None or not 2 <= len(names) <= MOST:
        what = f"{len(names):,} names" if twice is None else f"names '{twice}' twice"
        raise DataError(shown(path), what, expected)
    return names
