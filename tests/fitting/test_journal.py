"""Decisions: made once, written before they are acted on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wellfit.errors import InputError
from wellfit.fitting.journal import Journal


def test_a_decision_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    journal = Journal(path)
    assert journal.decide("a", lambda: {"arms": ("x", "y")}) == {"arms": ["x", "y"]}
    assert json.loads(path.read_text()) == {"a": {"arms": ["x", "y"]}}  # on the disk when it is answered
    later = Journal(path)
    assert "a" in later
    assert "b" not in later
    assert later.decide("a", lambda: pytest.fail("decided again")) == {"arms": ["x", "y"]}
    assert later["a"] == {"arms": ["x", "y"]}


def test_nothing_is_kept_of_a_decision_that_failed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.json")
    with pytest.raises(ZeroDivisionError):
        journal.decide("a", lambda: {"x": 1 / 0})
    assert "a" not in journal
    assert not (tmp_path / "journal.json").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}'])
def test_a_damaged_journal_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"journal\.json"):
        Journal(path)
