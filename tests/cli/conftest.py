"""Every test works in a folder of its own, which the command line takes for the working folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import STUDY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "WELLFIT_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def study_file(folder: Path) -> Path:
    path = folder / "small.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path
