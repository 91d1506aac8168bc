"""TensorBoard event files: records with checksums around protobuf messages, of which the scalars are read.

A record is ``length (uint64), checksum of it (uint32), payload, checksum of it (uint32)``, little-endian; checksums are
CRC-32C, rotated and offset. The payload is an ``Event``: step = field 2, summary = 5; a summary's values = 1; a value's
tag = 1, simple_value = 2, tensor = 8. Source: TensorFlow's ``record_writer.cc``, ``event.proto``, ``summary.proto``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from wellfit.diagnosis.readers.keys import meaning
from wellfit.diagnosis.readers.log_run import Remark
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import ABSENT, RawRun
from wellfit.errors import DataError

LARGEST_SCALARS = 1 << 22
"""Bytes of an event; larger ones hold pictures or histograms and are passed over."""
FLOAT32 = struct.Struct("<f")
MOST_TAGS = 2000
EVENT_FILE = b"brain.Event:"
"""What the first event of every such file says."""
FLOAT, DOUBLE, BFLOAT16, HALF = 1, 2, 14, 19
"""Tensor types."""


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


CRC_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """Return the checksum of a record's part: ``rotate_right(crc32c, 15) + 0xa282ead8`` modulo 2^32.

    >>> hex(masked_crc(b"123456789"))
    '0xc7a7ffe2'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def is_event_file(head: bytes) -> bool:
    """Whether a file begins as an event file does."""
    return len(head) >= 12 and (
        EVENT_FILE in head[12:80] or masked_crc(head[:8]) == int.from_bytes(head[8:12], "little")
    )


def read_events(path: Path, run: RawRun) -> None:
    """Add an event file's scalars to a run; a broken end is left out with a remark.

    Raises
    ------
    DataError
        It cannot be read.

    """
    tags: dict[bytes, str | None] = {}
    events = _Events(path)
    try:
        for payload in events:
            try:
                _add(payload, run, tags)
            except (IndexError, struct.error):
                events.bad += 1
    except OSError as error:
        raise DataError(shown(path), f"cannot be read ({shown(str(error))})", "a TensorBoard event file") from None
    run.unused.update(tag for tag in map(_text, tags) if meaning(tag) is None)
    if events.cut_off is not None:
        words = f"The event file is broken or cut off at byte {events.cut_off}; what stands before was read."
        run.remarks.append(Remark("cut-off", words))
    if events.bad:
        run.remarks.append(Remark("skipped", f"{events.bad} events of the file could not be read; left out."))


class _Events:
    """The payloads of a file's records, up to the first header that is broken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_off: int | None = None
        self.bad = 0

    def __iter__(self) -> Iterator[bytes]:
        size = self.path.stat().st_size
        checksums: dict[bytes, int] = {}  # lengths repeat
        with self.path.open("rb", buffering=1 << 20) as file:
            at = 0
            while at < size:
                header = file.read(12)
                length = int.from_bytes(header[:8], "little")
                whole = len(header) == 12 and length <= size - at - 12
                checksum = checksums.get(header[:8])
                if checksum is None and whole:
                    checksum = checksums[header[:8]] = masked_crc(header[:8])
                if not whole or checksum != int.from_bytes(header[8:], "little"):
                    self.cut_off = at
                    return
                at += 16 + length
                if length > LARGEST_SCALARS:
                    file.seek(length + 4, 1)
                else:
                    yield file.read(length + 4)[:length]  # its checksum would take long in Python


def _add(event: bytes, run: RawRun, tags: dict[bytes, str | None]) -> None:
    if _add_plain(event, run, tags):
        return
    step, summaries = 0, []
    for number, wire, value in _fields(event):
        if number == 2 and wire == 0:
            step = value if value < 1 << 63 else value - (1 << 64)
        elif number == 5 and wire == 2:
            summaries.append(value)
    for start, end in summaries:
        for number, wire, span in _fields(event, start, end):
            if number == 1 and wire == 2:
                _add_value(event, span, step, run, tags)


def _add_plain(event: bytes, run: RawRun, tags: dict[bytes, str | None]) -> bool:
    """Add an event that is a single simple value of a known tag: most are, and they are read faster so."""
    if event[:1] != b"\x09" or event[9:10] != b"\x10":
        return False
    step, at = _varint(event, 10)
    # A summary of one value, each shorter than 128 bytes: 2a, length, 0a, length, 0a, length, tag, 15, four bytes.
    if event[at : at + 1] != b"\x2a" or event[at + 2 : at + 3] != b"\x0a" or event[at + 4 : at + 5] != b"\x0a":
        return False
    end = at + 6 + event[at + 5]
    if event[end : end + 1] != b"\x15" or end + 5 != len(event) or event[at + 1] != len(event) - at - 2 or step >> 63:
        return False
    tag = event[at + 6 : end]
    if tag not in tags:
        return False
    key = tags[tag]
    if key is not None:
        run.track(key).add(float(step), ABSENT, FLOAT32.unpack_from(event, end + 1)[0])
    return True


def _add_value(event: bytes, span: tuple[int, int], step: int, run: RawRun, tags: dict[bytes, str | None]) -> None:
    tag, found = b"", None
    for number, wire, value in _fields(event, *span):
        if number == 1 and wire == 2:
            tag = event[value[0] : value[1]]
        elif number == 2 and wire == 5:
            found = struct.unpack("<f", value)[0]
        elif number == 8 and wire == 2 and value[1] - value[0] < 512:
            found = _scalar(event, value)
    if found is None:
        return
    if tag not in tags and len(tags) < MOST_TAGS:
        text = _text(tag)
        what = meaning(text)
        tags[tag] = text if what is not None and what.kind != "run" else None
        if what is not None and what.kind == "epoch":
            run.axis_keys[text] = "epoch"
    key = tags.get(tag)
    if key is not None:
        run.track(key).add(float(step), ABSENT, found)


def _text(tag: bytes) -> str:
    return tag.decode("utf-8", errors="replace")


def _scalar(event: bytes, span: tuple[int, int]) -> float | None:
    """Return a tensor's only value; ``None`` if it is no number or has more than one."""
    kind, content = 0, b""
    values: list[float] = []
    for number, wire, value in _fields(event, *span):
        if number == 1 and wire == 0:
            kind = value
        elif number == 4 and wire == 2:
            content = event[value[0] : value[1]]
        elif number in (5, 6):
            code, width = ("<f", 4) if number == 5 else ("<d", 8)
            raw = event[value[0] : value[1]] if wire == 2 else value
            values.extend(struct.unpack_from(code, raw, place)[0] for place in range(0, len(raw), width))
    if content:
        if kind == BFLOAT16 and len(content) == 2:
            return float(struct.unpack("<f", b"\0\0" + content)[0])
        code = {FLOAT: "<f", DOUBLE: "<d", HALF: "<e"}.get(kind, "")
        if code and len(content) == struct.calcsize(code):
            return float(struct.unpack(code, content)[0])
    return float(values[0]) if len(values) == 1 else None


def _fields(data: bytes, at: int = 0, end: int = -1):  # type: ignore[no-untyped-def]
    """Yield number, wire type and value of a message's fields: a span for wire type 2, raw bytes for 1 and 5."""
    end = len(data) if end < 0 else end
    while at < end:
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, 0, value
        elif wire == 2:
            length, at = _varint(data, at)
            if at + length > end:
                raise IndexError
            yield key >> 3, 2, (at, at + length)
            at += length
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            if at + width > end:
                raise IndexError
            yield key >> 3, wire, data[at : at + width]
            at += width
        else:
            raise IndexError


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    found, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found, at + 1
        shift += 7
        if shift > 63:
            raise IndexError
