"""What the hidden activations of a network look like, layer by layer: do signals vanish, die, saturate, coincide?"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wellfit.models.activation import ACTIVATION_KINDS
from wellfit.models.recurrent import Recurrent

SATURATED = 0.01
"""Within this part of its range from an end, a tanh or sigmoid counts as saturated."""
EQUAL = 1e-4
"""Up to this distance, relative to the larger of them, two units count as one: rounding alone moves equal ones apart by
some 1e-6 in a training."""
CHUNK = 2**16


@dataclass(frozen=True)
class LayerStatistics:
    """One hidden activation of a network in evaluation mode, over samples (and places, for convolutions).

    A unit is a channel of a convolution, else one number of the layer's output.
    """

    site: str
    """The activation module's name; from its second call in a forward pass on with a number: ``act#2``."""
    kind: str
    """Its class, such as ``ReLU``."""
    units: int
    mean: float
    std: float
    """Over everything, around ``mean``."""
    signal: float
    """Standard deviation over samples, as a root mean square over the units: what is left of the input there. It is
    smaller than ``std`` where units differ by their biases alone.
    """
    zeros: float
    """Fraction of the activations that are exactly 0."""
    dead: float
    """Fraction of the units that are 0 for every sample."""
    saturated: float | None
    """Fraction of the activations within 1 % of the range from an end of it; None for what is not tanh or sigmoid."""
    distinct: int
    """How many of the units differ: units of equal weights, and dead ones, count as one."""
    layer: str | None
    """The name of the linear layer or convolution that ran last before it, if any; a recurrent layer's own."""
    weight_std: float | None
    """The standard deviation of that layer's weights."""


@torch.no_grad()
def activation_statistics(
    module: nn.Module, x: Tensor, sites: Collection[str] | None = None
) -> tuple[LayerStatistics, ...]:
    """Return the statistics of the hidden activations for samples ``x`` (B, ...), in the order of the forward pass.

    A hidden activation is a call of an activation module (``wellfit.models.activation``) whose output is not the
    network's answer; ``sites`` restricts them. The module and PyTorch's global generator stay as they are.
    """
    probe = copy.deepcopy(module).eval()
    seen: list[tuple[LayerStatistics, Tensor]] = []
    calls: Counter[str] = Counter()
    last: list[tuple[str, nn.Module]] = []

    def watch(name: str) -> Any:
        def after(child: nn.Module, inputs: Any, output: Any) -> None:
            if not isinstance(child, ACTIVATION_KINDS):
                last[:] = [(name, child)]
                return
            calls[name] += 1
            site = name if calls[name] == 1 else f"{name}#{calls[name]}"
            if isinstance(output, Tensor) and output.ndim > 1 and (sites is None or site in sites):
                # at once: what follows may change it in place
                own = (name, child) if isinstance(child, Recurrent) else last[0] if last else None
                seen.append((_describe(site, child, output, own), output))

        return after

    watched: tuple[type[nn.Module], ...] = (*ACTIVATION_KINDS, nn.Linear, nn.modules.conv._ConvNd)
    for name, child in probe.named_modules():
        if isinstance(child, watched):
            child.register_forward_hook(watch(name))
    with torch.random.fork_rng(devices=[]):
        answer = probe(x)
    return tuple(statistics for statistics, output in seen if output is not answer)


def _describe(site: str, child: nn.Module, output: Tensor, layer: tuple[str, nn.Module] | None) -> LayerStatistics:
    convolution = layer is not None and isinstance(layer[1], nn.modules.conv._ConvNd)
    by_channel = convolution or isinstance(child, Recurrent) or output.ndim > 3
    units = output.movedim(1 if by_channel else -1, 0).flatten(1).float()  # (units, samples times places)
    weight = None if layer is None else _weight(layer[1])
    return LayerStatistics(
        site=site,
        kind=type(child).__name__,
        units=len(units),
        mean=float(units.mean(dtype=torch.float64)),
        std=float(units.double().std(correction=0)),
        signal=float(units.double().var(1, correction=0).mean().sqrt()),
        zeros=_part(units == 0),
        dead=_part((units == 0).all(1)),
        saturated=_saturated(child, units),
        distinct=count_distinct(units),
        layer=None if layer is None else layer[0],
        weight_std=None if weight is None else float(weight.double().std(correction=0)),
    )


def _weight(layer: nn.Module) -> Tensor | None:
    """Return the layer's weights; of a recurrent layer all its matrices as one vector."""
    if isinstance(layer, Recurrent):
        return torch.cat([p.flatten() for name, p in layer.cell.named_parameters() if name.startswith("weight")])
    return layer.weight if isinstance(layer.weight, Tensor) else None


def _part(which: Tensor) -> float:
    return float(which.double().mean())


def _saturated(child: nn.Module, values: Tensor) -> float | None:
    if isinstance(child, nn.Tanh):
        return _part(values.abs() > 1 - 2 * SATURATED)
    if isinstance(child, nn.Sigmoid):
        return _part((values - 0.5).abs() > 0.5 - SATURATED)
    return None


def count_distinct(units: Tensor) -> int:
    """Return how many rows of ``units`` (U, n) differ from all rows before them, by more than ``EQUAL`` of the larger.

    The difference of two rows and their size are L2 norms.
    """
    # |a - b|^2 = aa + bb - 2ab in float64 is exact to 1e-13 of aa + bb, far below EQUAL^2
    parts = [part.double() for part in torch.split(units, CHUNK, 1)]
    products = torch.stack([part @ part.T for part in parts]).sum(0)
    squares = products.diagonal()
    apart = squares[:, None] + squares - 2 * products
    equal = apart <= EQUAL**2 * torch.maximum(squares[:, None], squares)
    return int((~equal.tril(-1).any(1)).sum())
