"""Fits that take a second: iris, two layers of eight units, three seeds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fitting import standin
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study


@pytest.fixture
def few_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer the stand-in's remedies, and look for no wrong labels, which takes long."""
    monkeypatch.setattr("wellfit.fitting.trials.candidates", standin.candidates)
    monkeypatch.setattr("wellfit.fitting.search.look_at_labels", lambda session: {"label_noise": None, "plan": None})


def small(seeds: int = 3, **changes: Any) -> StudySpec:
    """Iris, eight units, four epochs of a rate that is too low."""
    values = {
        "data": "iris",
        "model": {"hidden": [8]},
        "optimizer": {"lr": 0.02},
        "batch_size": 32,
        "epochs": 4,
        "study": {"seeds": seeds},
    }
    return parse_study(values | changes, name="small-fit")
