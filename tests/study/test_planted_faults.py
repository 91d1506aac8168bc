"""The benchmark of planted faults, small: what must be found without exception is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "planted_faults.py"


@pytest.fixture(scope="module")
def planted_faults() -> ModuleType:
    spec = importlib.util.spec_from_file_location("planted_faults", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted_faults"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_faults_in_digits(planted_faults: ModuleType) -> None:
    scores = planted_faults.run_images("digits", 900, 200, scale=0.5)
    for kind in ("unreadable", "exact_duplicates", "exact_leaks", "odd_sizes", "blank_pictures", "imbalance"):
        assert (scores[kind].precision, scores[kind].recall) == (1, 1), kind
    for kind in ("near_duplicates", "near_leaks", "dark_pictures", "bright_pictures", "blurred_pictures"):
        assert scores[kind].recall >= 0.8, kind
        assert scores[kind].precision >= 0.8, kind
    assert scores["label_errors"].recall >= 0.7
    assert scores["label_errors"].precision >= 0.7


def test_faults_in_a_table(planted_faults: ModuleType) -> None:
    scores = planted_faults.run_table("diabetes")
    perfect = {"unreadable", "missing", "constant", "near_constant", "collinear", "exact_duplicates", "outliers"}
    for kind in perfect:
        assert (scores[kind].precision, scores[kind].recall) == (1, 1), kind
    assert scores["near_duplicates"].recall >= 0.8
