"""Lightning with the data in memory; option ``precision``, as its trainer takes it."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from benchmarks.peer_work.nets import net_for
from benchmarks.peer_work.order import BATCH, LR, Clock, answer, read_order
from benchmarks.peer_work.plain import samples_of


class Net(lightning.LightningModule):  # type: ignore[misc]
    """The network with cross-entropy and SGD."""

    def __init__(self, work: str, channels_last: bool) -> None:
        super().__init__()
        self.net = net_for(work).to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=LR, fused=True)


class Watch(lightning.Callback):  # type: ignore[misc]
    """Tells a clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_train_epoch_start(self, *_: Any) -> None:
        self.clock.begin()

    def on_train_epoch_end(self, *_: Any) -> None:
        self.clock.end()


def main() -> None:
    """Measure; whole batches are indexed at a time, which is what a fast loader over tensors does."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    order = read_order()
    torch.set_num_threads(order.threads)
    x, y = samples_of(order)
    last = bool(order.options.get("channels_last"))
    if last:
        x = x.to(memory_format=torch.channels_last)
    together = BatchSampler(RandomSampler(range(len(x))), BATCH, drop_last=False)
    batches = DataLoader(TensorDataset(x, y), sampler=together, batch_size=None)
    clock = Clock()
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        precision=order.options.get("precision", "32-true"),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Watch(clock)],
    )
    trainer.fit(Net(order.work, last), batches)
    answer(order, clock.spans, packages="lightning torch")


if __name__ == "__main__":
    main()
