"""From a spec to members that can be trained: data loaded and split, recipes whole and checked against the data."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from wellfit.data import Dataset, load
from wellfit.errors import RecipeError
from wellfit.models import resolve_model
from wellfit.recipe import DataSpec, StudySpec
from wellfit.regularize.catalogue import CATALOGUE, check
from wellfit.regularize.stages import Augmentation, Mix
from wellfit.study.design import Arm, expand
from wellfit.train.member import Member
from wellfit.train.plan import populations, start_modules
from wellfit.train.replicate import Replicate, make_replicate

Replicates = Mapping[int, Replicate]


@dataclass(frozen=True)
class Prepared:
    """A study whose data is loaded and whose recipes are whole, checked against each other."""

    spec: StudySpec
    arms: tuple[Arm, ...]
    members: tuple[Member, ...]
    replicates: Mapping[DataSpec, Replicates]

    def replicates_of(self, member: Member) -> Replicates:
        """Return the replicates by seed of the member's data."""
        return self.replicates[member.recipe.data]

    def fingerprint(self, data: DataSpec) -> str:
        """Return the fingerprint of a data set of the study."""
        return next(iter(self.replicates[data].values())).dataset.fingerprint


def design(spec: StudySpec) -> tuple[Arm, ...]:
    """Return the study's arms, with every regularizer's name and parameters checked."""
    return expand(spec, regularizers=CATALOGUE.keys(), check=check)


def prepare(spec: StudySpec, arms: Sequence[Arm]) -> Prepared:
    """Load the data, split it for every seed, fill in what recipes leave to the data, and build every network once.

    Raises
    ------
    InputError
        Whatever would stop a run later: data, model, batch size, a method that does not suit the data.

    """
    datasets = {arm.recipe.data: arm.recipe.data for arm in arms}
    loaded = {data: load(data) for data in datasets}
    replicates = {
        data: {seed: make_replicate(dataset, data, seed) for seed in spec.seeds} for data, dataset in loaded.items()
    }
    if spec.metric == "val_accuracy" and any(dataset.task == "regression" for dataset in loaded.values()):
        raise RecipeError("study.metric", "val_accuracy for regression", "val_loss")
    whole = [_whole(arm, loaded[arm.recipe.data], replicates[arm.recipe.data]) for arm in arms]
    members = tuple(Member(arm.name, seed, arm.recipe) for arm in whole for seed in spec.seeds)
    for group in populations(members):
        (module,) = start_modules(group[:1], replicates[group[0].recipe.data])
        _check_last_batch(module, group[0], replicates[group[0].recipe.data])
    return Prepared(spec, tuple(whole), members, replicates)


def _whole(arm: Arm, dataset: Dataset, replicates: Replicates) -> Arm:
    """Return the arm with model and loss filled in; refuse what cannot be trained on this data."""
    recipe = arm.recipe
    classification = dataset.task == "classification"
    loss = recipe.loss or ("cross_entropy" if classification else "mse")
    where = f"arm {arm.name}"
    if (loss == "cross_entropy") != classification:
        raise RecipeError(f"{where}, loss", f"{loss} for {dataset.task}", "cross_entropy for classes, mse for numbers")
    if recipe.monitor == "val_accuracy" and not classification:
        raise RecipeError(f"{where}, monitor", "val_accuracy for regression", "val_loss")
    samples = len(next(iter(replicates.values())).split.train)
    if recipe.batch_size > samples:
        what = f"received {recipe.batch_size}, larger than the {samples} train samples"
        raise RecipeError(f"{where}, batch_size", what, f"at most {samples}")
    model = resolve_model(recipe.model, dataset.kind)
    whole = recipe.model_copy(update={"loss": loss, "model": model})
    member = Member(arm.name, 0, whole)
    for name, method in member.methods.items():
        if isinstance(method, Augmentation | Mix) and not method.is_off and dataset.kind not in method.kinds:
            expected = " or ".join(f"{kind}s" for kind in sorted(method.kinds))
            raise RecipeError(f"{where}, regularizers.{name}", f"the data are {dataset.kind}s", expected)
    return Arm(arm.name, whole, arm.levels)


def _check_last_batch(module: nn.Module, member: Member, replicates: Replicates) -> None:
    """Refuse an epoch that ends on a batch of one sample where the network needs two (batch normalization)."""
    replicate = replicates[member.seed]
    samples, size = len(replicate.split.train), member.recipe.batch_size
    if size > 1 and samples % size != 1:
        return
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            copy.deepcopy(module).train()(torch.zeros(1, *replicate.dataset.shape))
    except Exception as error:
        what = f"received {size}: of {samples} train samples the last batch has 1, which the network refuses ({error})"
        raise RecipeError(f"arm {member.arm}, batch_size", what, "another size") from None
