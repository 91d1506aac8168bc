"""The learning curve: what the same network makes of 10, 20, 50 and 100 % of the train samples, and of more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from wellfit.data import Dataset
from wellfit.examine.nested import SHARES, in_samples, nested_order, part_of, read_sizes
from wellfit.examine.outlook import last_step, outlook
from wellfit.examine.source import Source, check_task, epochs_for, read_source
from wellfit.recipe import StudySpec
from wellfit.record import RunRecord, is_share
from wellfit.stats.intervals import estimate
from wellfit.study.circumstances import about_data, chance_loss, environment
from wellfit.study.prepare import Prepared, design, prepare
from wellfit.train.events import Event, Key, MemberFinished, PopulationStarted
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate
from wellfit.train.start import populations

SEEDS = 5
MEASURES = ("val_loss", "val_accuracy", "train_loss", "train_accuracy", "gap")
STEPS, FEWEST, MOST = 1000, 10, 50
"""Epochs, unless the recipe names them: of about so many steps in all."""

LATE = 0.9
"""A best epoch after this part of the training leaves open what longer training would give."""

Listener = Callable[[Event], None]


def learning_curve(
    data: Source,
    *,
    sizes: str | Sequence[float | str] = SHARES,
    seeds: int = SEEDS,
    metric: str = "val_loss",
    target: str | None = None,
    overrides: Sequence[str] = (),
    name: str = "data",
    memory: int | None = None,
    listen: Listener = lambda event: None,
    loaded: Callable[[Prepared], None] = lambda prepared: None,
) -> dict[str, Any]:
    """Train a recipe on nested parts of the train split, sizes times seeds as one population, and forecast more data.

    All sizes of a seed have its validation set, start and order, and train for as many steps as the largest: a smaller
    part is repeated. The weights of the best epoch by ``metric`` count. The sealed test set is never read.

    Parameters
    ----------
    data, target, overrides
        A name, a path, a recipe file, or the plain values of a recipe; the column to predict; ``"epochs=50"``.
    sizes
        Percent of the train split, or numbers of samples (``nested.read_sizes``).
    seeds
        Each draws split, parts, start and order.
    metric
        ``val_loss`` or ``val_accuracy``; the law is fitted to the loss, or to 1 - accuracy.
    name, memory, listen, loaded
        As of ``study.run.run_study``.

    Returns
    -------
    dict
        ``sizes``, ``law``, ``forecasts``, ``halving``, or ``no_forecast``: see ``docs/examining.md``.

    Raises
    ------
    InputError
        Bad sizes, data or recipe; masks as targets.

    """
    began = time.perf_counter()
    asked = read_sizes(sizes)
    given = read_source(data, seeds=seeds, metric=metric, target=target, overrides=overrides, name=name)
    recipe = given.spec.recipe.model_copy(update={"monitor": given.spec.metric, "restore": "best"})
    spec = given.spec.model_copy(update={"recipe": recipe})
    prepared = prepare(spec, design(spec)[:1], memory=memory)
    replicates = prepared.replicates_of(prepared.members[0])
    dataset = replicates[spec.seeds[0]].dataset
    check_task(dataset, "a learning curve")
    whole = min(len(replicate.split.train) for replicate in replicates.values())
    counts = in_samples(asked, whole, **_least(dataset))
    members, views = _members(prepared, replicates, counts, is_open=given.is_open)
    loaded(prepared)
    records, how = _train(members, views, listen)
    found = _result(spec, replicates[spec.seeds[0]], {count: records[str(count)] for count in counts}, whole)
    about = {"recipe": members[0].recipe.to_dict(), "plan": how, "environment": asdict(environment())}
    return {**found, **about, "seconds": time.perf_counter() - began}


def _result(
    spec: StudySpec, replicate: Replicate, records: Mapping[int, Sequence[RunRecord]], whole: int
) -> dict[str, Any]:
    """Return what the runs of each size, in the order of the seeds, came to; ``replicate``: of the first seed."""
    errors = np.array([_errors(runs, spec.metric) for runs in records.values()]).T
    seeds_with_all = errors[np.isfinite(errors).all(1)]
    return {
        "examination": "learning-curve",
        "name": spec.name,
        "data": {**about_data(replicate, 0), "train": whole, "chance_loss": chance_loss(replicate)},
        "metric": spec.metric,
        "seeds": list(spec.seeds),
        "sizes": [_row(runs, count, whole, spec.metric) for count, runs in records.items()],
        "last_step": last_step(seeds_with_all),
        **outlook(list(records), seeds_with_all, percent=is_share(spec.metric)),
        "diverged": sum(run.status == "diverged" for runs in records.values() for run in runs),
    }


def _least(dataset: Dataset) -> dict[str, Any]:
    classes = dataset.outputs if dataset.task == "classification" else 0
    return {"least": max(classes, 2), "why": f"for {classes} classes" if classes else "to fit anything"}


def _members(
    prepared: Prepared, replicates: Mapping[int, Replicate], counts: Sequence[int], *, is_open: bool
) -> tuple[list[Member], dict[int, Replicate]]:
    """Return a member for each size and seed, and by view the part that it trains on."""
    given = prepared.members[0].recipe
    batch = min(given.batch_size, counts[-1])
    epochs = epochs_for(counts[-1], batch, steps=STEPS, fewest=FEWEST, most=MOST) if is_open else given.epochs
    recipe = given.model_copy(update={"batch_size": batch, "epochs": epochs})
    length = counts[-1] + (batch > 1 and counts[-1] % batch == 1)  # a batch of one is nothing for batch normalization
    members: list[Member] = []
    views: dict[int, Replicate] = {}
    for seed, replicate in replicates.items():
        order = nested_order(replicate, recipe.data.split.kind)
        for count in counts:
            view = len(views)
            views[view] = part_of(replicate, recipe.data, order, count, length)
            members.append(Member(str(count), seed, recipe, view))
    return members, views


def _train(
    members: Sequence[Member], views: Mapping[int, Replicate], listen: Listener
) -> tuple[dict[str, list[RunRecord]], list[dict[str, Any]]]:
    """Return the runs by arm, in the order of the members, and how each population was computed."""
    records: dict[Key, RunRecord] = {}
    how: list[dict[str, Any]] = []
    for together in populations(members, sizes=lambda member: _lengths(views[member.sees])):
        for event in fit(together, views):
            if isinstance(event, PopulationStarted):
                how.append({"members": len(event.members), "epochs": event.epochs, "how": event.how})
            elif isinstance(event, MemberFinished):
                records[event.record.arm, event.record.seed] = event.record
            listen(event)
    by_arm: dict[str, list[RunRecord]] = {}
    for member in members:
        by_arm.setdefault(member.arm, []).append(records[member.key])
    return by_arm, how


def _lengths(replicate: Replicate) -> tuple[int, int, int]:
    return len(replicate.split.train), len(replicate.split.validation), len(replicate.probe)


def _row(records: Sequence[RunRecord], count: int, whole: int, metric: str) -> dict[str, Any]:
    """Return what a size came to."""
    late = sum(record.best_epoch > LATE * record.recipe["epochs"] for record in records)
    return {
        "samples": count,
        "share": count / whole,
        "error": _block(_errors(records, metric)),
        **{name: _block([record.value(name) for record in records]) for name in MEASURES},
        "best_epoch": [record.best_epoch for record in records],
        "epochs": [record.epochs_run for record in records],
        "late": late,
    }


def _errors(records: Sequence[RunRecord], metric: str) -> list[float]:
    """Return the metric as an error, lower is better: a loss, or what is not right."""
    values = [record.value(metric) for record in records]
    return [1 - value for value in values] if is_share(metric) else values


def _block(values: Sequence[float]) -> dict[str, Any] | None:
    """Return the values of the seeds with their mean and its interval; ``None`` where none is finite."""
    if not any(np.isfinite(values)):
        return None
    found = estimate(values)
    return {"values": list(values), "mean": found.mean, "ci95": None if found.ci95 is None else list(found.ci95)}
