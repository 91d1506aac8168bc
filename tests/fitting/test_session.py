"""Training within the budget: what is cut, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fitting.conftest import small
from wellfit.fitting.bench import Bench
from wellfit.fitting.budget import Clock
from wellfit.fitting.events import FitEvent
from wellfit.fitting.journal import Journal
from wellfit.fitting.pace import Pace
from wellfit.fitting.session import Session
from wellfit.recipe import Patch, apply_patch
from wellfit.study.files import StudyFolder
from wellfit.study.store import Store
from wellfit.train.events import EpochEnded

ARMS: dict[str, Patch] = {
    "lr": {"optimizer": {"lr": 0.3}},
    "long": {"epochs": 40},
    "longer": {"epochs": 60},
    "wide": {"model": {"hidden": [16]}},
}


class Time:
    """A clock that an epoch moves by a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def listen(self, event: FitEvent) -> None:
        self.now += isinstance(event, EpochEnded)


@pytest.fixture
def session_of(tmp_path: Path) -> Any:
    stores = []

    def make(budget: float, time: Time, listen: Callable[[FitEvent], None]) -> Session:
        bench = Bench(small(seeds=2))
        for name, patch in ARMS.items():
            bench.add(name, apply_patch(bench.recipe("plain"), patch, where=name))
        folder = StudyFolder(tmp_path)
        stores.append(Store.open(folder.results, "small-fit"))
        pace = Pace(lambda member: 1.0)
        made = Session(bench, folder, stores[-1], Journal(tmp_path / "j.json"), Clock(budget, now=time), pace, listen)
        made.enter()
        return made

    yield make
    for store in stores:
        store.close()


def units(session: Session) -> dict[str, Any]:
    return {name: session.bench.members(name, (0, 1)) for name in ARMS}


def measure(session: Session) -> None:
    """Let the pace be known: a second for two members."""
    session.pace.note(session.bench.members("lr", (0,))[0], 0.1)


def test_with_time_all_is_trained(session_of: Any) -> None:
    time = Time()
    session = session_of(1e6, time, time.listen)
    assert session.train("step", units(session), until=1e6) == list(ARMS)
    assert set(session.records()) == {(arm, seed) for arm in ARMS for seed in (0, 1)}


def test_what_does_not_end_in_time_is_cut_and_stays_cut(session_of: Any) -> None:
    time = Time()
    session = session_of(50.0, time, time.listen)
    done = session.train("step", units(session), until=45.0)
    assert "lr" in done  # four epochs
    assert "longer" not in done
    assert time.now <= 50
    assert {key for key in session.records() if key[0] in done} == {(arm, seed) for arm in done for seed in (0, 1)}
    again = session_of(1e6, time, lambda event: pytest.fail("trained again"))
    assert again.train("step", units(again), until=1e6) == done


def test_what_is_finished_is_never_cut(session_of: Any) -> None:
    time = Time()
    session = session_of(1e6, time, time.listen)
    session.train("first", {"lr": session.bench.members("lr", (0, 1))}, until=1e6)
    again = session_of(time.now + 5, time, time.listen)
    order = {name: units(again)[name] for name in ("longer", "long", "lr")}
    assert again.train("second", order, until=time.now + 1) == ["lr"]


def test_the_least_is_trained_whatever_the_time(session_of: Any) -> None:
    time = Time()
    session = session_of(1.0, time, time.listen)
    by_seed = {str(seed): session.bench.members("long", (seed,)) for seed in (0, 1)}
    assert session.train("baseline", by_seed, until=0.25, least=lambda: 1) == ["0"]
    assert set(session.records()) == {("long", 0)}
