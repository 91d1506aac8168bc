"""Seconds per epoch and member on Fashion-MNIST, side by side in one run: the homework's loop, plain PyTorch with the
data in memory, wellfit alone, and wellfit's population of 8 arms x 2 seeds.

    python benchmarks/study_speed.py [--rounds 5] [--json FILE]

An epoch is 60,000 samples in batches of 64 through the MLP 784-128-128-10 with SGD. The loops are timed over
``--steps`` steps of training only and scaled to an epoch; wellfit is timed over whole epochs, evaluation on the train
probe and the validation set included. Rounds are interleaved, and medians quoted. Augmentation is a rotation by up to
10 degrees and both flips.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from wellfit.data import Dataset, load
from wellfit.models.mlp import mlp
from wellfit.recipe import Recipe
from wellfit.train.events import EpochEnded
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate, make_replicate

EPOCH, BATCH = 60_000, 64
STEPS = -(-EPOCH // BATCH)
FACTORS: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": {"rate": 0.4}},
    "l2": {"l2": {"strength": 1e-5}},
    "augmentation": {"rotation": {"degrees": 10}, "horizontal_flip": {}, "vertical_flip": {}},
}


class Pictures(TorchDataset[tuple[torch.Tensor, int]]):
    """What torchvision's FashionMNIST does: a PIL image a sample, transformed on its way out."""

    def __init__(self, dataset: Dataset, transform: Callable[[Any], torch.Tensor]) -> None:
        self.x, self.y, self.transform = dataset.x[:EPOCH, 0].numpy(), dataset.y[:EPOCH].tolist(), transform

    def __len__(self) -> int:
        return EPOCH

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.x[index])), self.y[index]


def homework_loop(dataset: Dataset, *, augmented: bool, steps: int) -> float:
    """Seconds per epoch of the homework's loop: DataLoader, per-image transforms, one network."""
    turned = [transforms.RandomRotation(10), transforms.RandomHorizontalFlip(), transforms.RandomVerticalFlip()]
    chain = [*(turned if augmented else []), transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
    batches = DataLoader(Pictures(dataset, transforms.Compose(chain)), batch_size=BATCH, shuffle=True)
    return train_plain(itertools.islice(batches, steps), steps)


def in_memory(dataset: Dataset, *, steps: int) -> float:
    """Seconds per epoch of a plain loop over float tensors in memory."""
    x = (dataset.x[:EPOCH].float() / 255 - 0.286) / 0.353
    y = dataset.y[:EPOCH]
    order = torch.randperm(EPOCH)
    parts = (order[at * BATCH : (at + 1) * BATCH] for at in range(steps))
    return train_plain(((x[rows], y[rows]) for rows in parts), steps)


def train_plain(batches: Any, steps: int) -> float:
    module = mlp(784, (128, 128), 10)
    optimizer, loss = torch.optim.SGD(module.parameters(), lr=0.01), nn.CrossEntropyLoss()
    began = time.perf_counter()
    for x, y in batches:
        optimizer.zero_grad()
        loss(module(x), y).backward()
        optimizer.step()
    return (time.perf_counter() - began) * STEPS / steps


def members_of(factors: list[str], seeds: int) -> list[Member]:
    """The full factorial of ``factors`` times seeds."""
    found = []
    for on in itertools.product([False, True], repeat=len(factors)):
        names = [name for name, chosen in zip(factors, on, strict=True) if chosen]
        regularizers = {key: value for name in names for key, value in FACTORS[name].items()}
        recipe = {
            "data": "fashion-mnist",
            "model": {"hidden": [128, 128]},
            "loss": "cross_entropy",
            "epochs": 1,
            "batch_size": BATCH,
            "regularizers": regularizers,
        }
        found += [Member("+".join(names) or "plain", seed, Recipe.model_validate(recipe)) for seed in range(seeds)]
    return found


def wellfit_epoch(members: list[Member], replicates: dict[int, Replicate]) -> float:
    """Seconds per epoch and member, evaluation included, scaled to 60,000 samples."""
    samples = len(replicates[members[0].seed].split.train)
    seconds = [event.seconds for event in fit(members, replicates) if isinstance(event, EpochEnded)]
    return sum(seconds) / len(members) * EPOCH / samples


def matrix_products(members: int, *, repeats: int = 200) -> float:
    """Seconds per epoch and member of nothing but the step's matrix products, stacked, in fp32."""
    sizes = [(784, 128), (128, 128), (128, 10)]
    tensors = [
        (torch.randn(members, BATCH, i), torch.randn(members, i, o), torch.randn(members, BATCH, o)) for i, o in sizes
    ]
    began = time.perf_counter()
    for _ in range(repeats):
        for layer, (x, w, g) in enumerate(tensors):
            torch.bmm(x, w)
            torch.bmm(x.transpose(1, 2), g)
            if layer > 0:
                torch.bmm(g, w.transpose(1, 2))
    return (time.perf_counter() - began) / repeats * STEPS / members


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    dataset = load("fashion-mnist")
    study, plain_study = members_of(list(FACTORS), 2), members_of(["dropout", "l2"], 4)
    replicates = {seed: make_replicate(dataset, study[0].recipe.data, seed) for seed in range(4)}
    alone, turned = [study[0]], [m for m in study if m.arm == "augmentation"][:1]
    work: dict[str, Callable[[], float]] = {
        "homework's loop": lambda: homework_loop(dataset, augmented=False, steps=options.steps),
        "homework's loop, augmented": lambda: homework_loop(dataset, augmented=True, steps=options.steps),
        "plain PyTorch in memory": lambda: in_memory(dataset, steps=options.steps),
        "wellfit alone": lambda: wellfit_epoch(alone, replicates),
        "wellfit alone, augmented": lambda: wellfit_epoch(turned, replicates),
        "wellfit 8 arms x 2 seeds": lambda: wellfit_epoch(study, replicates),
        "wellfit 4 arms x 4 seeds, no augmentation": lambda: wellfit_epoch(plain_study, replicates),
        "matrix products alone, 16 members": lambda: matrix_products(16),
    }
    raw: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(options.rounds):
        for name, run in work.items():
            raw[name].append(run())
    report(raw, options.json)


def report(raw: dict[str, list[float]], path: Path | None) -> None:
    """Print the table, medians with minimum and maximum, and write the raw values."""
    middle = {name: statistics.median(values) for name, values in raw.items()}
    homework = (middle["homework's loop"] + middle["homework's loop, augmented"]) / 2
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"\n{'seconds per epoch and member':44} {'median':>8} {'min':>8} {'max':>8}")
    for name, values in raw.items():
        print(f"{name:44} {middle[name]:8.3f} {min(values):8.3f} {max(values):8.3f}")
    study, products = middle["wellfit 8 arms x 2 seeds"], middle["matrix products alone, 16 members"]
    unturned = middle["wellfit 4 arms x 4 seeds, no augmentation"]
    ratios = {
        "homework's loop (mean of its plain and augmented arms) / 8-arm study": homework / study,
        "plain PyTorch in memory / wellfit alone": middle["plain PyTorch in memory"] / middle["wellfit alone"],
        "8-arm study, fraction of the fp32 matrix rate": products / study,
        "4 arms without augmentation, fraction of the fp32 matrix rate": products / unturned,
    }
    print()
    for name, ratio in ratios.items():
        print(f"{name:72} {ratio:6.2f}")
    if path is not None:
        path.write_text(json.dumps({"raw": raw, "ratios": ratios, "torch": torch.__version__}, indent=1) + "\n")


if __name__ == "__main__":
    main()
