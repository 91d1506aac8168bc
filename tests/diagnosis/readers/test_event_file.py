"""The reader of event files against TensorBoard's own messages, where it is installed, and against the format."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from wellfit.diagnosis.readers import read_logs
from wellfit.diagnosis.readers.event_file import masked_crc


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc(length)) + payload + struct.pack("<I", masked_crc(payload))


def block(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def event(step: int, tag: str, value: bytes) -> bytes:
    summary = block(1, block(1, tag.encode()) + value)
    return record(b"\x09" + struct.pack("<d", 1.0) + b"\x10" + bytes([step]) + block(5, summary))


FIRST = record(b"\x09" + struct.pack("<d", 1.0) + b"\x1a\x0dbrain.Event:2")
FLOAT_TENSOR = {
    "content": lambda x: block(8, b"\x08\x01" + block(2, b"") + block(4, struct.pack("<f", x))),
    "packed": lambda x: block(8, b"\x08\x01" + block(5, struct.pack("<f", x))),
    "one": lambda x: block(8, b"\x08\x01\x2d" + struct.pack("<f", x)),
    "double": lambda x: block(8, b"\x08\x02" + block(4, struct.pack("<d", x))),
    "half": lambda x: block(8, b"\x08\x13" + block(4, struct.pack("<e", x))),
    "bfloat16": lambda x: block(8, b"\x08\x0e" + block(4, struct.pack("<f", x)[2:])),
    "simple": lambda x: b"\x15" + struct.pack("<f", x),
    "with metadata": lambda x: block(9, block(1, block(1, b"scalars"))) + b"\x15" + struct.pack("<f", x),
}


def test_checksum() -> None:
    crc = 0xE3069283  # CRC-32C of "123456789", RFC 3720
    assert masked_crc(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize("form", FLOAT_TENSOR)
def test_every_way_to_write_a_scalar(tmp_path: Path, form: str) -> None:
    content = FIRST + b"".join(event(step, "val/loss", FLOAT_TENSOR[form](1.5 + step)) for step in range(4))
    (tmp_path / "log").write_bytes(content)
    (run,) = read_logs(tmp_path / "log")
    assert run.curves.val_loss == [1.5, 2.5, 3.5, 4.5]
    assert run.curves.at == [1, 2, 3, 4]
    assert not run.has("skipped")


def test_keras_writes_two_folders_for_a_run(tmp_path: Path) -> None:
    for name, shift in (("train", 0.0), ("validation", 1.0)):
        (tmp_path / "run" / name).mkdir(parents=True)
        events = [event(e, "epoch_loss", FLOAT_TENSOR["content"](e + shift)) for e in range(3)]
        (tmp_path / "run" / name / "events.out.tfevents.1.v2").write_bytes(FIRST + b"".join(events))
    (run,) = read_logs(tmp_path)
    assert run.source == str(tmp_path / "run")
    assert run.keys == {"train/epoch_loss": "train_loss", "validation/epoch_loss": "val_loss"}
    assert run.curves.val_loss == [1, 2, 3]


def test_two_folders_are_two_runs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "events").write_bytes(
            FIRST + b"".join(event(e, "val_loss", FLOAT_TENSOR["simple"](e)) for e in range(3))
        )
    assert len(read_logs(tmp_path)) == 2
