"""Where the tests find data: everything tiny in tmp_path, real sets only where they are."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def real_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real data sets, with an empty cache; the test is skipped where there is none."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("WELLFIT_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(f"no real data sets: WELLFIT_DATA is not set, and there is no {beside}")
    monkeypatch.setenv("WELLFIT_DATA", str(folder))
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No data of this machine is found, and downloads are refused. Returns the folder of WELLFIT_DATA."""
    from wellfit.data import download, places

    (tmp_path / "data").mkdir()
    monkeypatch.setenv("WELLFIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(places, "DEBIAN_DATASETS", tmp_path / "debian")
    nowhere = download.Remote(("http://127.0.0.1:9/",), (("nothing", "0" * 32),))
    monkeypatch.setattr(download, "remote_of", lambda name: nowhere)
    return tmp_path / "data"
