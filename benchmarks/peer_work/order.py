"""What a candidate's process is asked for, and what it answers: one line of JSON on its stdout.

Every candidate trains two epochs of ``samples`` samples: the first warms up and compiles, the second counts.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BATCH, CLASSES = 64, 10
LR = 0.01

Span = tuple[float, float]
"""When an epoch began and when it ended, as of ``time.time()``."""


@dataclass(frozen=True)
class Order:
    """What to measure."""

    work: str
    data: str
    """The folder of ``export.py``."""
    began: float
    """When the process was started, as of ``time.time()``."""
    samples: int
    """Of an epoch; a multiple of the batch size, or all there are."""
    threads: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def arrays(self, name: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Return images uint8 (N, C, H, W) and labels (N,) of a data set."""
        folder = Path(self.data)
        x, y = np.load(folder / f"{name}-x.npy"), np.load(folder / f"{name}-y.npy")
        return x[: self.samples], y[: self.samples]


def read_order() -> Order:
    """Return the order that stands on the command line."""
    return Order(**json.loads(sys.argv[1]))


def write_order(order: Order) -> str:
    """Return the order as an argument."""
    return json.dumps(asdict(order))


def timed(epoch: Callable[[], object], times: int = 2) -> list[Span]:
    """Run an epoch some times and say when each began and ended."""
    spans = []
    for _ in range(times):
        began = time.time()
        epoch()
        spans.append((began, time.time()))
    return spans


class Clock:
    """Collects the spans of epochs from a trainer's callbacks."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._began = 0.0

    def begin(self) -> None:
        """Note that an epoch begins."""
        self._began = time.time()

    def end(self) -> None:
        """Note that it ended."""
        self.spans.append((self._began, time.time()))


def answer(order: Order, spans: list[Span], *, packages: str, samples: int | None = None, **more: Any) -> None:
    """Print what was measured.

    ``seconds`` of the last epoch; ``start``: from the start of the process to the end of the first epoch, less the
    seconds of such an epoch: imports, data, compilation. ``peak``: bytes resident at most, ``forked`` those of the
    largest of its processes that have ended; pages that they share count in each.
    """
    (_, warm), (began, ended) = spans[0], spans[-1]
    seconds = ended - began
    say(
        seconds=seconds,
        start=warm - order.began - seconds,
        samples=samples or order.samples,
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        forked=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        anonymous=_anonymous(),
        versions={name: _version(name) for name in packages.split()},
        **more,
    )


def say(**values: Any) -> None:
    """Print a line of JSON; nothing that a library prints at its end stands behind it on the same line."""
    print("\n" + json.dumps(values), flush=True)


def skip(why: str) -> None:
    """Say that this cannot be measured here."""
    say(skipped=why)


def _anonymous() -> int | None:
    """Return the bytes that this process shares with no other and no file, at its end; ``None`` where unknown."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), None)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"
