import gzip
import hashlib
import http.server
import os
import socketserver
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.data.sets import cifar_binary, idx_bytes, idx_set, image_archive, tar
from wellfit.data import archive, data_places, download, named, places
from wellfit.data.cache import cache_folder, read_arrays, store_arrays
from wellfit.data.named import NAMED, NAMES, NUMERALS, THINGS, load_named
from wellfit.data.sources import fingerprint
from wellfit.data.stream import is_streamed
from wellfit.errors import DataError, StorageError


def refused(name: str) -> str:
    with pytest.raises(DataError) as caught:
        load_named(name)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_digits() -> None:
    data = load_named("digits")
    raw = load_digits()
    assert (data.shape, len(data), data.given_test) == ((1, 8, 8), 1797, None)
    assert (int(data.x.min()), int(data.x.max())) == (0, 255)
    np.testing.assert_array_equal(np.rint(data.x.numpy()[:, 0] / 255 * 16), raw.images)
    np.testing.assert_array_equal(data.y.numpy(), raw.target)


@pytest.mark.parametrize("name", ["fashion-mnist", "mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files(own_places: Path, name: str, packed: bool) -> None:
    x, y = idx_set(own_places / name)
    if not packed:
        for stem, part in (("train", slice(0, 20)), ("t10k", slice(20, None))):
            for kind, values in (("images-idx3", x[part]), ("labels-idx1", y[part])):
                (own_places / name / f"{stem}-{kind}-ubyte.gz").unlink()
                (own_places / name / f"{stem}-{kind}-ubyte").write_bytes(idx_bytes(values))
    data = load_named(name)
    assert data.given_test is not None
    assert data.given_test.tolist() == list(range(20, 30))
    np.testing.assert_array_equal(data.x.numpy()[:, 0], x)
    np.testing.assert_array_equal(data.y.numpy(), y)
    assert (data.x.dtype, data.y.dtype) == (torch.uint8, torch.int64)
    assert not cache_folder().exists()


def test_an_archive_is_decoded_once(own_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = image_archive(own_places / "cifar10-jpeg.tar.gz", THINGS, (32, 32, 3))
    first = load_named("cifar10")
    order = [f"train/{name}/{i}.png" for name in THINGS for i in (0, 1)] + [f"test/{name}/0.png" for name in THINGS]
    np.testing.assert_array_equal(first.x.numpy(), np.stack([pixels[key].transpose(2, 0, 1) for key in order]))
    assert first.y.tolist() == [i for i in range(10) for _ in (0, 1)] + list(range(10))
    assert first.given_test is not None
    assert first.given_test.tolist() == list(range(20, 30))
    monkeypatch.setattr(named, "read_image_archive", lambda *_: pytest.fail("decoded again"))
    second = load_named("cifar10")
    assert torch.equal(first.x, second.x)
    assert torch.equal(first.y, second.y)


@pytest.mark.parametrize("form", ["archive", "binary", "idx"])
def test_a_set_without_room_in_memory_stays_on_the_disk(
    own_places: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wellfit.data.ingest.for_samples", lambda memory: memory and 0)  # a limit leaves no room
    name = "mnist" if form == "idx" else "cifar10"
    if form == "idx":
        idx_set(own_places / name)
    elif form == "binary":
        cifar_binary(own_places / "cifar-10-binary.tar.gz")
    else:
        image_archive(own_places / "cifar10-jpeg.tar.gz", THINGS, (32, 32, 3))
    here = load_named(name)
    for again in (False, True):
        if again:  # whoever decodes, fails
            monkeypatch.setattr(named, "archive_pictures", None)
            monkeypatch.setattr(named, "_read", None)
        there = load_named(name, memory=2**20)
        assert is_streamed(there.x)
        assert torch.equal(there.x, here.x)
        assert torch.equal(there.y, here.y)
        assert there.given_test is not None
        assert here.given_test is not None
        assert torch.equal(there.given_test, here.given_test)
        assert there.fingerprint == fingerprint(here.x, here.y)


def test_another_archive_of_the_same_name_is_decoded_anew(own_places: Path) -> None:
    path = own_places / "mnist-png.tar.gz"
    image_archive(path, NUMERALS, (28, 28))
    assert len(load_named("mnist")) == 30
    os.utime(path, ns=(1, 1))
    damaged = path.read_bytes()[:1000]
    path.write_bytes(damaged)
    assert "damaged or truncated" in refused("mnist")


def test_a_damaged_cache_is_made_anew(own_places: Path) -> None:
    image_archive(own_places / "mnist-png.tar.gz", NUMERALS, (28, 28))
    first = load_named("mnist")
    (cached,) = (cache_folder() / "datasets").iterdir()
    content = bytearray(cached.read_bytes())
    content[5000] ^= 0xFF
    cached.write_bytes(bytes(content))
    assert torch.equal(load_named("mnist").x, first.x)
    assert read_arrays(cached) is not None


def test_a_cache_that_cannot_be_written_is_no_error(
    own_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    image_archive(own_places / "mnist-png.tar.gz", NUMERALS, (28, 28))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "file" / "cache"))
    assert len(load_named("mnist")) == 30
    assert "not cached" in caplog.text


def test_the_order_of_places(own_places: Path, tmp_path: Path) -> None:
    fashion = NAMED["fashion-mnist"]
    assert places.find(fashion) is None
    full = {"x": np.zeros((70_000, 1, 28, 28), np.uint8), "y": np.zeros(70_000, np.uint8), "test": np.array(10_000)}
    store_arrays(places.cache_of_download(fashion), full)
    assert places.find(fashion) == places.Place("cache", places.cache_of_download(fashion))
    idx_set(tmp_path / "debian" / "fashion-mnist")
    assert places.find(fashion) == places.Place("idx", tmp_path / "debian" / "fashion-mnist")
    image_archive(own_places / "fashion-mnist.tar.gz", ("Coat",), (28, 28))
    assert places.find(fashion) == places.Place("archive", own_places / "fashion-mnist.tar.gz")
    idx_set(own_places / "fashion-mnist")
    assert places.find(fashion) == places.Place("idx", own_places / "fashion-mnist")


def test_a_small_archive_once_cached_does_not_stand_for_the_public_set(
    own_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_archive(own_places / "mnist-png.tar.gz", NUMERALS, (28, 28))
    assert len(load_named("mnist")) == 30
    monkeypatch.delenv("WELLFIT_DATA")
    assert places.find(NAMED["mnist"]) is None
    assert "not in WELLFIT_DATA (not set)" in refused("mnist")


def test_data_places(own_places: Path) -> None:
    idx_set(own_places / "fashion-mnist")
    (own_places / "mnist").mkdir()
    (own_places / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"")
    found = dict(data_places())
    assert list(found) == list(NAMES)
    assert found["iris"] == found["digits"]
    assert found["GunPoint"] is None
    assert found["digits"] is not None
    assert found["digits"].is_dir()
    assert found["fashion-mnist"] == own_places / "fashion-mnist"
    assert found["mnist"] is None
    assert found["cifar10"] is None


def test_sets_at_fault(own_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = own_places / "mnist"
    idx_set(folder)
    images, labels = folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz"
    good = images.read_bytes()
    images.write_bytes(good[:-100])
    assert f"{images}: damaged or truncated" in refused("mnist")
    images.write_bytes(b"no gzip")
    assert f"{images}: damaged or truncated" in refused("mnist")
    write = partial(_write_idx, images)
    write(np.zeros((20, 14, 14), np.uint8))
    assert "expected the size of train, (14, 14)" in refused("mnist")
    write(np.zeros((21, 28, 28), np.uint8))
    assert "with labels of shape (20,)" in refused("mnist")
    images.write_bytes(gzip.compress(idx_bytes(np.zeros((20, 28, 28), np.uint8))[:-5]))
    assert "its header claims 15,680 bytes of data, it holds 15,675" in refused("mnist")
    images.write_bytes(gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12))
    assert "GiB of memory" in refused("mnist")
    images.write_bytes(good)
    _write_idx(labels, np.full(20, 10, np.uint8))
    assert "labels from 0 to 10" in refused("mnist")
    labels.unlink()
    assert "'train-labels-idx1-ubyte.gz' is missing" in refused("mnist")
    monkeypatch.setenv("WELLFIT_DATA", str(own_places / "nowhere"))
    assert "WELLFIT_DATA: '" in refused("mnist")
    assert "is no folder" in refused("mnist")


def _write_idx(path: Path, values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    path.write_bytes(gzip.compress(idx_bytes(values)))


def test_archives_at_fault(own_places: Path) -> None:
    path = own_places / "mnist-png.tar.gz"
    path.write_bytes(b"no archive")
    assert "damaged or truncated" in refused("mnist")
    image_archive(path, ("0", "eleven"), (28, 28))
    assert "holds the class 'eleven'" in refused("mnist")
    image_archive(path, NUMERALS, (8, 8))
    assert "images of (1, 8, 8); expected those of mnist, (1, 28, 28)" in refused("mnist")
    tar(path, {"train/0/a.png": b"x", "README": b"x"})
    assert "holds no images in train or in test" in refused("mnist")
    tar(path, {"train/0/a.png": b"x", "test/0/a.png": b"x"})
    assert f"{path}, train/0/a.png: not an image" in refused("mnist")


def test_members_never_leave_memory(own_places: Path, tmp_path: Path) -> None:
    path = own_places / "mnist-png.tar.gz"
    tar(path, {"../../escaped": b"x", "/tmp/escaped": b"x", "train/0/../../../up.png": b"x"})
    before = sorted(tmp_path.rglob("*"))
    assert "holds no images" in refused("mnist")
    assert sorted(tmp_path.rglob("*")) == before


def test_cifar_binary(own_places: Path, tmp_path: Path) -> None:
    x, y = cifar_binary(own_places / "cifar-10-binary.tar.gz")
    data = load_named("cifar10")
    np.testing.assert_array_equal(data.x.numpy(), x)
    np.testing.assert_array_equal(data.y.numpy(), y)
    assert data.given_test is not None
    assert data.given_test.tolist() == list(range(50, 60))
    with pytest.raises(DataError, match=r"'data_batch_1.bin' is missing or damaged"):
        archive.read_cifar_binary(tar(tmp_path / "a.tar.gz", {"data_batch_2.bin": b"x"}))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    root = tmp_path / "server"
    root.mkdir()
    with socketserver.TCPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield root, f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()
        thread.join()


def test_a_download_is_checked_and_cached(
    own_places: Path,
    server: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    root, url = server
    x, _ = idx_set(root)
    files = tuple((p.name, hashlib.md5(p.read_bytes(), usedforsecurity=False).hexdigest()) for p in root.iterdir())
    remote = download.Remote((url + "missing/", url), files)  # the first mirror fails
    monkeypatch.setattr(download, "remote_of", lambda name: remote)
    np.testing.assert_array_equal(load_named("mnist").x.numpy()[:, 0], x)
    assert capfd.readouterr().out == ""
    assert [path.name for path in cache_folder().iterdir()] == ["datasets"]
    cached = read_arrays(places.cache_of_download(NAMED["mnist"]))
    assert cached is not None
    np.testing.assert_array_equal(cached["x"][:, 0], x)
    wrong = tuple((name, "0" * 32) for name, _ in files)
    monkeypatch.setattr(download, "remote_of", lambda name: download.Remote((url,), wrong))
    assert "the download failed" in refused("fashion-mnist")


def test_a_failed_download_says_where_was_looked_and_what_to_set(own_places: Path, tmp_path: Path) -> None:
    for name, form in (("mnist", "mnist/ with its idx files or mnist-png.tar.gz"), ("cifar10", "cifar10-jpeg.tar.gz")):
        message = refused(name)
        for part in (
            str(own_places),
            str(tmp_path / "debian" / name),
            str(tmp_path / "cache"),
            form,
            "WELLFIT_DATA set to",
        ):
            assert part in message
    assert not list(cache_folder().iterdir())


def test_a_download_into_a_cache_that_cannot_be_written(own_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_places / "file").write_text("no folder")
    monkeypatch.setenv("WELLFIT_CACHE", str(own_places / "file" / "cache"))
    with pytest.raises(StorageError, match="the cache cannot be written"):
        load_named("mnist")


def test_remotes_are_known_for_all_sets() -> None:
    for name in NAMED:
        remote = download.remote_of(name)
        assert remote.mirrors
        assert all(mirror.endswith("/") for mirror in remote.mirrors)
        assert all(len(md5) == 32 for _, md5 in remote.files)
    assert {file for file, _ in download.remote_of("mnist").files} == {f"{stem}.gz" for stem in _stems()}


def _stems() -> tuple[str, ...]:
    from wellfit.data.idx import STEMS

    return STEMS


def test_two_threads_decode_at_once(own_places: Path) -> None:
    image_archive(own_places / "mnist-png.tar.gz", NUMERALS, (28, 28))
    filters = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        sums = {int(data.x.long().sum()) for data in pool.map(load_named, ["mnist"] * 4)}
    assert len(sums) == 1
    assert list(warnings.filters) == filters
    (cached,) = (cache_folder() / "datasets").iterdir()
    assert cached.suffix == ".npz"


@pytest.mark.slow
def test_two_processes_decode_at_once(own_places: Path) -> None:
    image_archive(own_places / "mnist-png.tar.gz", NUMERALS, (28, 28))
    code = "from wellfit.data.named import load_named; print(int(load_named('mnist').x.long().sum()))"
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ) for _ in range(2)]
    sums = [run.communicate(timeout=120)[0].strip() for run in runs]
    assert sums[0] == sums[1] == str(int(load_named("mnist").x.long().sum())).encode()
    (cached,) = (cache_folder() / "datasets").iterdir()
    assert cached.suffix == ".npz"


REAL = {
    "fashion-mnist": ((1, 28, 28), 60_000, 7_000, (0.2860, 0.3530)),
    "mnist": ((1, 28, 28), 60_000, None, (0.1307, 0.3081)),
    "cifar10": ((3, 32, 32), 50_000, 6_000, (0.4734, 0.2516)),
}
"""Shape, samples of train, samples of each class, and the published mean and std of train (all channels together)."""


def check_real(name: str) -> torch.Tensor:
    shape, train, each, (mean, std) = REAL[name]
    data = load_named(name)
    assert data.given_test is not None
    assert (data.shape, len(data), int(data.given_test[0])) == (shape, train + 10_000, train)
    counts = torch.bincount(data.y)
    assert counts.tolist() == ([each] * 10 if each else [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958])
    pixels = torch.bincount(data.x[:train].reshape(-1), minlength=256).double()
    values, share = torch.arange(256) / 255, pixels / pixels.sum()
    found = float((share * values).sum())
    assert found == pytest.approx(mean, abs=5e-4)
    assert float((share * (values - found) ** 2).sum().sqrt()) == pytest.approx(std, abs=2e-3)  # JPEG smooths a little
    return data.x


def test_real_fashion_mnist(real_data: Path) -> None:
    check_real("fashion-mnist")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_real_archives_are_decoded_once(name: str, real_data: Path) -> None:
    decoded = check_real(name)
    started = time.perf_counter()
    assert torch.equal(check_real(name), decoded)
    print(f"{name} from the cache: {time.perf_counter() - started:.2f} s")
