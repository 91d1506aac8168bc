"""fastai with the data in memory; its validation, on one batch, stands outside the time."""

from __future__ import annotations

from typing import Any

import torch
from fastai.basics import Callback, DataLoader, DataLoaders, Learner
from fastai.optimizer import SGD
from torch import nn

from benchmarks.peer_work.nets import net_for
from benchmarks.peer_work.order import BATCH, LR, Clock, answer, read_order
from benchmarks.peer_work.plain import samples_of


class Watch(Callback):  # type: ignore[misc]
    """Tells a clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def before_train(self) -> None:
        self.clock.begin()

    def after_train(self) -> None:
        self.clock.end()


class InBatches(DataLoader):  # type: ignore[misc]
    """fastai's loader, which indexes tensors by whole batches: ``create_batch`` gets the indices of one."""

    def create_batches(self, rows: Any) -> Any:
        x, y = self.dataset
        for part in torch.split(torch.tensor(list(rows)), BATCH):
            yield x[part], y[part]


def main() -> None:
    """Measure."""
    order = read_order()
    torch.set_num_threads(order.threads)
    x, y = samples_of(order)
    batches, few = (InBatches((x, y), n=n, bs=BATCH, shuffle=True) for n in (len(x), BATCH))
    clock = Clock()
    learner = Learner(DataLoaders(batches, few), net_for(order.work), loss_func=nn.CrossEntropyLoss(), opt_func=SGD)
    with learner.no_logging():
        learner.fit(2, LR, cbs=[Watch(clock)])
    answer(order, clock.spans, packages="fastai torch")


if __name__ == "__main__":
    main()
