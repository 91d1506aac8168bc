"""From a spec to members that can be trained: data loaded and split, recipes whole and checked against the data."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from wellfit.data import Dataset, load
from wellfit.errors import RecipeError
from wellfit.models import build, resolve_model
from wellfit.models.init import initialize
from wellfit.recipe import DataSpec, ModelSpec, Recipe, StudySpec
from wellfit.recipe.loss import CrossEntropySpec, LossSpec, MseSpec
from wellfit.regularize.batch.rand_augment import RandAugment
from wellfit.regularize.batch.random_choice import RandomChoice
from wellfit.regularize.catalogue import CATALOGUE, check
from wellfit.regularize.stages import Augmentation, Mix, TargetRule
from wellfit.study.advice import advice
from wellfit.study.circumstances import class_counts
from wellfit.study.cleaning import load_once, plan_advice, plans_of, read_plans
from wellfit.study.design import Arm, expand
from wellfit.study.optimizer import suited_optimizer
from wellfit.train.choose import choose_way
from wellfit.train.fit import default_device
from wellfit.train.losses import measured, suits, with_balanced_weights
from wellfit.train.member import Member
from wellfit.train.places import check_parameters, check_sites
from wellfit.train.plan import How
from wellfit.train.replicate import Replicate, make_replicate
from wellfit.train.sites import find_sites
from wellfit.train.start import populations, start_modules

logger = logging.getLogger(__name__)
MOVES = "augmentations by themselves (horizontal_flip, rotation, brightness, ...), which move the masks as well"
"""What suits a segmentation."""

DEFAULT_BATCH = Recipe.model_fields["batch_size"].default
"""Taken for what nobody chose: of fewer train samples it is all of them."""

MOST_ARMS = 4
"""Arms that a warning names."""

Replicates = Mapping[int, Replicate]


@dataclass(frozen=True)
class Prepared:
    """A study whose data is loaded and whose recipes are whole, checked against each other."""

    spec: StudySpec
    arms: tuple[Arm, ...]
    members: tuple[Member, ...]
    replicates: Mapping[DataSpec, Replicates]
    advice: Mapping[str, Sequence[str]]
    """What does nothing or little -> the arms that have it."""

    def replicates_of(self, member: Member) -> Replicates:
        """Return the replicates by seed of the member's data."""
        return self.replicates[member.recipe.data]

    def sizes(self, member: Member) -> tuple[int, int, int]:
        """Return how many samples the member's seed trains and validates on, and how many its probe has."""
        return _sizes(member, self.replicates)

    def fingerprint(self, data: DataSpec) -> str:
        """Return the fingerprint of a data set of the study."""
        return next(iter(self.replicates[data].values())).dataset.fingerprint


def design(spec: StudySpec) -> tuple[Arm, ...]:
    """Return the study's arms, with every regularizer's name and parameters checked."""
    return expand(spec, regularizers=CATALOGUE.keys(), check=check)


def prepare(
    spec: StudySpec, arms: Sequence[Arm], *, memory: int | None = None, like: Prepared | None = None
) -> Prepared:
    """Load the data, split it for every seed, fill in what recipes leave to the data, and build every network once.

    ``memory`` is in bytes: larger images stay on the disk (``data.load``). What ``like``, of the same seeds, has loaded
    is taken from there.

    Raises
    ------
    InputError
        Whatever would stop a run later: data, model, batch size, a method that does not suit the data.

    """
    read_plans(arms)  # before the data: a path is quickly mistyped
    known = {} if like is None else dict(like.replicates)
    bare = {data: next(iter(of_seed.values())).dataset for data, of_seed in known.items() if data.clean is None}
    loaded = load_once((arm.recipe.data for arm in arms), lambda data: bare.get(data) or load(data, memory=memory))
    plans = plans_of(loaded)
    replicates = {
        data: known.get(data) or {seed: make_replicate(dataset, data, seed, plans.get(data)) for seed in spec.seeds}
        for data, dataset in loaded.items()
    }
    for dataset in loaded.values():
        _check_metric(spec.metric, dataset, "study.metric")
    whole = [_whole(arm, loaded[arm.recipe.data], replicates[arm.recipe.data]) for arm in arms]
    _check_measures(spec, whole)
    members = tuple(Member(arm.name, seed, arm.recipe) for arm in whole for seed in spec.seeds)
    _check_plan(spec.plan.how, members, replicates)
    said = _check_networks(members, replicates, plan_advice(arms, plans, replicates, spec.metric))
    return Prepared(spec, tuple(whole), members, replicates, said)


def _whole(arm: Arm, dataset: Dataset, replicates: Replicates) -> Arm:
    """Return the arm with model and loss filled in; refuse what cannot be trained on this data."""
    recipe, where = arm.recipe, f"arm {arm.name}"
    regression, segmentation = dataset.task == "regression", dataset.task == "segmentation"
    train = min((replicate.split.train for replicate in replicates.values()), key=len)
    drawn = min((replicate.drawn for replicate in replicates.values()), key=len)
    _check_metric(recipe.monitor, dataset, f"{where}, monitor")
    if recipe.batch_size > len(train) and recipe.batch_size != DEFAULT_BATCH:
        what = f"received {recipe.batch_size}, larger than the {len(train)} train samples"
        raise RecipeError(f"{where}, batch_size", what, f"at most {len(train)}")
    default = MseSpec() if regression else CrossEntropySpec()
    counts = [] if regression else class_counts(dataset, drawn)  # the same weights in all arms of a plan
    changes: dict[str, Any] = {"model": resolve_model(recipe.model, dataset.kind, dataset.task)}
    changes["optimizer"] = suited_optimizer(recipe, changes["model"])
    changes["batch_size"] = min(recipe.batch_size, len(train))
    for field, given in (("loss", recipe.loss or default), ("measure", recipe.measure)):
        expected = None if given is None else suits(given, dataset.task, dataset.outputs)
        if given is not None and expected is not None:
            raise RecipeError(f"{where}, {field}", f"{given.kind} for {dataset.task}", expected)
        changes[field] = None if given is None else with_balanced_weights(given, counts)
    whole = recipe.model_copy(update=changes)
    for name, method in Member(arm.name, 0, whole).methods.items():
        if isinstance(method, Augmentation | Mix) and not method.is_off and dataset.kind not in method.kinds:
            expected = " or ".join(f"{kind}s" for kind in sorted(method.kinds))
            raise RecipeError(f"{where}, regularizers.{name}", f"the data are {dataset.kind}s", expected)
        if isinstance(method, TargetRule) and not method.is_off and dataset.task != "classification":
            what = "the targets are numbers" if regression else "the targets are masks"
            raise RecipeError(f"{where}, regularizers.{name}", what, "loss.smoothing" if segmentation else "classes")
        if segmentation and not method.is_off and isinstance(method, Mix | RandomChoice | RandAugment):
            raise RecipeError(f"{where}, regularizers.{name}", "the targets are masks", MOVES)
    return Arm(arm.name, whole, arm.levels)


def _check_metric(metric: str, dataset: Dataset, where: str) -> None:
    """Refuse a metric that the task does not have."""
    if metric == "val_accuracy" and dataset.task == "regression":
        raise RecipeError(where, "val_accuracy for regression", "val_loss")
    if metric == "val_iou" and dataset.task != "segmentation":
        expected = "val_loss" if dataset.task == "regression" else "val_loss or val_accuracy"
        raise RecipeError(where, f"val_iou for {dataset.task}", expected)


def _check_measures(spec: StudySpec, arms: Sequence[Arm]) -> None:
    """Refuse to compare losses of different kinds by their values."""
    if not spec.metric.endswith("loss"):
        return
    measures: dict[LossSpec, str] = {}
    for arm in arms:
        measures.setdefault(measured(arm.recipe.measure or cast(LossSpec, arm.recipe.loss)), arm.name)
    if len(measures) > 1:
        (one, first), (other, second) = list(measures.items())[:2]
        what = f"{spec.metric} is {one.kind} in arm {first} and {other.kind} in arm {second}"
        if one.kind == other.kind:
            what = f"{spec.metric} is measured by {one.kind} with other numbers in arm {first} than in arm {second}"
        raise RecipeError("study.metric", what, "one 'measure' for all arms, such as measure: cross_entropy or mse")


def _check_networks(
    members: Sequence[Member], replicates: Mapping[DataSpec, Replicates], said: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Build every kind of network once, refuse what would fail later, say once what does nothing (and ``said``)."""
    found = dict(said)
    for group in populations(members, sizes=lambda member: _sizes(member, replicates)):
        own = replicates[group[0].recipe.data]
        (module,) = start_modules(group[:1], own)
        _check_last_batch(module, group[0], own)
        for one in {member.arm: member for member in group}.values():
            for line in _left_alone(one, own):
                found.setdefault(line, []).append(one.arm)
            sites = find_sites(module, own[one.seed].shape)
            check_sites([one], module, sites)
            check_parameters(one, module)
            for line in advice(one, module, sites, own[one.seed]):
                found.setdefault(line, []).append(one.arm)
    for line, arms in found.items():
        logger.warning("%s (arm %s)", line, ", ".join(arms[:MOST_ARMS]) + (", ..." if len(arms) > MOST_ARMS else ""))
    return found


def _check_plan(how: How | None, members: Sequence[Member], replicates: Mapping[DataSpec, Replicates]) -> None:
    """Refuse a way to compute the members in which some of them cannot be."""
    device = default_device()
    for group in populations(members) if how else ():
        own = replicates[group[0].recipe.data]
        (module,) = start_modules(group[:1], own)
        choose_way(how, module.to(device), group, shape=own[group[0].seed].shape, device=device)


def _sizes(member: Member, replicates: Mapping[DataSpec, Replicates]) -> tuple[int, int, int]:
    replicate = replicates[member.recipe.data][member.seed]
    return len(replicate.split.train), len(replicate.split.validation), len(replicate.probe)


def _left_alone(member: Member, replicates: Replicates) -> list[str]:
    """Initialize the member's own network; return what a pretrained file has nothing for."""
    replicate, spec = replicates[member.seed], cast(ModelSpec, member.recipe.model)
    module = build(
        spec, shape=replicate.shape, outputs=replicate.dataset.outputs, seed=member.seed, pixels=replicate.pixels
    )
    left = initialize(module, member.recipe.init, member.seed)
    return [f"init from the file leaves {len(left)} as they were: {', '.join(left[:MOST_ARMS])}"] if left else []


def _check_last_batch(module: nn.Module, member: Member, replicates: Replicates) -> None:
    """Refuse an epoch that ends on a batch of one sample where the network needs two (batch normalization)."""
    replicate = replicates[member.seed]
    samples, size = len(replicate.split.train), member.recipe.batch_size
    if size > 1 and samples % size != 1:
        return
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            copy.deepcopy(module).train()(torch.zeros(1, *replicate.shape))
    except Exception as error:
        what = f"received {size}: of {samples} train samples the last batch has 1, which the network refuses ({error})"
        raise RecipeError(f"arm {member.arm}, batch_size", what, "another size") from None
