"""skorch with the data in memory; whole batches are indexed at a time."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from benchmarks.peer_work.nets import net_for
from benchmarks.peer_work.order import BATCH, LR, Clock, answer, read_order
from benchmarks.peer_work.plain import samples_of


class Watch(Callback):  # type: ignore[misc]
    """Tells a clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        self.clock.begin()

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        self.clock.end()


class InBatches(DataLoader[Any]):
    """A shuffled loader as skorch asks for one."""

    def __init__(self, dataset: TensorDataset, batch_size: int) -> None:
        super().__init__(dataset, sampler=BatchSampler(RandomSampler(dataset), batch_size, False), batch_size=None)


def main() -> None:
    """Measure."""
    order = read_order()
    torch.set_num_threads(order.threads)
    x, y = samples_of(order)
    clock = Clock()
    net = NeuralNetClassifier(
        net_for(order.work),
        max_epochs=2,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=LR,
        batch_size=BATCH,
        optimizer__fused=True,
        iterator_train=InBatches,
        train_split=None,
        verbose=0,
        callbacks=[Watch(clock)],
        callbacks__print_log=None,
    )
    net.fit(TensorDataset(x, y), None)
    answer(order, clock.spans, packages="skorch torch")


if __name__ == "__main__":
    main()
