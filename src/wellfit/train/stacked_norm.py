"""Normalization of stacked members: what the modules do to (B, F) done to (P, B, F), each member by itself.

Sums run over one axis at a time and products are never fused with sums, so that a member's numbers do not depend on how
many others there are: PyTorch's own batch norm of all members as one wide layer fuses them, and the last bits of a
column would depend on where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NORMS = (nn.BatchNorm1d, nn.LayerNorm, nn.GroupNorm)


def can_stack_norm(layer: nn.Module) -> bool:
    """Return whether the layer is a normalization of vectors (B, F) that ``apply_norm`` knows."""
    if type(layer) is nn.LayerNorm:
        return len(layer.normalized_shape) == 1
    return type(layer) in (nn.BatchNorm1d, nn.GroupNorm)


class _BatchNorm(torch.autograd.Function):
    """``z = (h - mean) / sqrt(var + eps) w + b`` with mean and biased variance over axis 1, which are returned too."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, w: Tensor | None, b: Tensor | None, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        mean = h.sum(1, keepdim=True).div_(h.shape[1])  # (P, 1, F)
        normed = h - mean
        var = normed.square().sum(1, keepdim=True).div_(h.shape[1])
        inverse = (var + eps).rsqrt_()
        normed.mul_(inverse)
        ctx.save_for_backward(normed, inverse, w)
        ctx.with_bias = b is not None
        z = normed.clone() if w is None else normed * w
        z = z if b is None else z.add_(b)
        ctx.mark_non_differentiable(mean, var)
        return z, mean, var

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        g = gradients[0].contiguous()
        normed, inverse, w = ctx.saved_tensors
        samples = g.shape[1]
        gb = g.sum(1, keepdim=True)  # (P, 1, F)
        gw = (g * normed).sum(1, keepdim=True)
        gh = (g - gb / samples).sub_(normed * (gw / samples)).mul_(inverse if w is None else inverse * w)
        return gh, None if w is None else gw, gb if ctx.with_bias else None, None


def batch_norm(
    h: Tensor, w: Tensor | None, b: Tensor | None, running: Mapping[str, Tensor], layer: nn.BatchNorm1d, *, train: bool
) -> Tensor:
    """Return ``h`` (P, B, F) normalized as ``layer`` does it for one member.

    Parameters
    ----------
    h, w, b
        Activations (P, B, F); weights and biases (P, 1, F) or None.
    running
        ``running_mean``, ``running_var`` (P, F) and ``num_batches_tracked`` (P,), changed in place in training; empty
        for a layer that keeps none, which uses the batch's statistics in evaluation too.
    layer
        For its ``eps`` and ``momentum`` (None: the mean over all batches so far).
    train
        Normalize by the batch's mean and variance; else by the running ones.

    Raises
    ------
    ValueError
        A batch of one in training: its variance is nothing.

    """
    if running and not train:
        inverse = (running["running_var"].unsqueeze(1) + layer.eps).rsqrt_()
        z = (h - running["running_mean"].unsqueeze(1)).mul_(inverse if w is None else inverse * w)
        return z if b is None else z.add_(b)
    samples = h.shape[1]
    if samples == 1 and train:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {tuple(h.shape[1:])}")
    z, mean, var = _BatchNorm.apply(h, w, b, layer.eps)
    if running and train:
        with torch.no_grad():
            running["num_batches_tracked"].add_(1)
            count = running["num_batches_tracked"].to(mean.dtype).unsqueeze(1)
            momentum = 1 / count if layer.momentum is None else layer.momentum
            unbiased = var.squeeze(1) * (samples / (samples - 1))
            running["running_mean"].mul_(1 - momentum).add_(mean.squeeze(1) * momentum)
            running["running_var"].mul_(1 - momentum).add_(unbiased * momentum)
    normalized: Tensor = z
    return normalized


def apply_norm(
    name: str, layer: nn.Module, h: Tensor, leaves: Mapping[str, Tensor], buffers: Mapping[str, Tensor], *, train: bool
) -> Tensor:
    """Return the activations (P, B, F) of all members after the layer ``name``, by their own leaves and buffers."""
    w, b = (
        None if (leaf := leaves.get(f"{name}.{which}")) is None else leaf.unsqueeze(1) for which in ("weight", "bias")
    )
    if isinstance(layer, nn.BatchNorm1d):
        running = {key: buffers[f"{name}.{key}"] for key, _ in layer.named_buffers()}
        return batch_norm(h, w, b, running, layer, train=train)
    if isinstance(layer, nn.GroupNorm):
        h = F.group_norm(h.flatten(0, 1), layer.num_groups, eps=layer.eps).view_as(h)
    elif isinstance(layer, nn.LayerNorm):
        h = F.layer_norm(h, layer.normalized_shape, eps=layer.eps)
    else:
        raise TypeError(f"{type(layer).__name__} cannot be stacked")
    h = h if w is None else h * w
    return h if b is None else h + b
