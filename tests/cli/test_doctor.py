"""``wellfit doctor``."""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.calling import call
from wellfit import __version__


def test_the_document(capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLFIT_CACHE", str(folder / "cache"))
    monkeypatch.setenv("WELLFIT_DATA", str(folder))
    (folder / "mnist.tar.gz").touch()
    done = call(capsys, "doctor", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["versions"]["wellfit"] == __version__
    assert found["versions"]["torch"] == version("torch")
    assert found["compute"]["cores"] == os.cpu_count()
    assert found["memory"]["total"] > 0
    assert {"digits", "iris", "fashion-mnist", "mnist", "cifar10", "GunPoint", "spoken-digits"} <= set(found["data"])
    assert found["data"]["mnist"] == str(folder / "mnist.tar.gz")
    assert found["data"]["digits"] is not None
    assert found["folders"]["cache"] == {**found["folders"]["cache"], "path": str(folder / "cache"), "writable": True}
    assert not (folder / "runs").exists()
    assert not (folder / "cache").exists()


def test_the_text(capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLFIT_CACHE", str(folder / "cache"))
    done = call(capsys, "doctor")
    assert (done.code, done.err) == (0, "")
    sections = [line for line in done.out.splitlines() if not line.startswith(" ")]
    assert sections == ["Versions", "Extras", "Machine", "Data sets", "Folders"]
    assert f"  wellfit       {__version__}\n" in done.out
    assert re.search(r"\n  cifar10 +not found: would be downloaded\n", done.out)
    said = "not found: set WELLFIT_DATA to a folder that holds GunPoint/ or ucr-series.tar.gz"  # it is not downloaded
    assert re.search(rf"\n  GunPoint +{said}\n", done.out)


def test_every_named_set_where_it_lies(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WELLFIT_CACHE", str(folder / "cache"))
    monkeypatch.setenv("WELLFIT_DATA", str(folder))
    (folder / "ucr-series.tar.gz").touch()
    (folder / "GunPoint").mkdir()
    found = json.loads(call(capsys, "doctor", "--json").out)
    assert found["data"]["GunPoint"] == str(folder / "GunPoint")
    assert found["data"]["JapaneseVowels"] == str(folder / "ucr-series.tar.gz")
    said = "not found: WELLFIT_DATA holds neither spoken-digits/ nor spoken-digits.tar.gz"
    assert found["data_missing"]["spoken-digits"] == said
    assert found["data_missing"]["mnist"] == "not found: would be downloaded"
    assert set(found["data_missing"]) == {name for name, path in found["data"].items() if path is None}
    monkeypatch.setenv("WELLFIT_DATA", str(folder / "nowhere"))
    done = call(capsys, "doctor")
    assert re.search(r"\n  mnist +cannot be used: WELLFIT_DATA: '.*nowhere' is no folder", done.out)


def test_what_cannot_be_written_is_said(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "runs").touch()  # a file where the folder would be
    assert "CANNOT BE WRITTEN" in call(capsys, "doctor").out
