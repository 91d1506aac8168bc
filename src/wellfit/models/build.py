"""From a model's spec and the data's shape to a network, initialized by the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from wellfit.errors import ModelError
from wellfit.models.cnn import cnn
from wellfit.models.imported import imported
from wellfit.models.insert import insert_norm
from wellfit.models.mlp import mlp
from wellfit.random import derive
from wellfit.recipe import CnnSpec, ImportSpec, MlpSpec
from wellfit.recipe.norm import NoNormSpec

Spec = MlpSpec | CnnSpec | ImportSpec


def resolve_model(spec: Spec | None, kind: Literal["image", "vector", "sequence"]) -> Spec:
    """Return the spec, or the one that suits the kind of data: a CNN for images, an MLP for vectors and sequences."""
    if spec is not None:
        return spec
    return CnnSpec() if kind == "image" else MlpSpec()


def build(spec: Spec, *, shape: Sequence[int], outputs: int, seed: int) -> nn.Module:
    """Return the network for samples of ``shape`` and ``outputs`` numbers an answer.

    Every draw of its initialization comes from the seed (purpose ``init``): networks of one structure and seed start
    equal, whatever their arm. PyTorch's global generator is left as it was.

    Raises
    ------
    ModelError
        It cannot be built for this shape, or does not answer (B, outputs).

    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "init"))
        module = _construct(spec, shape, outputs)
        _check_answer(module, spec, shape, outputs)
        if isinstance(spec, ImportSpec) and not isinstance(spec.norm, NoNormSpec):
            insert_norm(module, spec.norm, spec.norm_at, shape)
            _check_answer(module, spec, shape, outputs)
    return module


def _construct(spec: Spec, shape: Sequence[int], outputs: int) -> nn.Module:
    if isinstance(spec, MlpSpec):
        return mlp(math.prod(shape), spec.hidden, outputs, activation=spec.activation, norm=spec.norm)
    if isinstance(spec, CnnSpec):
        if len(shape) != 3:
            what = f"vectors of {shape[0]} features" if len(shape) == 1 else f"sequences of shape {tuple(shape)}"
            raise ModelError("model.kind", f"a cnn for {what}", "'mlp', or images")
        return cnn(shape, spec.channels, spec.hidden, outputs, activation=spec.activation, norm=spec.norm)
    if spec.norm_at and isinstance(spec.norm, NoNormSpec):
        raise ModelError("model.norm_at", "there is no normalization to place", "model.norm beside it")
    return imported(spec.import_, spec.args)


def _check_answer(module: nn.Module, spec: Spec, shape: Sequence[int], outputs: int) -> None:
    if not any(p.requires_grad for p in module.parameters()):
        raise ModelError("model", f"{describe(spec)} has no trainable parameters", "an nn.Module with parameters")
    was_training = module.training
    try:
        with torch.no_grad():
            answer = module.eval()(torch.zeros(2, *shape))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError("model", f"{describe(spec)} fails on a batch of shape {(2, *shape)}: {reason}") from error
    finally:
        module.train(was_training)
    if not isinstance(answer, torch.Tensor):
        raise ModelError("model", f"{describe(spec)} returns a {type(answer).__name__}", "a tensor")
    if tuple(answer.shape) != (2, outputs):
        raise ModelError(
            "model", f"{describe(spec)} returns shape {tuple(answer.shape)} for a batch of 2", f"shape (2, {outputs})"
        )


def describe(spec: Spec) -> str:
    """Return a short name for people: ``mlp 128-128``, ``cnn 32-64-128 with batch norm``, ``mypackage.nets.Net``."""
    norm = "" if isinstance(spec.norm, NoNormSpec) else f" with {spec.norm.kind} norm"
    if isinstance(spec, MlpSpec):
        return "mlp " + ("-".join(map(str, spec.hidden)) if spec.hidden else "without hidden layers") + norm
    if isinstance(spec, CnnSpec):
        return "cnn " + "-".join(map(str, spec.channels + spec.hidden)) + norm
    return spec.import_ + norm
