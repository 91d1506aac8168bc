"""Text of a log, line by line and within bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wellfit.diagnosis.readers.naming import shown
from wellfit.errors import DataError

LONGEST_LINE = 1 << 20
"""Characters of a line; longer ones are left out."""
HEAD = 1 << 16
"""Bytes that are looked at to tell what a file is."""
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file.

    Raises
    ------
    DataError
        No such file, or it cannot be read.

    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except FileNotFoundError:
        raise DataError(shown(path), "no such file", "a training log") from None
    except OSError as error:
        raise DataError(
            shown(path), f"cannot be read ({shown(error.strerror or str(error))})", "a training log"
        ) from None


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file look like text: no NUL and few control characters, or UTF-16."""
    if head.startswith(UTF16):
        return True
    if b"\0" in head:
        return False
    control = sum(head.count(bytes([code])) for code in range(1, 32) if code not in (9, 10, 12, 13, 27))
    return control <= len(head) // 100


def open_text(path: Path) -> io.TextIOWrapper:
    """Open a log's text; bytes that are no UTF-8 come as replacement characters."""
    file: BinaryIO = path.open("rb")
    start = file.read(2)
    file.seek(0)
    encoding = "utf-16" if start in UTF16 else "utf-8-sig"
    return io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=None)


class Lines:
    """The lines of a text file. After iteration ``skipped`` counts those that were too long or had a NUL."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped = 0
        self.cut_off = False
        """The last line has no end."""

    def __iter__(self) -> Iterator[str]:
        with open_text(self.path) as file:
            while line := file.readline(LONGEST_LINE):
                self.cut_off = not line.endswith("\n")
                if len(line) == LONGEST_LINE and self.cut_off:
                    while (rest := file.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                        pass
                    self.skipped += 1
                elif "\0" in line:
                    self.skipped += 1
                else:
                    yield line
