"""Methods that will do nothing, or hardly anything, in this recipe on this data: said once, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from torch import nn

from wellfit.recipe import MlpSpec
from wellfit.recipe.loss import LossSpec
from wellfit.recipe.model import CnnSpec, UnetSpec
from wellfit.regularize.batch.grayscale import Grayscale
from wellfit.regularize.batch.hue import Hue
from wellfit.regularize.batch.saturation import Saturation
from wellfit.regularize.loss.l2 import L2
from wellfit.regularize.loss.sparsity import Sparsity
from wellfit.regularize.stages import Mix, TargetRule
from wellfit.regularize.time.early_stopping import EarlyStopping
from wellfit.train.losses import make_loss
from wellfit.train.member import Member
from wellfit.train.optimizers import family
from wellfit.train.places import useless_places
from wellfit.train.replicate import Replicate
from wellfit.train.sites import Sites


def advice(member: Member, module: nn.Module, sites: Sites, replicate: Replicate) -> list[str]:
    """Return a line for each method of the member that does nothing or little here."""
    return [
        *(f"{name} does nothing: {reason}" for name, reason in useless_places(member, sites).items()),
        *_targets(member, replicate),
        *_numbers(member, replicate),
        *_normalization(member, module, replicate),
    ]


def _targets(member: Member, replicate: Replicate) -> Iterator[str]:
    """Yield what mixing and smoothing cannot do to these targets."""
    spec = cast(LossSpec, member.recipe.loss)
    for name, method in member.methods.items():
        if method.is_off or not isinstance(method, Mix | TargetRule):
            continue
        if not make_loss(spec).takes_soft:
            yield f"{name} does little: {spec.kind} takes no soft targets, the largest share counts as the class"
        elif isinstance(method, Mix) and replicate.dataset.task == "regression":
            yield f"{name} does little for a regression: targets are mixed as if the truth were linear between samples"


def _numbers(member: Member, replicate: Replicate) -> Iterator[str]:
    """Yield what the other parts of the recipe undo."""
    recipe = member.recipe
    for name, method in member.methods.items():
        if method.is_off:
            continue
        if isinstance(method, L2) and family(recipe.optimizer) != "sgd":
            kind = recipe.optimizer.kind
            yield f"{name} does little inside {kind}, which divides its gradient by its own scale: use weight_decay"
        if isinstance(method, Grayscale | Hue | Saturation) and replicate.dataset.shape[0] != 3:
            yield f"{name} does nothing: the images have no colors"
        if isinstance(method, EarlyStopping) and method.patience >= recipe.epochs:
            yield f"{name} does nothing: its patience of {method.patience:g} is as long as the {recipe.epochs} epochs"
        activation = recipe.model.activation if isinstance(recipe.model, MlpSpec | CnnSpec | UnetSpec) else "sigmoid"
        if isinstance(method, Sparsity) and activation != "sigmoid":
            yield f"{name} does little with {activation}: it is meant for activations between 0 and 1"


def _normalization(member: Member, module: nn.Module, replicate: Replicate) -> Iterator[str]:
    batch_norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if batch_norms and member.recipe.batch_size == 1:
        yield "batch norm does not see a batch: with batch_size 1 it normalizes each sample by itself"
