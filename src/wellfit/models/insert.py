"""Normalization put into a user's network without editing it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from wellfit.errors import ModelError
from wellfit.models.activation import ACTIVATION_KINDS
from wellfit.models.norm import norm as make_norm
from wellfit.recipe.norm import LayerNormSpec, NormSpec

CHILD = "inserted_norm"
"""The name of a normalization within the module that it was put before or after; existing names do not change."""
MOST_NAMES = 8


@dataclass(frozen=True)
class Place:
    """One call of a module in a forward pass."""

    name: str
    module: nn.Module
    shape: tuple[int, ...] | None
    """Of a sample before an activation or after another module; None where that is no tensor (B, ...)."""
    features_last: bool
    """Whether the values come from a linear layer along the last axis, (B, ..., F), and not from channels."""
    is_answer: bool


def insert_norm(module: nn.Module, spec: NormSpec, at: Sequence[str], shape: Sequence[int]) -> None:
    """Put normalizations into ``module``, which takes samples of ``shape``, in place.

    They become children of the modules they belong to and act by hooks on them: before an activation, after any other
    module; without ``at`` before every activation module but the one that answers. What a forward pass shows there
    decides between one, two and three dimensions.

    Raises
    ------
    ModelError
        There is no activation module (functional ones hide the place), a pattern of ``at`` matches no module, one
        module has several places, or the normalization does not suit what is there.

    """
    places = look(module, shape)
    for place in _chosen(places, at):
        own = module.get_submodule(place.name)
        made = _norm_for(spec, place)
        own.add_module(CHILD, made.train(own.training))
        if type(own).forward is nn.Sequential.forward:
            continue  # its last layer now
        if isinstance(own, ACTIVATION_KINDS):
            own.register_forward_pre_hook(_before)
        else:
            own.register_forward_hook(_after)


def _before(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return (module.get_submodule(CHILD)(inputs[0]), *inputs[1:])


def _after(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    normed: Tensor = module.get_submodule(CHILD)(output)
    return normed


def look(module: nn.Module, shape: Sequence[int]) -> list[Place]:
    """Return the calls of the network's modules in one forward pass, in order."""
    seen: list[tuple[str, nn.Module, Any, Any, bool]] = []
    along_last = False

    def record(name: str) -> Any:
        def after(called: nn.Module, inputs: Any, output: Any) -> None:
            nonlocal along_last
            if not list(called.children()) and any(p.ndim > 1 for p in called.parameters()):
                along_last = isinstance(called, nn.Linear)
            # kept, so that no other tensor gets its identity
            seen.append((name, called, inputs[0] if inputs else None, output, along_last))

        return after

    probe = copy.deepcopy(module).eval()
    for name, child in probe.named_modules():
        if name:
            child.register_forward_hook(record(name))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        answer = probe(torch.zeros(2, *shape))
    places = []
    for name, called, given, output, last in seen:
        value = given if isinstance(called, ACTIVATION_KINDS) else output
        proper = isinstance(value, Tensor) and value.ndim > 1 and len(value) == 2
        places.append(Place(name, called, tuple(value.shape[1:]) if proper else None, last, output is answer))
    return places


def _chosen(places: Sequence[Place], at: Sequence[str]) -> list[Place]:
    """Return the places that the patterns name, or those of the hidden activations; each module once."""
    if at:
        for pattern in at:
            if not any(fnmatchcase(place.name, pattern) for place in places):
                what = f"no module that the network calls is named '{pattern}'"
                raise ModelError("model.norm_at", what, f"one of {_names(places)}")
        chosen = [place for place in places if any(fnmatchcase(place.name, pattern) for pattern in at)]
    else:
        chosen = [p for p in places if isinstance(p.module, ACTIVATION_KINDS) and not p.is_answer]
        if not chosen:
            what = "the network has no hidden activation module to stand before (functional ones are not seen)"
            raise ModelError("model.norm", what, f"model.norm_at with names of modules: {_names(places)}")
    often = [name for name, count in Counter(place.name for place in chosen).items() if count > 1]
    if often:
        what = f"'{often[0]}' is called more than once in a forward pass: its places cannot share a normalization"
        others = [place for place in places if place.name not in often]
        raise ModelError("model.norm", what, f"a module for each place, or model.norm_at with others: {_names(others)}")
    return chosen


def _names(places: Sequence[Place]) -> str:
    names = list(dict.fromkeys(place.name for place in places))
    return ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")


def _norm_for(spec: NormSpec, place: Place) -> nn.Module:
    try:
        made = _for_shape(spec, place)
    except ModelError as error:
        raise ModelError(error.where, f"at '{place.name}': {error.what}", error.expected) from None
    return made


def _for_shape(spec: NormSpec, place: Place) -> nn.Module:
    where, shape = "model.norm", place.shape
    if shape is None:
        raise ModelError(where, "there is no tensor (B, ...) to normalize", "a module that answers a tensor")
    if len(shape) > 1 and place.features_last:
        if not isinstance(spec, LayerNormSpec):
            what = f"'{spec.kind}' for features along the last axis, of shape (B, {', '.join(map(str, shape))})"
            raise ModelError(where, what, "'layer'")
        return nn.LayerNorm(shape[-1])
    if len(shape) > 4:
        raise ModelError(where, f"activations with {len(shape) + 1} axes", "at most (B, C, D, H, W)")
    made = make_norm(spec, shape)
    if made is None:
        raise ModelError(where, "received 'none'", "'batch', 'layer', 'instance' or 'group'")
    return made
