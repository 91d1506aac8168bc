"""The equality certificate: random members trained again alone, and how far they end from what the population made of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor

from wellfit.data.batches import at_a_time
from wellfit.models import build, load_state
from wellfit.random import generator
from wellfit.recipe import ModelSpec
from wellfit.record import RunRecord
from wellfit.study.files import StudyFolder
from wellfit.train.evaluate import measure_of
from wellfit.train.events import Key, MemberFinished
from wellfit.train.fit import fit
from wellfit.train.handed import scale_in_evaluation
from wellfit.train.member import Member
from wellfit.train.plan import Plan
from wellfit.train.replicate import Replicate

CPU = torch.device("cpu")
BATCH = 512


def certify(
    members: Sequence[Member],
    replicates_of: Callable[[Member], Mapping[int, Replicate]],
    records: Mapping[Key, RunRecord],
    folder: StudyFolder,
    count: int,
    *,
    plan_of: Callable[[Member], Plan | None] = lambda member: None,
) -> dict[str, Any]:
    """Train ``count`` members, drawn by the study's first seed, again one by one; compare the weights they hand over.

    And load the saved weights into the plain network: its validation loss must be the one that was measured.
    ``plan_of`` says how a member was computed, since precision and layout change the last bits.

    Returns
    -------
    dict
        ``members``: for each ``arm``, ``seed``, the largest absolute ``deviation`` of a weight, and the
        ``loss_deviation``; ``largest`` and ``largest_loss``: of all.

    """
    whole = [member for member in members if records[member.key].status != "beaten"]  # alone they would run on
    saved = [member for member in whole if folder.weights(*member.key).exists()]
    order = torch.randperm(len(saved), generator=generator(members[0].seed, "certificate")).tolist()
    rows = []
    for member in (saved[index] for index in sorted(order[:count])):
        weights, replicates = load_file(folder.weights(*member.key)), replicates_of(member)
        loss = _plain_loss(member, replicates[member.seed], weights)
        row = {
            "arm": member.arm,
            "seed": member.seed,
            "deviation": _deviation(_alone(member, replicates, plan_of(member)), weights),
            "loss_deviation": abs(loss - records[member.key].value("val_loss")),
        }
        rows.append(row)
    return {
        "members": rows,
        "largest": max((row["deviation"] for row in rows), default=None),
        "largest_loss": max((row["loss_deviation"] for row in rows), default=None),
    }


@torch.no_grad()
def _plain_loss(member: Member, replicate: Replicate, weights: Mapping[str, Tensor]) -> float:
    """Return the validation loss of the plain network with these weights, apart from the engine."""
    dataset, rows = replicate.dataset, replicate.split.validation
    spec = cast(ModelSpec, member.recipe.model)
    module = build(
        spec, shape=replicate.shape, outputs=dataset.outputs, seed=member.seed, pixels=replicate.pixels
    ).eval()
    load_state(module, weights)
    scale_in_evaluation(module, member, replicate.shape)
    measure = measure_of(member.recipe, pixels=replicate.pixels)
    parts = torch.split(rows, at_a_time(replicate.shape, most=BATCH))
    if measure.of_batch:  # it means something for all samples at once
        z = torch.cat([module(replicate.scale(replicate.gather(part, device=CPU))) for part in parts])
        return float(measure(z, replicate.targets(rows, device=CPU)).double().mean())
    total = 0.0
    for part in parts:
        z = module(replicate.scale(replicate.gather(part, device=CPU)))
        total += float(measure(z, replicate.targets(part, device=CPU)).sum(dtype=torch.float64))
    return total / len(rows)


def _alone(member: Member, replicates: Mapping[int, Replicate], plan: Plan | None) -> Mapping[str, Tensor]:
    for event in fit([member], replicates, plan=plan):
        if isinstance(event, MemberFinished):
            return event.weights
    return {}


def _deviation(again: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> float:
    return max(float((again[name].double() - before[name].double()).abs().max()) for name in before)
