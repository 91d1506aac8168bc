"""From a model's spec and the data's shape to a network, initialized by the seed."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from wellfit.errors import ModelError
from wellfit.machine import physical_memory
from wellfit.models.cnn import cnn
from wellfit.models.imported import imported
from wellfit.models.insert import insert_norm
from wellfit.models.mlp import mlp
from wellfit.models.rnn import rnn
from wellfit.models.unet import unet
from wellfit.random import derive
from wellfit.recipe import CnnSpec, ImportSpec, MlpSpec, RnnSpec, UnetSpec
from wellfit.recipe.norm import NoNormSpec

Spec = MlpSpec | CnnSpec | RnnSpec | UnetSpec | ImportSpec
COPIES = 3
"""Of the weights in training at least: themselves, their gradients, the best so far."""

FORMS = {1: "vectors", 2: "sequences", 3: "images"}
"""What samples are called, by the number of their axes."""
SUITED = {1: "mlp", 2: "rnn", 3: "cnn"}
TAKEN = {"mlp": (1, 2, 3), "cnn": (3, 2), "rnn": (2,), "unet": (3,)}
"""Axes of the samples that a kind of network takes."""


def resolve_model(
    spec: Spec | None, kind: Literal["image", "vector", "sequence"], task: str = "classification"
) -> Spec:
    """Return the spec, or the one that suits the data: an MLP for vectors, an RNN for sequences, for images a CNN, or a
    U-Net where each pixel has its own answer (task ``segmentation``).
    """
    if spec is not None:
        return spec
    if task == "segmentation":
        return UnetSpec()
    return CnnSpec() if kind == "image" else RnnSpec() if kind == "sequence" else MlpSpec()


def build(spec: Spec, *, shape: Sequence[int], outputs: int, seed: int, pixels: bool = False) -> nn.Module:
    """Return the network for samples of ``shape`` and ``outputs`` numbers an answer, or with ``pixels`` an answer for
    each pixel.

    Every draw of its initialization comes from the seed (purpose ``init``): networks of one structure and seed start
    equal, whatever their arm. PyTorch's global generator is left as it was.

    Raises
    ------
    ModelError
        It cannot be built for this shape, or does not answer (B, outputs), or with ``pixels`` (B, outputs, H, W).

    """
    expected = (2, outputs, *shape[-2:]) if pixels else (2, outputs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "init"))
        _check_kind(spec, shape, pixels=pixels)
        _check_size(spec, shape, outputs)
        module = _construct(spec, shape, outputs)
        _check_answer(module, spec, shape, expected)
        if isinstance(spec, ImportSpec) and not isinstance(spec.norm, NoNormSpec):
            insert_norm(module, spec.norm, spec.norm_at, shape)
            _check_answer(module, spec, shape, expected)
    return module


def _check_size(spec: Spec, shape: Sequence[int], outputs: int) -> None:
    """Refuse a network that this machine's memory cannot hold and train, before any of it is made."""
    if isinstance(spec, ImportSpec):
        return
    there = physical_memory()
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            sizes = [p.numel() * p.element_size() for p in _construct(spec, shape, outputs).parameters()]
    except (RuntimeError, TypeError):  # a number of weights beyond 64 bit
        sizes = [sys.maxsize]
    needed = COPIES * sum(sizes)
    if there is not None and needed > there:
        what = f"{describe(spec)} needs {needed / 2**30:,.0f} GiB of memory, this machine has {there / 2**30:,.0f}"
        raise ModelError("model", what, "a smaller network")


def _check_kind(spec: Spec, shape: Sequence[int], *, pixels: bool) -> None:
    """Refuse a kind of network that does not take such samples, or does not answer so."""
    if isinstance(spec, ImportSpec):
        return
    where, name = "model.kind", f"{'an' if spec.kind in ('mlp', 'rnn') else 'a'} {spec.kind}"
    if pixels and not isinstance(spec, UnetSpec):
        what = f"{name} for segmentation, which asks for an answer at each pixel"
        raise ModelError(where, what, "'unet', or model.import")
    taken = TAKEN[spec.kind]
    if len(shape) not in taken:
        own = f"{shape[0]} features" if len(shape) == 1 else f"shape {tuple(shape)}"
        expected = f"'{SUITED.get(len(shape), 'mlp')}', or {' or '.join(FORMS[axes] for axes in taken)}"
        raise ModelError(where, f"{name} for {FORMS.get(len(shape), 'samples')} of {own}", expected)
    if isinstance(spec, UnetSpec) and not pixels:
        what = f"{name}, which answers at each pixel, where each image has one answer"
        raise ModelError(where, what, "'cnn', or masks as targets (segmentation)")


def _construct(spec: Spec, shape: Sequence[int], outputs: int) -> nn.Module:
    if isinstance(spec, MlpSpec):
        return mlp(math.prod(shape), spec.hidden, outputs, activation=spec.activation, norm=spec.norm)
    if isinstance(spec, CnnSpec):
        return cnn(shape, spec.channels, spec.hidden, outputs, activation=spec.activation, norm=spec.norm)
    if isinstance(spec, UnetSpec):
        return unet(shape, spec.channels, outputs, activation=spec.activation, norm=spec.norm)
    if isinstance(spec, RnnSpec):
        return rnn(
            shape,
            spec.hidden,
            outputs,
            cell=spec.cell,
            bidirectional=spec.bidirectional,
            read=spec.read,
            forget_bias=spec.forget_bias,
            norm=spec.norm,
        )
    if spec.norm_at and isinstance(spec.norm, NoNormSpec):
        raise ModelError("model.norm_at", "there is no normalization to place", "model.norm beside it")
    return imported(spec.import_, spec.args)


def _check_answer(module: nn.Module, spec: Spec, shape: Sequence[int], expected: tuple[int, ...]) -> None:
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
    if tuple(answer.shape) != expected:
        what = f"{describe(spec)} returns shape {tuple(answer.shape)} for a batch of 2"
        raise ModelError("model", what, f"shape {expected}")


def describe(spec: Spec) -> str:
    """Return a short name for people: ``mlp 128-128``, ``cnn 32-64-128 with batch norm``, ``lstm 64``,
    ``mypackage.nets.Net``.
    """
    norm = "" if isinstance(spec.norm, NoNormSpec) else f" with {spec.norm.kind} norm"
    if isinstance(spec, MlpSpec):
        return "mlp " + ("-".join(map(str, spec.hidden)) if spec.hidden else "without hidden layers") + norm
    if isinstance(spec, CnnSpec):
        return "cnn " + "-".join(map(str, spec.channels + spec.hidden)) + norm
    if isinstance(spec, UnetSpec):
        return "unet " + "-".join(map(str, spec.channels)) + norm
    if isinstance(spec, RnnSpec):
        return ("bidirectional " if spec.bidirectional else "") + f"{spec.cell} {'-'.join(map(str, spec.hidden))}{norm}"
    return spec.import_ + norm
