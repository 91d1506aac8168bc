"""Nothing but the matrix products of a population of the MLP, in fp32, stacked: the rate that bounds it.

Forward, both of backward, and those of the evaluation that belongs to an epoch; results into tensors that are there.
Option ``processes``: the members divided among that many, each on the order's threads, all begun at once.
"""

from __future__ import annotations

import multiprocessing
import time
from itertools import pairwise
from multiprocessing.synchronize import Barrier

import torch
from torch import Tensor

from benchmarks.peer_work.nets import WIDTHS
from benchmarks.peer_work.order import BATCH, Order, Span, answer, read_order, timed

MEMBERS, CHUNK = 24, 512
EVALUATED = 2 / 9
"""Evaluated samples for each one trained: probe and validation set, a tenth of all samples each."""


class Products:
    """The products of some members: of a training step, and of evaluating a chunk of samples."""

    def __init__(self, members: int) -> None:
        shapes = list(pairwise(WIDTHS["mlp"]))
        self.w = [torch.randn(members, i, o) for i, o in shapes]
        self.gw = [torch.empty_like(w) for w in self.w]
        self.of_step, self.of_chunk = (
            [(torch.randn(members, n, i), torch.randn(members, n, o)) for i, o in shapes] for n in (BATCH, CHUNK)
        )
        self.gx = [torch.empty(members, BATCH, i) for i, _ in shapes]
        self.z = [torch.empty(members, BATCH, o) for _, o in shapes]
        self.of_evaluation = [torch.empty(members, CHUNK, o) for _, o in shapes]

    def step(self) -> None:
        """Multiply as forward and backward do; the first layer's input needs no gradient."""
        for layer, ((x, g), w) in enumerate(zip(self.of_step, self.w, strict=True)):
            torch.bmm(x, w, out=self.z[layer])
            torch.bmm(x.transpose(1, 2), g, out=self.gw[layer])
            if layer > 0:
                torch.bmm(g, w.transpose(1, 2), out=self.gx[layer])

    def evaluate(self) -> None:
        """Multiply as the evaluation does."""
        outs: list[Tensor] = self.of_evaluation
        for (x, _), w, out in zip(self.of_chunk, self.w, outs, strict=True):
            torch.bmm(x, w, out=out)

    def epoch(self, samples: int) -> None:
        """Multiply for an epoch of so many samples a member, and for its evaluation."""
        for _ in range(samples // BATCH):
            self.step()
        for _ in range(round(samples * EVALUATED / CHUNK)):
            self.evaluate()


def main() -> None:
    """Measure."""
    order = read_order()
    processes = int(order.options.get("processes", 1))
    if processes == 1:
        torch.set_num_threads(order.threads)
        products = Products(MEMBERS)
        spans = timed(lambda: products.epoch(order.samples))
    else:
        spans = side_by_side(order, processes)
    answer(order, spans, packages="torch", members=MEMBERS)


def side_by_side(order: Order, processes: int) -> list[Span]:
    """Return the spans in which all processes did their share."""
    context = multiprocessing.get_context("spawn")
    ready, found = context.Barrier(processes), context.SimpleQueue()
    arguments = (MEMBERS // processes, order.samples, order.threads, ready, found)
    running = [context.Process(target=_share, args=arguments) for _ in range(processes)]
    for process in running:
        process.start()
    shares: list[list[Span]] = [found.get() for _ in running]
    for process in running:
        process.join()
    return [(min(b for b, _ in same), max(e for _, e in same)) for same in zip(*shares, strict=True)]


def _share(members: int, samples: int, threads: int, ready: Barrier, found: multiprocessing.SimpleQueue) -> None:  # type: ignore[type-arg]
    torch.set_num_threads(threads)
    products = Products(members)
    spans = []
    for _ in range(2):
        ready.wait()
        began = time.time()
        products.epoch(samples)
        spans.append((began, time.time()))
    found.put(spans)


if __name__ == "__main__":
    main()
