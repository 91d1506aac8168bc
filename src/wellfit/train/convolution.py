"""Convolutions on a CPU in the form in which they are fastest.

With its channels last, oneDNN's convolution runs at the rate of matrix products, and no form of ours was faster
(docs/benchmarks.md): what there is to gain lies around it.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def with_channels_last(x: Tensor) -> Tensor:
    """Return a copy of images (B, C, H, W) with their channels last in memory; other tensors as they are.

    Images of one channel too: both layouts are then the same bytes, ``contiguous`` leaves them alone, and only the
    strides tell oneDNN in which it shall answer.
    """
    return torch.empty_like(x, memory_format=torch.channels_last).copy_(x) if x.ndim == 4 else x


def pool_first(module: nn.Module, sites: Collection[str]) -> None:
    """Let each max-pool that stands directly behind a ReLU go before it, where there is less for the ReLU to do.

    Both orders answer the same, and so do their gradients, bit for bit: ``max(relu(x)) = relu(max(x))``, and where a
    window has no positive number no gradient passes. Only within plain ``nn.Sequential`` modules whose layers are each
    called once and have no hooks. Modules whose names are in ``sites`` keep their places, as somebody looks at them.
    """
    calls = [id(layer) for _, layer in module.named_modules(remove_duplicate=False)]
    if len(set(calls)) == len(calls) and not any(_is_hooked(layer) for layer in module.modules()):
        _pool_first(module, "", sites)


def layouts(module: nn.Module, shape: Sequence[int]) -> tuple[bool, ...]:
    """Return the layouts worth measuring for samples of ``shape``, the likely best first: whether channels are last.

    Channels last was faster for both networks that were tried on a CPU: a step of the small CNN took 0.66 of the time,
    0.56 in bf16; one of a ResNet-18 0.94, in bf16 0.96 (docs/benchmarks.md). PyTorch's max-pool alone takes 10 to 20
    times as long with the channels first. A module whose forward refuses it, such as by a ``view`` of what a
    convolution answers, is left with the other.
    """
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    if len(shape) != 3 or not any(isinstance(layer, kinds) for layer in module.modules()):
        return (False,)
    probe = copy.deepcopy(module).eval()
    p = next(probe.parameters(), torch.empty(0))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            probe(with_channels_last(torch.zeros(2, *shape, device=p.device, dtype=p.dtype)))
    except Exception:  # whatever it is
        return (False,)
    return (True, False)


def _pool_first(sequence: nn.Module, prefix: str, sites: Collection[str]) -> None:
    if type(sequence) is not nn.Sequential:  # who calls the layers of others, and in which order, is not known
        return
    layers = list(sequence.named_children())
    for (name, layer), (after, pool) in pairwise(layers):
        pools = type(pool) is nn.MaxPool2d and not pool.return_indices
        if type(layer) is nn.ReLU and pools and prefix + name not in sites:
            sequence._modules[name], sequence._modules[after] = pool, layer
    for name, layer in layers:
        _pool_first(layer, f"{prefix}{name}.", sites)


def _is_hooked(layer: nn.Module) -> bool:
    return any((layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks))
