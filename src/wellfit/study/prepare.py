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
from wellfit.recipe import DataSpec, ModelSpec, StudySpec
from wellfit.recipe.loss import CrossEntropySpec, LossSpec, MseSpec
from wellfit.regularize.catalogue import CATALOGUE, check
from wellfit.regularize.stages import Augmentation, Mix, TargetRule
from wellfit.study.advice import advice
from wellfit.study.design import Arm, expand
from wellfit.train.losses import measured, suits, with_balanced_weights
from wellfit.train.member import Member
from wellfit.train.places import check_parameters, check_sites
from wellfit.train.plan import populations, start_modules
from wellfit.train.replicate import Replicate, make_replicate
from wellfit.train.sites import find_sites

logger = logging.getLogger(__name__)
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

    def sizes(self, member: Member) -> tuple[int, int]:
        """Return how many samples the member's seed trains and validates on."""
        return _sizes(member, self.replicates)

    def fingerprint(self, data: DataSpec) -> str:
        """Return the fingerprint of a data set of the study."""
        return next(iter(self.replicates[data].values())).dataset.fingerprint


def design(spec: StudySpec) -> tuple[Arm, ...]:
    """Return the study's arms, with every regularizer's name and parameters checked."""
    return expand(spec, regularizers=CATALOGUE.keys(), check=check)


def prepare(spec: StudySpec, arms: Sequence[Arm], *, memory: int | None = None) -> Prepared:
    """Load the data, split it for every seed, fill in what recipes leave to the data, and build every network once.

    ``memory`` is in bytes: larger images stay on the disk (``data.load``).

    Raises
    ------
    InputError
        Whatever would stop a run later: data, model, batch size, a method that does not suit the data.

    """
    datasets = {arm.recipe.data: arm.recipe.data for arm in arms}
    loaded = {data: load(data, memory=memory) for data in datasets}
    replicates = {
        data: {seed: make_replicate(dataset, data, seed) for seed in spec.seeds} for data, dataset in loaded.items()
    }
    if spec.metric == "val_accuracy" and any(dataset.task == "regression" for dataset in loaded.values()):
        raise RecipeError("study.metric", "val_accuracy for regression", "val_loss")
    whole = [_whole(arm, loaded[arm.recipe.data], replicates[arm.recipe.data]) for arm in arms]
    _check_measures(spec, whole)
    members = tuple(Member(arm.name, seed, arm.recipe) for arm in whole for seed in spec.seeds)
    said = _check_networks(members, replicates)
    return Prepared(spec, tuple(whole), members, replicates, said)


def _whole(arm: Arm, dataset: Dataset, replicates: Replicates) -> Arm:
    """Return the arm with model and loss filled in; refuse what cannot be trained on this data."""
    recipe, where = arm.recipe, f"arm {arm.name}"
    classification = dataset.task == "classification"
    train = min((replicate.split.train for replicate in replicates.values()), key=len)
    if recipe.monitor == "val_accuracy" and not classification:
        raise RecipeError(f"{where}, monitor", "val_accuracy for regression", "val_loss")
    if recipe.batch_size > len(train):
        what = f"received {recipe.batch_size}, larger than the {len(train)} train samples"
        raise RecipeError(f"{where}, batch_size", what, f"at most {len(train)}")
    default = CrossEntropySpec() if classification else MseSpec()
    counts = torch.bincount(dataset.y[train], minlength=dataset.outputs).tolist() if classification else []
    changes: dict[str, Any] = {"model": resolve_model(recipe.model, dataset.kind)}
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
        if isinstance(method, TargetRule) and not method.is_off and not classification:
            raise RecipeError(f"{where}, regularizers.{name}", "the targets are numbers", "classes")
    return Arm(arm.name, whole, arm.levels)


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


def _check_networks(members: Sequence[Member], replicates: Mapping[DataSpec, Replicates]) -> dict[str, list[str]]:
    """Build every kind of network once, refuse what would fail later, and say once what does nothing."""
    found: dict[str, list[str]] = {}
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


def _sizes(member: Member, replicates: Mapping[DataSpec, Replicates]) -> tuple[int, int]:
    parts = replicates[member.recipe.data][member.seed].split
    return len(parts.train), len(parts.validation)


def _left_alone(member: Member, replicates: Replicates) -> list[str]:
    """Initialize the member's own network; return what a pretrained file has nothing for."""
    replicate, spec = replicates[member.seed], cast(ModelSpec, member.recipe.model)
    module = build(spec, shape=replicate.shape, outputs=replicate.dataset.outputs, seed=member.seed)
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
