"""How the populations of a study are computed: as the user says, as it began, as this machine knows, or measured."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from wellfit.atomic import write_atomic
from wellfit.data.cache import cache_folder
from wellfit.errors import StorageError
from wellfit.recipe.plan import PlanSpec
from wellfit.study.prepare import Prepared
from wellfit.train.fit import default_device
from wellfit.train.measure import WORTH, Measured, find_plan
from wellfit.train.member import Member
from wellfit.train.plan import Plan
from wellfit.train.precision import Precision

FORMAT = 2
"""Of a remembered plan; another one is measured anew."""


@dataclass(frozen=True)
class Planned:
    """A population's plan, where it comes from, and what was measured for it."""

    plan: Plan
    source: str
    """``rule``, ``measured`` or ``remembered``."""
    seconds: float | None = None
    """Of the training by the rule's plan, about."""
    trials: Sequence[Mapping[str, Any]] = ()
    """Each plan that was tried, as plain values, with its ``seconds`` per step and member in every round."""
    agreement: str | None = None
    """What the probe of bfloat16 said."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "plan": self.plan.to_dict(),
            "source": self.source,
            "seconds": self.seconds,
            "trials": list(self.trials),
            "agreement": self.agreement,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Planned:
        """Take back what ``to_dict`` gave."""
        return cls(**{**values, "plan": Plan.from_dict(values["plan"])})


def as_asked(plan: Plan, spec: PlanSpec) -> Plan:
    """Return the plan with what the user has asked for."""
    asked = spec.model_dump(exclude_none=True)
    if asked["precision"] == "auto":
        del asked["precision"]
    return replace(plan, **asked)


def plan_all(
    groups: Sequence[Sequence[Member]],
    prepared: Prepared,
    known: Mapping[str, Any],
    *,
    anew: bool = False,
    least: float = WORTH,
) -> dict[str, Planned]:
    """Return by structure how the populations ``groups`` are computed; all with the same precision.

    Parameters
    ----------
    groups, prepared
        Members of one structure each, and their study.
    known
        What the study was begun with (``Planned.to_dict`` by structure): it goes on so.
    anew
        Measure what the machine remembers too.
    least
        Seconds of training below which the rule's plan is taken without measuring.

    """
    begun = {Planned.from_dict(one).plan.precision for one in known.values()}
    found: dict[str, Planned] = {}
    for members in sorted(groups, key=len, reverse=True):  # folds of unequal size are computed as the largest of them
        key = structure_key(members[0])
        if key not in found:
            found[key] = _planned(members, prepared, known, anew=anew, least=least)
    precisions = begun or {one.plan.precision for one in found.values()}
    if prepared.spec.plan.precision == "auto":
        same: Precision = "bf16" if precisions == {"bf16"} else "fp32"
        found = {key: replace(one, plan=replace(one.plan, precision=same)) for key, one in found.items()}
    return found


def begun_plan(member: Member, known: Mapping[str, Any]) -> Plan | None:
    """Return the plan that the member's study was begun with, for it alone; ``None``: by rule."""
    key = structure_key(member)
    return replace(Planned.from_dict(known[key]).plan, workers=1) if key in known else None


def structure_key(member: Member) -> str:
    """Return a short name of a member's structure."""
    return hashlib.sha256(member.structure.encode()).hexdigest()[:16]


def _planned(
    members: Sequence[Member], prepared: Prepared, known: Mapping[str, Any], *, anew: bool, least: float
) -> Planned:
    spec, key = prepared.spec.plan, structure_key(members[0])
    if key in known:
        begun = Planned.from_dict(known[key])
        return replace(begun, plan=as_asked(begun.plan, spec))
    path = _place(members, prepared)
    remembered = None if anew or path is None else _recall(path)
    if remembered is not None:
        return remembered
    measured = find_plan(
        members,
        prepared.replicates_of(members[0]),
        default_device(),
        asked=lambda plan: as_asked(plan, spec),
        bf16=spec.precision == "auto",
        least=least,
    )
    planned = _told(measured)
    if path is not None and planned.source == "measured":
        _remember(path, planned)
    return planned


def _told(measured: Measured) -> Planned:
    trials = [{**trial.plan.to_dict(), "seconds_per_step": list(trial.seconds)} for trial in measured.trials]
    agreement = None if measured.agreement is None else str(measured.agreement)
    source = "measured" if len(trials) > 1 else "rule"
    return Planned(measured.plan, source, measured.total, trials, agreement)


def _place(members: Sequence[Member], prepared: Prepared) -> Path | None:
    """Return the file of a plan for such members on this machine; ``None`` where no folder is known."""
    replicate = prepared.replicates_of(members[0])[members[0].seed]
    device = default_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    epochs = sum(member.recipe.epochs for member in members)
    about = [
        FORMAT,
        *(members[0].structure, len(members), epochs, len(replicate.split.train), replicate.shape),
        *(name, platform.node(), torch.get_num_threads(), torch.__version__),
        prepared.spec.plan.model_dump(),
    ]
    digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]
    try:
        return cache_folder() / "plans" / f"{digest}.json"
    except StorageError:
        return None


def _recall(path: Path) -> Planned | None:
    try:
        return replace(Planned.from_dict(json.loads(path.read_text())), source="remembered")
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it is measured again


def _remember(path: Path, planned: Planned) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(planned.to_dict()).encode())
    except (OSError, StorageError):
        pass  # it is measured again next time
