"""A population on disk after each epoch: one safetensors file, replaced whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor

from wellfit.atomic import write_atomic
from wellfit.errors import StorageError
from wellfit.record import EpochRow
from wellfit.train.events import Key
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate


@dataclass(frozen=True)
class Checkpoint:
    """Where a population stands: who is in it, what it has done, and its tensors."""

    marks: Mapping[Key, str]
    """Member -> ``mark`` of its recipe and data, in the order of the rows of the tensors."""
    epoch: int
    t: int
    curves: Mapping[Key, list[EpochRow]]
    tensors: Mapping[str, Tensor]


def mark(member: Member, replicate: Replicate) -> str:
    """Return what a member's state belongs to: the SHA-256 of its recipe, its data's fingerprint and its view."""
    about = [member.recipe.to_dict(), member.seed, replicate.dataset.fingerprint]
    text = json.dumps(about if member.view is None else [*about, member.view], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint; a kill leaves the old one or the new one.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written.

    """
    about = {
        "members": [[arm, seed, mark] for (arm, seed), mark in checkpoint.marks.items()],
        "epoch": checkpoint.epoch,
        "t": checkpoint.t,
        "curves": [[asdict(row) for row in checkpoint.curves[key]] for key in checkpoint.marks],
    }
    tensors = {name: value.contiguous().cpu() for name, value in checkpoint.tensors.items()}
    write_atomic(path, serialize(tensors, metadata={"wellfit": json.dumps(about)}))


def peek(path: Path) -> dict[Key, str]:
    """Return who is in a checkpoint, with their marks, without reading its tensors."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["wellfit"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"checkpoint {path}: damaged ({type(error).__name__}); delete it to start anew") from None
    return {(arm, seed): mark for arm, seed, mark in about["members"]}


def load(path: Path) -> Checkpoint:
    """Return the checkpoint in a file.

    Raises
    ------
    StorageError
        It is damaged.

    """
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["wellfit"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        marks = {(arm, seed): mark for arm, seed, mark in about["members"]}
        curves = {key: [EpochRow(**row) for row in rows] for key, rows in zip(marks, about["curves"], strict=True)}
        return Checkpoint(marks, about["epoch"], about["t"], curves, tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"checkpoint {path}: damaged ({type(error).__name__}); delete it to start anew") from None
