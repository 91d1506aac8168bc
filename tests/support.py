"""Small data and short trainings that the engine's tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wellfit.data import VOID, Dataset
from wellfit.recipe import Recipe
from wellfit.record import RunRecord
from wellfit.train.events import MemberFinished
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate, make_replicate

CPU = torch.device("cpu")


def tiny_images(n: int = 150, *, size: int = 6, classes: int = 3, channels: int = 1) -> Dataset:
    """Noisy images whose class is the brightest of ``classes`` rows."""
    draw = torch.Generator().manual_seed(7)
    y = torch.arange(n) % classes
    x = torch.rand(n, channels, size, size, generator=draw) * 150
    x[torch.arange(n), :, y, :] += 90
    names = tuple(f"class {i}" for i in range(classes))
    return Dataset("tiny", "classification", "image", x.to(torch.uint8), y, names, None, source="tiny")


def tiny_vectors(n: int = 150, *, features: int = 5) -> Dataset:
    """Vectors with two targets that depend on them."""
    draw = torch.Generator().manual_seed(8)
    x = torch.randn(n, features, generator=draw)
    y = torch.stack([x.sum(1) * 3 + 10, x[:, 0] - x[:, 1] ** 2], dim=1)
    names = tuple(f"f{i}" for i in range(features))
    return Dataset("tiny", "regression", "vector", x, y, (), None, names, ("a", "b"), source="tiny")


def tiny_sequences(n: int = 150, *, length: int = 8, channels: int = 3) -> Dataset:
    """Waves whose class is their frequency."""
    draw = torch.Generator().manual_seed(9)
    y = torch.arange(n) % 3
    phase = torch.rand(n, 1, channels, generator=draw) * 6
    time = torch.arange(length).view(1, -1, 1)
    x = torch.sin(time * (y.view(-1, 1, 1) + 1) + phase) + torch.randn(n, length, channels, generator=draw) / 4
    names = ("slow", "middle", "fast")
    return Dataset("tiny", "classification", "sequence", x, y, names, None, source="tiny")


def tiny_masks(n: int = 40, *, size: int = 12, void: bool = True) -> Dataset:
    """Noisy images with a bright square and a dark stripe; a mask says where. Some pixels are not judged."""
    draw = torch.Generator().manual_seed(10)
    x = torch.rand(n, 1, size, size, generator=draw) * 60 + 80
    y = torch.zeros(n, size, size, dtype=torch.uint8)
    for i in range(n):
        top, left, row = (int(place) for place in torch.randint(0, size - 4, (3,), generator=draw))
        x[i, :, row], y[i, row] = x[i, :, row] - 70, 2
        x[i, :, top : top + 4, left : left + 4] += 80
        y[i, top : top + 4, left : left + 4] = 1
    if void:
        y[torch.rand(n, size, size, generator=draw) < 0.1] = VOID
        y[3] = VOID
    names = ("ground", "square", "stripe")
    return Dataset("masks", "segmentation", "image", x.to(torch.uint8), y, names, None, source="masks")


def member(
    arm: str = "plain", seed: int = 0, *, regularizers: Mapping[str, Any] | None = None, **changes: Any
) -> Member:
    """A member with a small MLP; keywords are recipe fields."""
    recipe: dict[str, Any] = {
        "data": "tiny",
        "model": {"kind": "mlp", "hidden": [12, 8]},
        "loss": "cross_entropy",
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 16,
        "epochs": 3,
        "restore": "last",
        "regularizers": dict(regularizers or {}),
    }
    return Member(arm, seed, Recipe.model_validate(recipe | changes))


@dataclass(frozen=True)
class Trained:
    record: RunRecord
    weights: Mapping[str, Tensor]


def replicates(dataset: Dataset, members: Sequence[Member]) -> dict[int, Replicate]:
    return {m.seed: make_replicate(dataset, m.recipe.data, m.seed) for m in members}


def train(
    members: Sequence[Member],
    dataset: Dataset,
    *,
    checkpoint: Path | None = None,
    device: torch.device = CPU,
) -> dict[tuple[str, int], Trained]:
    """Train members of one structure together and return what each hands over."""
    done = {}
    for event in fit(members, replicates(dataset, members), device=device, checkpoint=checkpoint):
        if isinstance(event, MemberFinished):
            done[event.record.arm, event.record.seed] = Trained(event.record, event.weights)
    return done


def same_bits(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def deviation(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Largest absolute difference of a floating-point tensor."""
    return max(float((a[name] - b[name]).abs().max()) for name in a if a[name].is_floating_point())
