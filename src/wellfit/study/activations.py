"""What the hidden activations of a study's networks look like at the start of training and at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from safetensors.torch import load_file

from wellfit.models import load_state
from wellfit.models.statistics import activation_statistics
from wellfit.record import RunRecord
from wellfit.study.files import StudyFolder
from wellfit.train.events import Key
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate
from wellfit.train.start import start_modules

SAMPLES = 512
"""Of the train probe."""


def activations(
    member: Member, record: RunRecord, replicates: Mapping[int, Replicate], folder: StudyFolder
) -> dict[str, Any]:
    """Return the statistics of a run's hidden activations by layer: ``start``, and ``end`` of what it handed over.

    ``end`` is None for a run that handed over nothing.
    """
    replicate = replicates[member.seed]
    x = replicate.scale(replicate.gather(replicate.probe[:SAMPLES], device=torch.device("cpu")))
    (module,) = start_modules([member], replicates)
    start = [asdict(layer) for layer in activation_statistics(module, x)]
    weights = folder.weights(member.arm, member.seed)
    if record.best_epoch == 0 or not weights.exists():
        return {"seed": member.seed, "start": start, "end": None}
    load_state(module, load_file(weights))
    return {"seed": member.seed, "start": start, "end": [asdict(layer) for layer in activation_statistics(module, x)]}


def of_arms(
    members: Mapping[Key, Member],
    records: Mapping[Key, RunRecord],
    replicates_of: Callable[[Member], Mapping[int, Replicate]],
    folder: StudyFolder,
) -> dict[str, dict[str, Any]]:
    """Return ``activations`` of each arm's first finished run."""
    found: dict[str, dict[str, Any]] = {}
    for key, member in members.items():
        if member.arm not in found and key in records:
            found[member.arm] = activations(member, records[key], replicates_of(member), folder)
    return found
