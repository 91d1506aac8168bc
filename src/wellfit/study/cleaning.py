"""Cleaning as an arm: one loading for all that a plan does, and what it came to in each arm."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wellfit.data import Dataset
from wellfit.data.clean.by_row import RowChanges, row_changes
from wellfit.data.clean.plan import read_plan
from wellfit.recipe import DataSpec
from wellfit.study.design import Arm
from wellfit.train.replicate import Replicate

DOUBTED = 0.05
"""Share of the validation samples named by a plan from which their loss is not to be trusted."""

Replicates = Mapping[DataSpec, Mapping[int, Replicate]]


def read_plans(arms: Sequence[Arm]) -> None:
    """Read every plan that an arm names, to refuse what is none.

    Raises
    ------
    InputError
        As ``read_plan``.

    """
    for path in sorted({arm.recipe.data.clean.plan for arm in arms if arm.recipe.data.clean is not None}):
        read_plan(Path(path).expanduser())


def load_once(specs: Iterable[DataSpec], load: Callable[[DataSpec], Dataset]) -> dict[DataSpec, Dataset]:
    """Return what ``load`` gives for each spec; those that differ in ``clean`` alone share one data set."""
    made: dict[DataSpec, Dataset] = {}
    found = {}
    for spec in specs:
        bare = spec.model_copy(update={"clean": None})
        if bare not in made:
            made[bare] = load(bare)
        found[spec] = made[bare]
    return found


def plans_of(loaded: Mapping[DataSpec, Dataset]) -> dict[DataSpec, RowChanges]:
    """Return the plans by rows, of the specs that have one; each plan is read once.

    Raises
    ------
    DataError
        As ``row_changes``.

    """
    made: dict[DataSpec, RowChanges] = {}
    found = {}
    for spec, dataset in loaded.items():
        if spec.clean is not None:
            same = spec.model_copy(update={"clean": spec.clean.model_copy(update={"do": "clean"})})
            if same not in made:
                made[same] = row_changes(dataset, same)
            found[spec] = made[same]
    return found


def plan_advice(
    arms: Sequence[Arm], plans: Mapping[DataSpec, RowChanges], replicates: Replicates, metric: str
) -> dict[str, list[str]]:
    """Return what a plan does not do, and where a metric misleads about it -> the arms that it concerns."""
    said: dict[str, list[str]] = {}
    for arm in arms:
        data = arm.recipe.data
        if data.clean is None or data not in plans:
            continue
        plan = plans[data]
        parts = [one.cleaned for one in replicates[data].values() if one.cleaned is not None]
        if plan.kept_columns:
            columns = ", ".join(plan.kept_columns)
            line = f"{plan.where} drops the columns {columns}: not done, all arms have the same inputs (data.drop)"
            said.setdefault(line, []).append(arm.name)
        if data.clean.do == "random" and not any(part.dropped for part in parts):
            line = f"{plan.where} leaves out no train sample, so leaving out as many at random changes nothing"
            said.setdefault(line, []).append(arm.name)
        doubted = _doubted(plan, list(replicates[data].values()))
        if data.clean.do == "clean" and metric == "val_loss" and doubted >= DOUBTED:
            line = (
                f"{plan.where} also names {doubted:.0%} of the validation samples, which stay as they are: where their"
                " labels are wrong, val_loss punishes those who know better; study.metric: val_accuracy does so less"
            )
            said.setdefault(line, []).append(arm.name)
        if data.clean.do == "clean" and not any(part.dropped + part.relabeled + part.imputed for part in parts):
            said.setdefault(f"{plan.where} changes no train sample", []).append(arm.name)
    return said


def _doubted(plan: RowChanges, replicates: Sequence[Replicate]) -> float:
    """Return the largest share of a classification's validation samples that a plan leaves out or relabels."""
    if replicates[0].dataset.task != "classification":
        return 0.0
    named = plan.dropped | plan.relabeled
    return max(float(named[one.split.validation].double().mean()) for one in replicates)


def cleaned_arms(arms: Sequence[Arm], replicates: Replicates, seeds: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Return for each arm with a plan what it did to the train samples: ``plan``, ``do``, and a number a seed of the
    ``train`` samples that are left, the samples ``dropped`` and ``relabeled``, and the cells ``imputed``.
    """
    found: dict[str, dict[str, Any]] = {}
    for arm in arms:
        clean = arm.recipe.data.clean
        if clean is None:
            continue
        parts = [part for seed in seeds if (part := replicates[arm.recipe.data][seed].cleaned) is not None]
        counts = {name: [int(getattr(part, name)) for part in parts] for name in ("dropped", "relabeled", "imputed")}
        found[arm.name] = {
            "plan": clean.plan,
            "do": clean.do,
            "train": [len(part.train) for part in parts],
            **counts,
        }
    return found


def plan_digests(arms: Sequence[Arm]) -> dict[str, str]:
    """Return path -> SHA-256 of the plans that arms name and that can be read."""
    paths = {arm.recipe.data.clean.plan for arm in arms if arm.recipe.data.clean is not None}
    found = {}
    for path in sorted(paths):
        try:
            found[path] = hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()
        except OSError:  # a study that is complete needs its plan no more than its data
            continue
    return found
