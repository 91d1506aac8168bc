"""The cache of decoded images: whole or absent, checked, and the same samples from the disk as from memory."""

import gc
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data import pictures
from wellfit.atomic import TEMPORARY
from wellfit.data import gather, load
from wellfit.data.ingest import WORTH
from wellfit.data.mapped import (
    BLOCK,
    STALE_SECONDS,
    Pixels,
    Writer,
    just_written,
    open_stored,
    read_all,
    writing,
)
from wellfit.data.prepare import Scaler
from wellfit.data.stream import ahead, is_streamed, streamed
from wellfit.errors import DataError, StorageError
from wellfit.recipe import DataSpec


def numbers(n: int = 50, row: tuple[int, ...] = (3, 4, 5), seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (n, *row), dtype=np.uint8)


def store(path: Path, x: Pixels, *, source: str = "s", cut: int = 7) -> Path:
    with writing(path) as writer:
        writer.begin(len(x), x.shape[1:], where="x", advice="")
        for start in range(0, len(x), cut):
            writer.write(x[start : start + cut])
        writer.finish(np.arange(len(x)) % 3, source=source, notes={"a": [1, "b"]})
    return path


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    x = numbers(BLOCK // 1000 * 2 + 5, (10, 100))  # three blocks, the last one not full
    stored = open_stored(store(tmp_path / "new" / "c.u8", x, cut=1000), source="s")
    assert stored is not None
    assert np.array_equal(read_all(stored), x)
    assert np.array_equal(streamed(stored).numpy(), x)
    assert stored.notes == {"a": [1, "b"]}
    y = np.arange(len(x)) % 3
    assert stored.y.tolist() == y.tolist()
    assert stored.fingerprint == hashlib.sha256(x.tobytes() + y.astype(np.int64).tobytes()).hexdigest()
    assert stored.blocks[-1] == zlib.crc32(x.tobytes()[2 * BLOCK :])
    assert len(stored.blocks) == 3
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "c.u8"]


def test_another_source_is_no_cache(tmp_path: Path) -> None:
    path = store(tmp_path / "c.u8", numbers())
    assert open_stored(path, source="other") is None
    assert open_stored(tmp_path / "absent.u8", source="s") is None


@pytest.mark.parametrize("at", [0, 1234, 2999, 3000, 3399, -200, -100, -48, -12, -1])
def test_any_damage_is_found(tmp_path: Path, at: int, caplog: pytest.LogCaptureFixture) -> None:
    path = store(tmp_path / "c.u8", numbers())  # 3,000 bytes of samples, 400 of targets
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert open_stored(path, source="s") is None
    assert "damaged" in caplog.text


@pytest.mark.parametrize("keep", [0, 10, 3000, 3500, -1])
def test_a_torn_file_counts_as_absent(tmp_path: Path, keep: int) -> None:
    path = store(tmp_path / "c.u8", numbers())
    path.write_bytes(path.read_bytes()[:keep])
    assert open_stored(path, source="s") is None


def _write_half(writer: Writer) -> None:
    writer.begin(9, (2,), where="x", advice="")
    writer.write(numbers(9, (2,)))
    raise ValueError("ends early")


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = store(tmp_path / "c.u8", numbers())
    before = path.read_bytes()
    with pytest.raises(ValueError, match="ends early"), writing(path) as writer:
        _write_half(writer)
    with pytest.raises(StorageError, match="needs"), writing(path) as writer:
        writer.begin(2**40, (2**20,), where="x", advice="")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_beginning_again_drops_what_was_there(tmp_path: Path) -> None:
    x = numbers(4, (3, 2))
    with writing(tmp_path / "c.u8") as writer:
        writer.begin(9, (1, 2), where="x", advice="")
        writer.write(numbers(9, (1, 2)))
        writer.begin(4, (3, 2), where="x", advice="")
        writer.write(x)
        writer.finish(np.zeros(4, dtype=np.int64), source="s", notes={})
    stored = open_stored(tmp_path / "c.u8", source="s")
    assert stored is not None
    assert np.array_equal(read_all(stored), x)


KILLED = """
import sys, numpy as np
from pathlib import Path
from wellfit.data.mapped import writing
with writing(Path(sys.argv[1])) as writer:
    writer.begin(100, (1000,), where="x", advice="")
    while True:
        writer.write(np.zeros((10, 1000), dtype=np.uint8))
        print("wrote", flush=True)
"""


def test_a_killed_writer_leaves_no_cache_and_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "c.u8"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(TEMPORARY)
    assert open_stored(path, source="s") is None
    store(path, numbers())
    assert left.exists()  # it may belong to a process that still writes
    old = time.time() - STALE_SECONDS - 1
    os.utime(left, (old, old))
    store(path, numbers())
    assert list(tmp_path.iterdir()) == [path]


def _write_often(path: Path, seed: int) -> None:
    for _ in range(20):
        store(path, numbers(3000, (100,), seed), cut=100)


def test_two_writers_and_a_reader_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.u8"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write_often, args=(path, seed)) for seed in (1, 2)]
    wanted = {numbers(3000, (100,), seed).tobytes() for seed in (1, 2)}
    for process in processes:
        process.start()
    seen = 0
    while any(process.is_alive() for process in processes) or not seen:
        stored = just_written(path, source="s")
        if stored is not None:
            with suppress(StorageError):  # replaced since its footer was read: never a mixture of both
                assert read_all(stored).tobytes() in wanted
                seen += 1
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert list(tmp_path.iterdir()) == [path]


def test_rows_from_the_disk_are_those_in_memory(tmp_path: Path) -> None:
    x = numbers(3000, (3, 10, 10))
    stored = open_stored(store(tmp_path / "c.u8", x), source="s")
    assert stored is not None
    there = streamed(stored)
    here = torch.from_numpy(x)
    assert is_streamed(there)
    assert not is_streamed(here)
    order = torch.randperm(3000, generator=torch.Generator().manual_seed(0))
    for rows in (order, order.view(3, 1000), order[:100].sort().values, torch.arange(3000), order[:0]):
        assert torch.equal(gather(there, rows), gather(here, rows))
    for some in (None, order[:2000]):
        one, other = (Scaler.fit(each, kind="image", rows=some) for each in (there, here))
        assert torch.equal(one.mean, other.mean)
        assert torch.equal(one.std, other.std)
    with pytest.raises(IndexError):
        gather(there, torch.tensor([3000]))
    with pytest.raises(IndexError):
        gather(there, torch.tensor([-1]))


def test_reading_ahead_keeps_the_order_and_the_error() -> None:
    made: list[int] = []

    def make(item: int) -> int:
        if item == 7:
            raise StorageError("seven")
        made.append(item)
        return item * item

    assert list(ahead(range(5), make)) == list(ahead(range(5), make, when=False))
    made.clear()
    for item, square in ahead(range(6), make):
        assert square == item * item
        if item == 2:
            break
    assert max(made) <= 4  # one ahead, and one that had begun
    assert list(ahead([], make)) == []
    with pytest.raises(StorageError, match="seven"):
        list(ahead(range(9), make))


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is worth a cache."""
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "cache"))
    return pictures.folder(tmp_path / "set", each=WORTH // 2)


def test_a_folder_is_decoded_once(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(str(many))
    (cached,) = (many.parent / "cache" / "images").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr("wellfit.data.ingest.decode_into", None)  # whoever calls it fails
        second = load(str(many))
        limited = load(str(many), limit=100)
    for other in (second, load(str(many), memory=2**20)):
        assert torch.equal(first.x, other.x)
        assert torch.equal(first.y, other.y)
        assert first.fingerprint == other.fingerprint
        assert first.classes == other.classes
    assert limited.fingerprint != first.fingerprint
    monkeypatch.setattr("wellfit.data.ingest.WORTH", 10**9)
    assert load(str(many)).fingerprint == first.fingerprint  # as it is without a cache
    assert cached.exists()


def test_a_changed_folder_is_decoded_again(many: Path) -> None:
    first = load(str(many))
    changed = many / "cat" / "3.png"
    pictures.save(changed, pictures.grey(77))
    os.utime(changed, ns=(1, 1))
    second = load(str(many))
    assert (first.x != second.x).flatten(1).any(1).sum() == 1
    (many / "dog" / "0.png").unlink()
    assert len(load(str(many))) == len(first) - 1
    assert len(list((many.parent / "cache" / "images").iterdir())) == 1


def test_a_damaged_cache_is_decoded_again(many: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = load(str(many))
    (cached,) = (many.parent / "cache" / "images").iterdir()
    content = bytearray(cached.read_bytes())
    content[100] ^= 255
    cached.write_bytes(content)
    assert torch.equal(load(str(many)).x, first.x)
    assert caplog.text.count("decoded again") == 1
    caplog.clear()
    load(str(many))
    assert not caplog.text


def test_bad_images_are_left_out_of_the_cache_too(many: Path) -> None:
    (many / "cat" / "5.png").write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(DataError, match=r"5\.png"):
            load(str(many))
        found = load(str(many), skip_bad=True)
        assert len(found.skipped) == 1
        assert found.y.bincount().tolist() == [WORTH // 2 - 1, WORTH // 2]


def test_what_cannot_be_cached_is_loaded_all_the_same(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "file"))
    assert len(load(str(many))) == WORTH
    assert "not cached" in caplog.text


def test_the_limit(many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat", "dog"):
        for i in range(9):
            pictures.save(tmp_path / "large" / name / f"{i}.png", pictures.color(i, (200, 200)))
    assert not is_streamed(load(str(tmp_path / "large")).x)
    assert is_streamed(load(str(tmp_path / "large"), memory=2**20).x)
    monkeypatch.setenv("WELLFIT_MEMORY", "1M")
    assert is_streamed(load(str(tmp_path / "large")).x)
    np.savez(tmp_path / "a.npz", x=np.zeros((1000, 2000), dtype=np.float32), y=np.arange(1000) % 2)
    with pytest.raises(DataError, match="needs 8 MiB of memory, --memory allows 1"):
        load(str(tmp_path / "a.npz"))
    monkeypatch.setenv("WELLFIT_MEMORY", "much")
    with pytest.raises(DataError, match="WELLFIT_MEMORY: received 'much'"):
        load(str(tmp_path / "large"))


@pytest.mark.parametrize("fields", [{"equalize": "histogram"}, {"equalize": "clahe"}, {"size": (5, 7)}, {"limit": 100}])
def test_preparation_on_the_disk_is_that_in_memory(
    many: Path, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image is changed once, into a cache of its own; the second start reads it."""
    monkeypatch.setattr("wellfit.data.ingest.for_samples", lambda memory: memory and 0)  # a limit leaves no room
    spec = DataSpec(source=str(many), **{"clahe_tiles": (2, 2), **fields})
    here = load(spec)
    for _ in range(2):
        there = load(spec, memory=2**20)
        assert is_streamed(there.x) == ("limit" not in fields)
        assert torch.equal(gather(there.x, torch.arange(len(here))), here.x)
        assert torch.equal(there.y, here.y)
        assert there.fingerprint == here.fingerprint


def test_a_replaced_file_is_not_mistaken_for_the_one_that_was_checked(tmp_path: Path) -> None:
    stored = just_written(store(tmp_path / "c.u8", numbers()), source="s")
    assert stored is not None
    store(tmp_path / "c.u8", numbers(seed=1))
    with pytest.raises(StorageError, match="replaced"):
        read_all(stored)
    with pytest.raises(StorageError, match="replaced"):
        streamed(stored)


def test_streaming_closes_its_file(tmp_path: Path) -> None:
    stored = just_written(store(tmp_path / "c.u8", numbers()), source="s")
    assert stored is not None
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    for _ in range(5):
        gather(streamed(stored), torch.tensor([3, 4, 1]))
    gc.collect()
    assert not before or len(os.listdir("/proc/self/fd")) == before
