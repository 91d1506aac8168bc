"""The weights in a file, as one matrix a layer: safetensors, NumPy archives, Keras' HDF5. No pickle is ever loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wellfit.callbacks.library import library
from wellfit.data.npz import keys_of, read_array
from wellfit.errors import InputError
from wellfit.study.trained import find_card

Array = npt.NDArray[np.float64]

FEWEST_WEIGHTS = 64
"""Of a network; fewer have no shape that could be told from chance."""
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")
KINDS = "a study's folder, .safetensors, .npz or .weights.h5"
BY_PYTHON = "safetensors.torch.save_file(model.state_dict(), 'model.safetensors') in Python makes one"


@dataclass(frozen=True, eq=False)
class Layer:
    """The weights of a layer: (units, inputs), the kernel's places beside each other."""

    name: str
    matrix: Array
    channels_last: bool = False
    """Whether the inputs that one unit of the layer before feeds stand apart (Keras), instead of together."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What a file holds."""

    path: Path
    layers: tuple[Layer, ...]
    card: Mapping[str, Any] | None
    """What wellfit wrote beside its own models; ``None``: there is nothing but weights."""


def read_weights(path: Path) -> Weights:
    """Return the weights with two or more axes, in the natural order of their names, and the card if there is one.

    Biases and the numbers of normalization have one axis and are left out.

    Raises
    ------
    InputError
        Nothing there, a form that is not read (pickles never are), damage, or too few weights.

    """
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise InputError(str(path), "is a pickle, which could run anything", f"{KINDS}; {BY_PYTHON}")
    card = None
    if suffix == ".npz":
        layers = layers_of({name: read_array(path, name) for name in keys_of(path)})
    elif suffix in (".h5", ".hdf5"):
        layers = _in_order(_keras(path))
    elif suffix == ".safetensors" or suffix == ".json" or path.is_dir() or not path.exists():
        about = find_card(path)
        card = _card(about)
        layers = layers_of(_tensors(about.with_suffix(".safetensors")))
    else:
        raise InputError(str(path), f"a file of the kind '{suffix or path.name}'", KINDS)
    count = sum(layer.matrix.size for layer in layers)
    if count < FEWEST_WEIGHTS:
        raise InputError(str(path), f"{count} weights in layers", f"a network of at least {FEWEST_WEIGHTS}")
    broken = next((layer.name for layer in layers if not np.isfinite(layer.matrix).all()), None)
    if broken is not None:
        raise InputError(str(path), f"'{broken}' has weights that are not finite", "a network that did not diverge")
    return Weights(path, layers, card)


def layers_of(tensors: Mapping[str, npt.NDArray[Any]]) -> tuple[Layer, ...]:
    """Return PyTorch's weights, units on the first axis, in the natural order of their names."""
    return _in_order(
        Layer(name, np.asarray(w, dtype=np.float64).reshape(len(w), -1))
        for name, w in tensors.items()
        if w.ndim >= 2 and w.size and np.issubdtype(w.dtype, np.floating)
    )


def _in_order(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    return tuple(sorted(layers, key=lambda layer: _natural(layer.name)))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that puts ``fc10`` behind ``fc2``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: w.double().numpy() for name, w in load_file(path).items() if w.is_floating_point()}
    except FileNotFoundError:
        raise InputError(str(path), "no such file", KINDS) from None
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(str(path), f"cannot be used: {reason}", "undamaged weights (safetensors)") from None


def _card(path: Path) -> Mapping[str, Any] | None:
    """Return the card, or None where there is none that says how the network was trained."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and isinstance(about.get("recipe"), dict) else None


def _keras(path: Path) -> Iterator[Layer]:
    """Yield Keras' kernels: units on the last axis."""
    h5py = library("h5py", where=str(path), package="h5py")
    if not path.exists():
        raise InputError(str(path), "no such file", KINDS)
    found: list[Layer] = []

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim >= 2 and item.size and item.dtype.kind == "f":
            if name.startswith(("optimizer", "_optimizer")):  # its moments have the weights' shapes
                return
            w = np.asarray(item, dtype=np.float64)
            found.append(Layer(name, np.moveaxis(w, (-1, -2), (0, 1)).reshape(w.shape[-1], -1), channels_last=True))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(take)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(str(path), f"cannot be read ({str(error).splitlines()[0]})", "Keras' weights (HDF5)") from None
    yield from found
