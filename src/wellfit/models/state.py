"""A network's whole state by name: parameters once each (tied ones too), and all buffers, also those not persistent."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from wellfit.errors import ModelError


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the module's own tensors, not copies."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


@torch.no_grad()
def load_state(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy ``tensors`` into the module's state.

    Raises
    ------
    ModelError
        A tensor is missing, left over or of another shape.

    """
    own = state_of(module)
    different = sorted(own.keys() ^ tensors.keys())
    different += [name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape]
    if different:
        raise ModelError("weights", f"'{different[0]}' does not fit the network", "the weights of this network")
    for name, value in own.items():
        value.copy_(tensors[name])
