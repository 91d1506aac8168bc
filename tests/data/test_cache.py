import sys
from pathlib import Path

import numpy as np
import pytest

from wellfit.data.cache import cache_folder, read_arrays, store_arrays
from wellfit.errors import StorageError


def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("WELLFIT_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "wellfit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / ".cache" / "wellfit"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "wellfit"


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("WELLFIT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(StorageError, match="set WELLFIT_CACHE"):
        cache_folder()


def test_arrays_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.npz"
    store_arrays(path, {"x": np.arange(6, dtype=np.uint8).reshape(2, 3), "n": np.array(3)})
    found = read_arrays(path)
    assert found is not None
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["n"].item() == 3
    assert read_arrays(tmp_path / "absent.npz") is None


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    store_arrays(path, {"x": np.zeros(3)})
    before = path.read_bytes()

    def full(file: object, **arrays: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(StorageError, match="the disk is full"):
        store_arrays(path, {"x": np.ones(3)})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_truncated_file_counts_as_absent(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.npz"
    store_arrays(path, {"x": np.zeros(300)})
    path.write_bytes(path.read_bytes()[:keep])
    assert read_arrays(path) is None
