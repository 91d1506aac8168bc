"""Worker threads: parts of a population are computed side by side, each on threads of its own.

PyTorch's operations let go of Python's lock while they compute, and a small operation on one thread each, in two
workers, is faster than one after another on two threads each, which have to wait for each other every time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):  # noqa: N818 - no error
    """Another part has failed, or the user has interrupted: this one gives up."""


class Crew:
    """Does the same work on several things at a time: ``workers`` of them, each on ``threads`` threads of PyTorch."""

    def __init__(self, workers: int, threads: int) -> None:
        self.workers, self.threads = workers, threads
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(workers, "wellfit", self._begin) if workers > 1 else None

    def _begin(self) -> None:
        torch.set_num_threads(self.threads)

    def check(self) -> None:
        """Raise ``Stopped`` where the work is to be given up; work calls it every now and then."""
        if self._over.is_set():
            raise Stopped

    def map(self, work: Callable[[T], R], things: Sequence[T]) -> list[R]:
        """Return ``work(thing)`` of each; the first error, or an interrupt, ends the others and is raised."""
        if self._pool is None:
            with _computing_on(self.threads):
                return [work(thing) for thing in things]
        self._over.clear()  # what failed before may have been put right
        futures = [self._pool.submit(self._doing, work, thing) for thing in things]
        try:
            return [future.result() for future in futures]
        except Stopped:  # somebody else failed first, and says why
            raise next(e for f in futures if (e := f.exception()) is not None and not isinstance(e, Stopped)) from None
        except BaseException:
            self._over.set()
            raise
        finally:
            for future in futures:
                future.cancel()
            wait(futures)

    def _doing(self, work: Callable[[T], R], thing: T) -> R:
        try:
            self.check()
            return work(thing)
        except BaseException:
            self._over.set()
            raise

    def close(self) -> None:
        """Let the workers go."""
        self._over.set()
        if self._pool is not None:
            self._pool.shutdown()
            # threads that others begin take the number that was set last, by whichever thread
            torch.set_num_threads(torch.get_num_threads())


@contextmanager
def _computing_on(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
