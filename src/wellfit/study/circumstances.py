"""What a result says of its circumstances: the data, what chance would reach, and the machine."""

from __future__ import annotations

import datetime as dt
import platform
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from wellfit import __version__
from wellfit.data import VOID, Dataset
from wellfit.diagnosis import class_frequency_loss
from wellfit.record import Environment
from wellfit.train.fit import default_device
from wellfit.train.replicate import Replicate

MASKS = 64
"""Masks that are counted at a time."""


def about_data(replicate: Replicate, test_reads: int) -> dict[str, Any]:
    """Return the block ``data`` of a result."""
    dataset, parts = replicate.dataset, replicate.split
    return {
        "name": dataset.name,
        "source": dataset.source,
        "task": dataset.task,
        "kind": dataset.kind,
        "shape": list(dataset.shape),
        "classes": list(dataset.classes),
        "train": len(parts.train),
        "validation": len(parts.validation),
        "test": len(parts.test),
        "probe": len(replicate.probe),
        "skipped": list(dataset.skipped),
        "fingerprint": dataset.fingerprint,
        "test_reads": test_reads,
    }


def chance_loss(replicate: Replicate) -> float:
    """Return the loss of answering the class frequencies, or the mean: 1 for targets in standard deviations."""
    dataset = replicate.dataset
    if dataset.task == "regression":
        return 1.0
    return class_frequency_loss(class_counts(dataset, replicate.split.train))


def class_counts(dataset: Dataset, rows: Tensor) -> list[int]:
    """Return how many of the samples are of each class; of a segmentation how many pixels, without VOID."""
    if dataset.task == "classification":
        return [int(count) for count in torch.bincount(dataset.y[rows], minlength=dataset.outputs)]
    counts = torch.zeros(VOID + 1, dtype=torch.int64)
    for part in torch.split(rows, MASKS):
        counts += torch.bincount(dataset.y[part].flatten(), minlength=VOID + 1)
    return [int(count) for count in counts[: dataset.outputs]]


def environment() -> Environment:
    """Return where this process runs."""
    libraries = {name: version(name) for name in ("torchvision", "numpy", "scikit-learn", "scipy", "safetensors")}
    device = default_device()
    return Environment(
        wellfit=__version__,
        python=platform.python_version(),
        torch=torch.__version__,
        platform=platform.platform(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        threads=torch.get_num_threads(),
        started=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        libraries=libraries,
    )
