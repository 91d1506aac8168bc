"""Wrong labels are found in what is trained on; the sealed test set is not looked at."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.fitting.conftest import small
from wellfit.data.clean.plan import read_plan
from wellfit.fitting.bench import Bench
from wellfit.fitting.labels import look_at_labels
from wellfit.fitting.session import Session
from wellfit.study.files import StudyFolder


def session(folder: Path, budget: float = 3600, **changes: Any) -> Session:
    clock = SimpleNamespace(budget=budget)
    found = SimpleNamespace(bench=Bench(small(**changes)), folder=StudyFolder(folder), clock=clock, say=lambda _: None)
    return cast(Session, found)


@pytest.fixture(autouse=True)
def fewer_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wellfit.data.audit.judge.TREES", 30)


def test_flipped_labels_are_planned_for_without_the_test_set(tmp_path: Path) -> None:
    found = load_digits(n_class=6)
    draw = np.random.default_rng(0)
    wrong = draw.permutation(len(found.target))[: len(found.target) // 20]
    given = found.target.copy()
    given[wrong] = (given[wrong] + draw.integers(1, 6, len(wrong))) % 6
    np.savez(tmp_path / "data.npz", x=(found.images * 15).astype(np.uint8), y=given)
    bench = session(tmp_path, data=str(tmp_path / "data.npz"))
    decided = look_at_labels(bench)
    assert decided["label_noise"] == pytest.approx(0.05, abs=0.03)
    named = [name for action in read_plan(Path(decided["plan"])).actions for name in action.where]
    rows = {int(name.removeprefix("sample ")) for name in named}
    # whether samples are counted from 0 or from 1 is the audit's business
    first = max((0, 1), key=lambda one: len({row - one for row in rows} & set(wrong.tolist())))
    test = set(next(iter(bench.bench.replicates.values())).split.test.tolist())
    planned = {row - first for row in rows}
    assert len(planned & set(wrong.tolist())) > 0.8 * len(planned) > 20
    assert not planned & test
    assert set(wrong.tolist()) & test  # there was something to be found


@pytest.mark.parametrize(
    ("budget", "changes"), [(3600, {"data": "diabetes"}), (3600, {"data": {"source": "iris", "limit": 60}}), (5, {})]
)
def test_where_it_cannot_tell_it_does_not_look(tmp_path: Path, budget: float, changes: dict[str, Any]) -> None:
    assert look_at_labels(session(tmp_path, budget, **changes)) == {"label_noise": None, "plan": None}
    assert not list(tmp_path.iterdir())


def test_clean_data_needs_no_plan(tmp_path: Path) -> None:
    found = look_at_labels(session(tmp_path))
    assert found["plan"] is None
    assert found["label_noise"] < 0.05
