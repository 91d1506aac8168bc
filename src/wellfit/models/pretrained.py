"""Weights from a file, as far as they fit a network."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wellfit.errors import ModelError
from wellfit.models.state import state_of
from wellfit.recipe.init import PretrainedSpec

WHERE = "init.path"
EXPECTED = "weights in a .safetensors file"


def load_pretrained(module: nn.Module, spec: PretrainedSpec) -> tuple[str, ...]:
    """Copy the file's tensors into those of the network that have the same name and shape.

    Returns
    -------
    names
        The network's tensors that were left as they are.

    Raises
    ------
    ModelError
        The file is missing or damaged, nothing in it fits, or with ``strict`` not everything.

    """
    tensors = _read(Path(spec.path).expanduser())
    own = state_of(module)
    fitting = [name for name, value in own.items() if name in tensors and _fits(value, tensors[name])]
    saved = module.state_dict().keys()  # without the buffers that PyTorch does not save
    left = tuple(name for name in own if name in saved and name not in fitting)
    strange = [name for name in tensors if name not in own and name not in saved]
    if not fitting:
        what = f"nothing in {spec.path} fits the network, neither {_shown(tensors)} there nor {_shown(own)} here"
        raise ModelError(WHERE, what, "weights of a network with the same names and shapes")
    if spec.strict and (left or strange):
        raise ModelError(WHERE, _misfit([*left, *strange][0], own, tensors), "all to fit, or strict: false")
    with torch.no_grad():
        for name in fitting:
            own[name].copy_(tensors[name])
    return left


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(WHERE, f"{path} is a folder" if path.is_dir() else f"no such file: {path}", EXPECTED)
    if path.suffix != ".safetensors":
        raise ModelError(WHERE, f"received {path} (a pickled file may run code, and is not read)", EXPECTED)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(WHERE, f"{path} cannot be read ({error})", EXPECTED) from error


def _fits(own: Tensor, given: Tensor) -> bool:
    return own.shape == given.shape and own.is_floating_point() == given.is_floating_point()


def _shown(tensors: dict[str, Tensor]) -> str:
    return next((f"'{name}' {tuple(value.shape)}" for name, value in tensors.items()), "a tensor")


def _misfit(name: str, own: dict[str, Tensor], given: dict[str, Tensor]) -> str:
    here = f"{tuple(own[name].shape)} here" if name in own else "not in the network"
    there = f"{tuple(given[name].shape)} in the file" if name in given else "not in the file"
    return f"'{name}' does not fit: {here}, {there}"
