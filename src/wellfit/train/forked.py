"""Worker processes: parts of a population are computed side by side, each in a copy of this process.

Threads take turns at Python's lock, at each operation anew; processes do not. A worker is forked for one piece of work
and sees everything as it is. What it changes for others lies in memory that they share; its answer it sends.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any, TypeVar

import torch
from torch import Tensor

from wellfit.errors import WellfitError
from wellfit.train.crew import Stopped

T = TypeVar("T")
R = TypeVar("R")


def can_fork() -> bool:
    """Return whether this process may be copied: on Linux, with no GPU's driver in it, and not a daemon itself."""
    return sys.platform == "linux" and not torch.cuda.is_available() and not multiprocessing.current_process().daemon


def share(tensors: Iterable[Tensor]) -> None:
    """Move tensors, in place, into memory that processes forked from now on share with this one."""
    for tensor in tensors:
        if tensor.numel():
            room = mmap.mmap(-1, tensor.numel() * tensor.element_size())
            own = torch.frombuffer(room, dtype=tensor.dtype).view(tensor.shape)
            own.copy_(tensor)
            tensor.set_(own.untyped_storage(), 0, own.shape, own.stride())


class Forks:
    """A ``Crew`` of processes, each forked for one thing and on one thread of PyTorch."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._parent = os.getpid()

    def check(self) -> None:
        """Raise ``Stopped`` in a worker that nobody waits for any more; work calls it every now and then."""
        if self._parent not in (os.getpid(), os.getppid()):
            raise Stopped

    def map(self, work: Callable[[T], R], things: Sequence[T]) -> list[R]:
        """Return ``work(thing)`` of each; the first error, or an interrupt, ends the others and is raised.

        Raises
        ------
        WellfitError
            A worker was killed.

        """
        waiting = list(enumerate(things))[::-1]
        running: list[_Worker] = []
        found: dict[int, Any] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    running.append(_begin(work, *waiting.pop()))
                ready = wait([worker.answer for worker in running])
                for worker in [worker for worker in running if worker.answer in ready]:
                    found[worker.at] = worker.received()
                    running.remove(worker)
        finally:
            for worker in running:
                worker.end()
        return [found[at] for at in range(len(things))]

    def close(self) -> None:
        """Nothing is left to let go: a worker ends with its work."""


@dataclass(frozen=True)
class _Worker:
    at: int
    process: ForkProcess
    answer: Connection

    def received(self) -> object:
        """Return what it has found, or raise what it has failed with; it has ended then."""
        try:
            value, error, where = self.answer.recv()
        except EOFError:
            self.process.join()
            code = self.process.exitcode
            raise WellfitError(
                f"a worker process was killed (exit code {code}; the system does so where memory runs out); what was "
                "done is kept, the same command goes on, and --set study.plan.processes=false does without processes"
            ) from None
        if error is not None:
            error.add_note(f"In a worker process:\n{where}")
            raise error
        self.end()
        return value

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.answer.close()


def _begin(work: Callable[[T], R], at: int, thing: T) -> _Worker:
    """Fork a process that works on a thing."""
    context = multiprocessing.get_context("fork")
    answer, ours = context.Pipe(duplex=False)
    with ours, warnings.catch_warnings():
        # Python warns of forking beside threads, as one may hold a lock: none of ours is at work now
        warnings.simplefilter("ignore", DeprecationWarning)
        process = context.Process(target=_work, args=(ours, work, thing), daemon=True)
        process.start()
    return _Worker(at, process, answer)


def _work(to: Connection, work: Callable[[T], R], thing: T) -> None:
    for wish in (signal.SIGINT, signal.SIGTERM):  # the one who waits hears it too, and ends this
        signal.signal(wish, signal.SIG_IGN)
    torch.set_num_threads(1)  # the others of the process that was copied are not here
    try:
        to.send((work(thing), None, ""))
    except (Stopped, BrokenPipeError):
        pass
    except BaseException as error:
        to.send((None, _sendable(error), traceback.format_exc()))


def _sendable(error: BaseException) -> BaseException:
    """Return the error, or one like it that survives the way."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
