"""The random-label test: can this network memorize? (Zhang et al. 2017.)"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch

from wellfit.errors import InputError
from wellfit.examine.memorizing import ENOUGH, Run, enough_for, judge
from wellfit.examine.source import Source, check_task, epochs_for, read_source
from wellfit.random import generator
from wellfit.recipe import Recipe
from wellfit.recipe.loss import CrossEntropySpec, MseSpec
from wellfit.recipe.schedule import ConstantSpec
from wellfit.record import EpochRow
from wellfit.study.circumstances import about_data, chance_loss, class_counts, environment
from wellfit.study.prepare import Prepared, design, prepare
from wellfit.train.events import EpochEnded, Event, Key, PopulationStarted
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate
from wellfit.train.start import populations, start_modules

SEEDS = 3
MOST_PROBED = 10_000
"""Train samples on which memorizing is measured: all, or so many at random."""

STEPS, FEWEST, MOST = 20_000, 100, 1000
"""Epochs at most, unless asked for: of about so many steps in all."""

LONGEST = 100_000
KEPT = ("clip_norm", "clip_value")
"""What stays of a recipe's regularizers: it keeps a training from diverging."""

LABELS = ("random", "true")
Listener = Callable[[Event], None]


def random_labels(
    data: Source,
    *,
    seeds: int = SEEDS,
    epochs: int | None = None,
    target: str | None = None,
    overrides: Sequence[str] = (),
    name: str = "data",
    memory: int | None = None,
    listen: Listener = lambda event: None,
    loaded: Callable[[Prepared], None] = lambda prepared: None,
) -> dict[str, Any]:
    """Train a network on permuted train labels, and beside it on the true ones, until it knows them by heart or rests.

    Who can fit labels that mean nothing has the capacity to overfit: what keeps it from doing so is regularization and
    data, not its size. Both trainings share split, start and order; there are no regularizers, and the last weights
    count. Validation labels stay true: accuracy on them must be at chance. The sealed test set is never read.
    Source: Zhang, Bengio, Hardt, Recht & Vinyals 2017, "Understanding deep learning requires rethinking
    generalization".

    Parameters
    ----------
    data, target, overrides
        As of ``learning_curve``.
    seeds, epochs
        Each seed draws split, permutation, start and order; epochs at most, ``None``: of about 20,000 steps.
    name, memory, listen, loaded
        As of ``study.run.run_study``.

    Returns
    -------
    dict
        ``verdict``: ``memorizes``, ``cannot`` or ``unclear``, ``reason``, and ``labels``: see ``docs/examining.md``.

    Raises
    ------
    InputError
        Bad data or recipe; masks as targets.

    """
    began = time.perf_counter()
    if epochs is not None and not 1 <= epochs <= LONGEST:
        raise InputError("--epochs", f"received {epochs}", f"1 to {LONGEST:,}")
    spec = read_source(data, seeds=seeds, target=target, overrides=overrides, name=name).spec
    prepared = prepare(spec, design(spec)[:1], memory=memory)
    replicates = prepared.replicates_of(prepared.members[0])
    first = replicates[spec.seeds[0]]
    check_task(first.dataset, "the random-label test")
    members, views = _members(prepared, replicates, epochs)
    loaded(prepared)
    enough = max(_enough(replicate) for replicate in replicates.values())
    curves, how = _train(members, views, enough, listen)
    found = {"examination": "random-labels", "name": spec.name, "seeds": list(spec.seeds)}
    found |= _result(curves, spec.seeds, first, enough)
    found |= _about(members[0], views)
    return {**found, "plan": how, "environment": asdict(environment()), "seconds": time.perf_counter() - began}


def _result(
    curves: Mapping[Key, list[EpochRow]], seeds: Sequence[int], replicate: Replicate, enough: float
) -> dict[str, Any]:
    """Return the verdict and what it rests on; ``replicate``: of the first seed."""
    task, guess = replicate.dataset.task, chance_loss(replicate)
    runs = {label: [_run(curves[label, seed], task) for seed in seeds] for label in LABELS}
    verdict, reason = judge(runs["random"], runs["true"], enough=enough, chance_loss=guess)
    chance = {"chance_loss": guess, "chance_accuracy": _chance_accuracy(replicate)}
    return {
        "verdict": verdict,
        "reason": reason,
        "data": {**about_data(replicate, 0), **chance},
        "measure": "r2" if task == "regression" else "train_accuracy",
        "enough": enough,
        "epochs_run": max(len(rows) for rows in curves.values()),
        "labels": {label: _block(runs[label], curves, label, enough) for label in LABELS},
    }


def _about(member: Member, views: Mapping[int, Replicate]) -> dict[str, Any]:
    """Return the recipe that was trained, and how many numbers it learns."""
    (module,) = start_modules([member], views)
    parameters = sum(p.numel() for p in module.parameters() if p.requires_grad)
    recipe = member.recipe
    about = {"recipe": recipe.to_dict(), "epochs": recipe.epochs, "lr": recipe.optimizer.lr}
    return {**about, "parameters": parameters}


def _members(
    prepared: Prepared, replicates: Mapping[int, Replicate], epochs: int | None
) -> tuple[list[Member], dict[int, Replicate]]:
    """Return for each seed a member with random and one with true labels, and by view the data they see."""
    given = prepared.members[0].recipe
    samples = max(len(replicate.split.train) for replicate in replicates.values())
    most = epochs or epochs_for(samples, given.batch_size, steps=STEPS, fewest=FEWEST, most=MOST)
    recipe = _bare(given, most, next(iter(replicates.values())).dataset.task)
    members: list[Member] = []
    views: dict[int, Replicate] = {}
    for seed, replicate in replicates.items():
        for label in LABELS:
            view = len(views)
            views[view] = _probed(_permuted(replicate) if label == "random" else replicate)
            members.append(Member(label, seed, recipe, view))
    return members, views


def _bare(recipe: Recipe, epochs: int, task: str) -> Recipe:
    """Return the recipe without what keeps it from memorizing: regularizers, decay, a schedule that ends."""
    kept = {name: given for name, given in recipe.regularizers.items() if name in KEPT}
    optimizer = recipe.optimizer
    if hasattr(optimizer, "weight_decay"):
        optimizer = optimizer.model_copy(update={"weight_decay": 0.0})
    update: dict[str, Any] = {
        "regularizers": kept,
        "optimizer": optimizer,
        "schedule": ConstantSpec(),
        "loss": MseSpec() if task == "regression" else CrossEntropySpec(),
        "measure": None,
        "monitor": "val_loss",
        "restore": "last",
        "epochs": epochs,
    }
    return recipe.model_copy(update=update)


def _permuted(replicate: Replicate) -> Replicate:
    """Return the replicate with the targets of its train samples dealt out anew among them."""
    train = replicate.split.train
    deal = torch.randperm(len(train), generator=generator(replicate.seed, "random labels"))
    y = replicate.dataset.y.clone()
    y[train] = y[train[deal]]
    return replace(replicate, dataset=replace(replicate.dataset, y=y))


def _probed(replicate: Replicate) -> Replicate:
    """Return the replicate with its whole train split as probe, or a large part of it."""
    train = replicate.split.train
    order = torch.randperm(len(train), generator=generator(replicate.seed, "probe"))[:MOST_PROBED]
    return replace(replicate, probe=train[order].sort().values)


def _enough(replicate: Replicate) -> float:
    return ENOUGH if replicate.dataset.task == "regression" else enough_for(max(_shares(replicate)))


def _shares(replicate: Replicate) -> list[float]:
    counts = class_counts(replicate.dataset, replicate.split.train)
    return [count / sum(counts) for count in counts]


def _chance_accuracy(replicate: Replicate) -> float | None:
    """Return the accuracy on true labels of who answers as often as each class is there, without looking."""
    if replicate.dataset.task == "regression":
        return None
    there = torch.bincount(replicate.dataset.y[replicate.split.validation], minlength=replicate.dataset.outputs)
    shares: list[float] = (there.double() / there.sum()).tolist()
    return sum(ours * theirs for ours, theirs in zip(_shares(replicate), shares, strict=True))


def _train(
    members: Sequence[Member], views: Mapping[int, Replicate], enough: float, listen: Listener
) -> tuple[dict[Key, list[EpochRow]], list[dict[str, Any]]]:
    """Return the curves of all members; a population ends when all in it know their labels or have come to rest."""
    curves: dict[Key, list[EpochRow]] = {member.key: [] for member in members}
    how: list[dict[str, Any]] = []
    task = views[members[0].sees].dataset.task
    for together in populations(members, sizes=lambda member: _lengths(views[member.sees])):
        for event in fit(together, views):
            listen(event)
            if isinstance(event, PopulationStarted):
                how.append({"members": len(event.members), "epochs": event.epochs, "how": event.how})
            elif isinstance(event, EpochEnded):
                for key, row in event.rows.items():
                    curves[key].append(row)
                if all(_is_done(_run(curves[member.key], task), enough) for member in together):
                    break
    return curves, how


def _lengths(replicate: Replicate) -> tuple[int, int, int]:
    return len(replicate.split.train), len(replicate.split.validation), len(replicate.probe)


def _is_done(run: Run, enough: float) -> bool:
    return run.diverged or run.is_still or run.reached(enough) is not None


def _run(rows: Sequence[EpochRow], task: str) -> Run:
    """Return the run of some rows; R^2 = 1 - MSE for targets in standard deviations."""
    loss = [row.train_loss for row in rows]
    share = [1 - value for value in loss] if task == "regression" else [row.value("train_accuracy") for row in rows]
    return Run(share, loss, diverged=bool(rows) and not rows[-1].is_finite)


def _block(runs: Sequence[Run], curves: Mapping[Key, Sequence[EpochRow]], label: str, enough: float) -> dict[str, Any]:
    """Return what became of one kind of labels: values in the order of the seeds."""
    rows = [own for (arm, _), own in curves.items() if arm == label]
    ends = [(run.reached(enough) or len(run.share)) - 1 for run in runs]
    return {
        "reached": [run.reached(enough) for run in runs],
        "share": [run.share[end] for run, end in zip(runs, ends, strict=True)],
        "best": [run.best for run in runs],
        "train_loss": [run.loss[end] for run, end in zip(runs, ends, strict=True)],
        "val_loss": [own[end].val_loss for own, end in zip(rows, ends, strict=True)],
        "val_accuracy": [own[end].val_accuracy for own, end in zip(rows, ends, strict=True)],
        "diverged": [run.diverged for run in runs],
        "curves": {"share": [list(run.share) for run in runs], "train_loss": [list(run.loss) for run in runs]},
    }
