"""The homework's loop: a DataLoader, an image at a time through PIL and torchvision's transforms, one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.peer_work.nets import net_for
from benchmarks.peer_work.order import BATCH, LR, Order, answer, read_order, timed


class Pictures(Dataset[tuple[Tensor, int]]):
    """What torchvision's FashionMNIST does: a PIL image a sample, transformed on its way out."""

    def __init__(self, order: Order, transform: Callable[[Any], Tensor]) -> None:
        pixels, labels = order.arrays("fashion")
        self.x, self.y, self.transform = pixels[:, 0], labels.tolist(), transform

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.x[index])), self.y[index]


def main() -> None:
    """Measure."""
    order = read_order()
    torch.set_num_threads(order.threads)
    turned = [transforms.RandomRotation(10), transforms.RandomHorizontalFlip(), transforms.RandomVerticalFlip()]
    to_tensor = [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
    chain = transforms.Compose([*(turned if order.options.get("augmented") else []), *to_tensor])
    batches = DataLoader(Pictures(order, chain), batch_size=BATCH, shuffle=True)
    module, loss = net_for(order.work), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(module.parameters(), lr=LR)

    def epoch() -> None:
        for x, y in batches:
            optimizer.zero_grad()
            loss(module(x), y).backward()
            optimizer.step()

    answer(order, timed(epoch), packages="torch torchvision")


if __name__ == "__main__":
    main()
