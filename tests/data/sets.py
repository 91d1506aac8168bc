"""Tiny stand-ins for the public data sets, in the forms in which these come."""

import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]


def idx_bytes(values: Bytes) -> bytes:
    head = b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.tobytes()


def idx_set(folder: Path, *, train: int = 20, test: int = 10, seed: int = 0) -> tuple[Bytes, Bytes]:
    """Write the four idx files; return images ``(N, 28, 28)`` and labels of train, then test."""
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 256, (train + test, 28, 28), dtype=np.uint8)
    y = (np.arange(train + test) % 10).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for stem, part in (("train", slice(0, train)), ("t10k", slice(train, None))):
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(x[part])))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(y[part])))
    return x, y


def tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def png(pixels: Bytes) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def image_archive(path: Path, classes: tuple[str, ...], shape: tuple[int, ...]) -> dict[str, Bytes]:
    """Write ``train/<class>/<i>.png`` (2 each) and ``test/<class>/<i>.png`` (1 each); return the pixels by name."""
    draw = np.random.default_rng(0)
    names = [f"test/{name}/0.png" for name in classes]
    names += [f"train/{name}/{i}.png" for name in reversed(classes) for i in (1, 0)]
    pixels = {name: draw.integers(0, 256, shape, dtype=np.uint8) for name in names}
    tar(path, {"LICENSE": b"free", **{name: png(values) for name, values in pixels.items()}})
    return pixels


def cifar_binary(path: Path, *, each: int = 10) -> tuple[Bytes, Bytes]:
    """Write a binary CIFAR-10 archive with ``each`` samples a file; return images and labels, test last."""
    draw = np.random.default_rng(0)
    x = draw.integers(0, 256, (6 * each, 3, 32, 32), dtype=np.uint8)
    y = (np.arange(6 * each) % 10).astype(np.uint8)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    members = {}
    for i, name in enumerate(names):
        part = slice(i * each, (i + 1) * each)
        records = np.concatenate([y[part, None], x[part].reshape(each, -1)], axis=1)
        members[f"cifar-10-batches-bin/{name}"] = records.astype(np.uint8).tobytes()
    tar(path, members)
    return x, y
