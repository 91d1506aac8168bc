"""Workers: what one of them fails with ends the others, and PyTorch's threads are left as they were."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
import torch

from wellfit.train.crew import Crew

PATIENCE = 20.0
"""Seconds after which a test has hung; nothing waits so long."""


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_answers_come_in_the_order_of_the_things(workers: int) -> None:
    with closing(Crew(workers, 1)) as crew:
        assert crew.map(lambda thing: thing * thing, range(7)) == [thing * thing for thing in range(7)]
        assert crew.map(lambda thing: thing, []) == []


def test_workers_compute_on_their_threads_and_leave_the_others_alone() -> None:
    before = torch.get_num_threads()
    for workers, threads in ((1, 3), (2, 3), (2, 1)):
        with closing(Crew(workers, threads)) as crew:
            assert crew.map(lambda _: torch.get_num_threads(), range(3)) == [threads] * 3
        assert torch.get_num_threads() == before


def test_threads_that_are_begun_afterwards_have_the_number_of_before() -> None:
    before, found = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        with closing(Crew(2, 1)) as crew:
            crew.map(lambda _: torch.get_num_threads(), range(2))
        later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        later.start()
        later.join()
    finally:
        torch.set_num_threads(before)
    assert found == [2]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_failure_ends_the_others(failing: int) -> None:
    """The error is the one that was raised, not that of those who gave up for it, whichever thing comes first."""
    works, gave_up = threading.Event(), threading.Event()

    def work(thing: int) -> None:
        if thing == failing:
            assert works.wait(PATIENCE)
            raise ValueError("this one")
        works.set()
        until = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < until:
                crew.check()
                time.sleep(0.001)
        except BaseException:
            gave_up.set()
            raise

    with closing(Crew(2, 1)) as crew, pytest.raises(ValueError, match="this one"):
        crew.map(work, range(2))
    assert gave_up.is_set()


def test_what_was_not_begun_is_not_begun_after_a_failure() -> None:
    begun = []

    def work(thing: int) -> None:
        begun.append(thing)
        raise ValueError(thing)

    with closing(Crew(2, 1)) as crew, pytest.raises(ValueError, match=r"[01]"):
        crew.map(work, range(50))
    assert len(begun) <= 2


def test_a_crew_works_on_after_a_failure() -> None:
    """Running out of memory is put right with half the width, by the same workers."""

    def fails(thing: int) -> int:
        raise MemoryError

    with closing(Crew(2, 1)) as crew:
        for _ in range(2):
            with pytest.raises(MemoryError):
                crew.map(fails, range(4))
            assert crew.map(lambda thing: thing, range(4)) == [0, 1, 2, 3]


def test_an_interrupt_of_the_main_thread_ends_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C arrives in the main thread, which waits for the workers then."""
    ended: list[int] = []

    def work(thing: int) -> None:
        until = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < until:
                crew.check()
                time.sleep(0.001)
        finally:
            ended.append(thing)

    def interrupted(future: object, timeout: float | None = None) -> None:
        raise KeyboardInterrupt

    with closing(Crew(2, 1)) as crew:
        monkeypatch.setattr("concurrent.futures.Future.result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            crew.map(work, range(2))
    assert len(ended) <= 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wellfit")]
