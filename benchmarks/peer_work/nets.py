"""The networks, in plain PyTorch."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = {"mlp": (784, 128, 128, 10), "wide": (784, 1024, 512, 10)}
CHANNELS = (1, 32, 64, 128)
TIME, FEATURES, UNITS = 64, 28, 64


def net_for(work: str) -> nn.Module:
    """Return the network of a work: ``mlp``, ``wide``, ``cnn``, ``lstm`` or ``resnet``."""
    if work in WIDTHS:
        return mlp(WIDTHS[work])
    return {"cnn": cnn, "lstm": Lstm, "resnet": small_resnet}[work]()


def mlp(widths: tuple[int, ...]) -> nn.Sequential:
    """Return flatten, then linear layers with ReLU between."""
    layers: list[nn.Module] = [nn.Flatten()]
    for into, out in pairwise(widths):
        layers += [nn.Linear(into, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cnn() -> nn.Sequential:
    """Return three blocks of 3x3 convolution, ReLU and max-pool, and a linear head."""
    layers: list[nn.Module] = []
    for into, out in pairwise(CHANNELS):
        layers += [nn.Conv2d(into, out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(CHANNELS[-1] * 3 * 3, 10))


class Lstm(nn.Module):
    """An LSTM and a linear head that reads its last step and the mean of all, as wellfit's ``rnn``."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTM(FEATURES, UNITS, batch_first=True), nn.Linear(2 * UNITS, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Answer (B, T, C)."""
        h = self.cell(x)[0]
        answers: Tensor = self.head(torch.cat([h[:, -1], h.mean(1)], 1))
        return answers


def small_resnet() -> nn.Module:
    """Return torchvision's ResNet-18 with the stem for small images: 3x3, stride 1, no max-pool."""
    from torchvision.models import resnet18

    module: nn.Module = resnet18(weights=None, num_classes=10)
    module.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=1, bias=False)
    module.maxpool = nn.Identity()
    return module
