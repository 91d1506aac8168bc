"""Plain PyTorch with the data in memory; several members one after another.

Options: ``bf16`` (autocast), ``channels_last``, ``kornia`` (augmentation of each batch), ``members``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peer_work.nets import FEATURES, TIME, net_for
from benchmarks.peer_work.order import BATCH, CLASSES, LR, Order, answer, read_order, timed


def samples_of(order: Order) -> tuple[Tensor, Tensor]:
    """Return scaled inputs float32 and labels int64."""
    if order.work == "lstm":
        draw = torch.Generator().manual_seed(0)
        x = torch.randn(order.samples, TIME, FEATURES, generator=draw)
        return x, torch.randint(CLASSES, (order.samples,), generator=draw)
    pixels, labels = order.arrays("cifar" if order.work == "resnet" else "fashion")
    unit = torch.from_numpy(pixels).float() / 255
    y = torch.from_numpy(labels)
    if order.options.get("kornia"):
        return unit, y
    axes = (0, 2, 3)
    return (unit - unit.mean(axes, keepdim=True)) / unit.std(axes, keepdim=True), y


def augmentation() -> nn.Module:
    """Return a rotation by up to 10 degrees and both flips by kornia, a draw a sample."""
    import kornia.augmentation as K

    return nn.Sequential(K.RandomRotation(10.0, p=1.0), K.RandomHorizontalFlip(), K.RandomVerticalFlip())


def optimizer_of(module: nn.Module, work: str) -> torch.optim.Optimizer:
    """Return Adam for the LSTM, else SGD, fused: the fastest form that PyTorch has on a CPU."""
    if work == "lstm":
        return torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    return torch.optim.SGD(module.parameters(), lr=LR, fused=True)


def epoch_of(order: Order) -> Callable[[], None]:
    """Return one epoch of one new network."""
    x, y = samples_of(order)
    module, loss = net_for(order.work), nn.CrossEntropyLoss()
    if order.options.get("channels_last"):
        module, x = module.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = optimizer_of(module, order.work)
    turn = augmentation() if order.options.get("kornia") else None
    with_bf16 = bool(order.options.get("bf16"))

    def epoch() -> None:
        for rows in torch.split(torch.randperm(len(x)), BATCH):
            inputs = x[rows] if turn is None else (turn(x[rows]) - 0.286) / 0.353
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16) if with_bf16 else contextlib.nullcontext():
                value = loss(module(inputs), y[rows])
            value.backward()
            optimizer.step()

    return epoch


def main() -> None:
    """Measure."""
    order = read_order()
    torch.set_num_threads(order.threads)
    members = int(order.options.get("members", 1))
    epochs = [epoch_of(order) for _ in range(members)]

    def one_after_another() -> None:
        for epoch in epochs:
            epoch()

    more: dict[str, Any] = {"members": members}
    answer(order, timed(one_after_another), packages="torch", **more)


if __name__ == "__main__":
    main()
