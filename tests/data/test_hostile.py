"""Files made to harm: refused or read safely, in one line, within a bound of memory."""

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow import feather

from tests.data.pictures import folder
from wellfit.data import load
from wellfit.data.archive import members
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

MIB = 2**20
MOST = 350 * MIB
"""What a process may take beyond what it has after all imports."""

PROBE = """
import json, resource, sys
said = []
import torch, pandas, scipy.io.wavfile, pyarrow
from wellfit.data import load
from wellfit.errors import DataError
from wellfit.recipe import DataSpec
load("iris")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for spec in json.loads(sys.argv[1]):
    try:
        said.append(str(tuple(load(DataSpec.model_validate(spec)).x.shape)))
    except DataError as error:
        said.append(str(error))
print(json.dumps([said, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024]))
"""


def probe(tmp_path: Path, *specs: dict[str, object]) -> list[str]:
    """Load them in a process of their own; return what it said of each, after its memory was checked."""
    environment = os.environ | {"WELLFIT_DATA": str(tmp_path), "WELLFIT_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", PROBE, json.dumps(specs)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    said: list[str]
    said, grown = json.loads(done.stdout.splitlines()[-1])
    assert all(text.isprintable() for text in said)
    assert grown < MOST, f"{specs}: {grown / MIB:.0f} MiB"
    return said


def png_of_zeros(path: Path, width: int, height: int, rows: int) -> None:
    """Write a PNG whose header claims width x height; it holds that many rows of zeros, packed to next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(width + 1)) for _ in range(rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def test_images_that_would_not_fit(tmp_path: Path) -> None:
    bomb, header = folder(tmp_path / "bomb"), folder(tmp_path / "header")
    png_of_zeros(bomb / "dog" / "a.png", 20_000, 10_000, 10_000)
    png_of_zeros(header / "dog" / "a.png", 50_000, 50_000, 1)
    for said in probe(tmp_path, {"source": str(bomb), "size": [8, 8]}, {"source": str(header), "size": [8, 8]}):
        assert "its header claims" in said
        assert "pixels" in said


def test_arrays_and_recordings_that_claim_too_much(tmp_path: Path) -> None:
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    np.save(arrays / "y.npy", np.zeros(4))
    with (arrays / "x.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 4)})
    sounds = tmp_path / "sounds"
    for name in ("a", "b"):
        (sounds / name).mkdir(parents=True)
        head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
        body = b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVE" + head + b"data" + struct.pack("<I", 2**32 - 1)
        (sounds / name / "0.wav").write_bytes(body + bytes(1000))
    fast = tmp_path / "fast"
    for name in ("a", "b"):
        (fast / name).mkdir(parents=True)
        head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 2**32 - 5, 2**32 - 5, 1, 8)
        body = b"WAVE" + head + b"data" + struct.pack("<I", 1000) + bytes(1000)
        (fast / name / "0.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    said = probe(
        tmp_path,
        {"source": str(arrays)},
        {"source": str(sounds), "length": 3},
        {"source": str(fast), "length": 3, "rate": 8000},
    )
    assert "its header claims 17,592,186,044,416 bytes, there are 0" in said[0]
    assert "cannot be read" in said[1] or said[1] == "(2, 3, 40)"
    assert "4,294,967,291 samples per second; expected 1,000 to 384,000" in said[2]


def test_very_long_lines_and_fields(tmp_path: Path) -> None:
    many = ",".join(["1.5"] * 10**6)
    (tmp_path / "a.ts").write_text(f"@classLabel true a b\n@data\n{many}:a\n{many}:b\n" + f"{many}:a\n" * 2)
    field = "x" * 10**6
    (tmp_path / "a.csv").write_text("a,y\n" + f"{field},u\n{field},v\n" * 5)
    (tmp_path / "b.csv").write_text(f"{field},y\n" + "1,u\n2,v\n" * 5)
    series, wide, named = probe(
        tmp_path,
        {"source": str(tmp_path / "a.ts")},
        {"source": str(tmp_path / "a.csv"), "target": "y"},
        {"source": str(tmp_path / "b.csv"), "target": "y"},
    )
    assert series == "(4, 1000000, 1)"
    assert len(wide) < 1000
    assert len(named) < 1000


def test_archives_that_grow(tmp_path: Path) -> None:
    """4 GiB in 4 MB, and a member that claims 2^40 bytes."""
    block = gzip.compress(bytes(16 * MIB), 9)
    info = tarfile.TarInfo("GunPoint/GunPoint_TRAIN.ts")
    info.size = 2**32
    (tmp_path / "ucr-series.tar.gz").write_bytes(gzip.compress(info.tobuf()) + block * 256)
    info.size = 2**40
    (tmp_path / "spoken-digits.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(5000)))
    for said in probe(tmp_path, {"source": "GunPoint"}, {"source": "spoken-digits"}):
        assert "holds more than 1,073,741,824 bytes" in said


def test_archives_write_nowhere(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_text("secret")
    path = inside / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("../out.wav", str(tmp_path / "absolute.wav"), "good.wav"):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"special{kind!r}.wav")
            info.type, info.linkname = kind, str(tmp_path / "secret")
            archive.addfile(info)
    before = sorted(tmp_path.rglob("*"))
    assert set(members(path)) == {"../out.wav", str(tmp_path / "absolute.wav"), "good.wav"}
    assert b"secret" not in members(path).values()
    assert sorted(tmp_path.rglob("*")) == before


def test_links_that_leave_and_names_that_mislead(tmp_path: Path) -> None:
    root = folder(tmp_path / "pets")
    outside = tmp_path / "outside.png"
    Image.new("L", (4, 4)).save(outside)
    link = root / "dog" / "linked.png"
    link.symlink_to(outside)
    with pytest.raises(DataError, match="a link that leaves the folder"):
        load(str(root))
    link.unlink()
    odd = root / "dog" / "two\nlines \u202e\x1b[2J \U0001f600.png"
    odd.write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        load(str(root), size=(4, 4))
    assert str(caught.value).isprintable()
    assert "two\\nlines" in str(caught.value)
    odd.unlink()
    sounds = tmp_path / "sounds"
    (sounds / "a").mkdir(parents=True)
    (sounds / "b").mkdir()
    (sounds / "a" / "0.wav").symlink_to(outside)
    (sounds / "b" / "0.wav").write_bytes(b"")
    with pytest.raises(DataError, match="a link that leaves the folder"):
        load(str(sounds))


@pytest.mark.parametrize("packed", [True, False])
def test_nothing_is_unpickled(tmp_path: Path, packed: bool) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "harmed"),)

    x = np.array([Harm(), Harm()], dtype=object)
    if packed:
        np.savez(tmp_path / "a.npz", x=x, y=np.zeros(2))
    else:
        np.save(tmp_path / "x.npy", x, allow_pickle=True)
        np.save(tmp_path / "y.npy", np.zeros(2))
    with pytest.raises(DataError, match="holds Python objects"):
        load(str(tmp_path / "a.npz" if packed else tmp_path))
    assert not (tmp_path / "harmed").exists()


def test_a_header_of_an_array_is_bounded_before_it_is_parsed(tmp_path: Path) -> None:
    """NumPy reads a header as long as it claims to be, and parses it with Python's own tokenizer."""
    paths = {name: tmp_path / f"{name}.npz" for name in ("long", "deep")}
    for path, length in zip(paths.values(), (250_000_000, 9_000), strict=True):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            with archive.open("x.npy", "w") as member:
                member.write(b"\x93NUMPY\x02\x00" + struct.pack("<I", length))
                for _ in range(length // 1000):
                    member.write(b"(" * 1000)
            archive.writestr("y.npy", b"")
    specs: list[dict[str, object]] = [{"source": str(path)} for path in paths.values()]
    said = probe(tmp_path, *specs)
    assert all("x: cannot be read" in text for text in said)


@pytest.mark.parametrize("name", ["bomb.parquet", "bomb.feather", "bomb.arrow"])
def test_a_column_that_repeats_a_long_text_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A small file, compressed, claims more than the machine has, and rows alone do not tell."""
    path, rows = tmp_path / name, 20_000
    table = pa.table({"p": ["x" * 2000] * rows, "y": ["a", "b"] * (rows // 2)})
    if name == "bomb.parquet":
        pq.write_table(table, path)
    elif name == "bomb.feather":
        feather.write_feather(table, path, compression="zstd", chunksize=500)
    else:
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(path, table.schema, options=options) as stream:
            stream.write_table(table, max_chunksize=500)
    assert path.stat().st_size < MIB
    monkeypatch.setattr("wellfit.data.memory.physical_memory", lambda: 32 * MIB)
    with pytest.raises(DataError, match="GiB of memory, this machine has"):
        load(DataSpec(source=str(path), target="y"))


def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    """Resolving one raises a RuntimeError in Python 3.11 and 3.12."""
    root = folder(tmp_path / "set")
    os.symlink("self.png", next(root.iterdir()) / "self.png")
    with pytest.raises(DataError, match=r"self\.png: "):
        load(str(root))


def test_half_a_character_in_a_line_of_json(tmp_path: Path) -> None:
    """``\\ud800`` alone is valid JSON, and no text: pyarrow and files raise on it."""
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"p": {i}, "y": "{"ab"[i % 2]}"}}\n' for i in range(20)) + '{"p": 1, "y": "\\ud800"}\n')
    with pytest.raises(DataError, match="line 21: holds half of a character"):
        load(DataSpec(source=str(path), target="y"))
    assert len(load(DataSpec(source=str(path), target="y", skip_bad=True)).y) == 20
