"""Patch features: how strongly small random patches of the pictures themselves answer in each quarter of a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

FILTERS = 128
"""Patches that serve as filters."""
SIDE, STRIDE = 6, 2
TINY = 16
"""Pictures of a smaller side have patches of 3 x 3 at every place."""
LARGEST = 32
"""Larger pictures are reduced to this side first."""
SAMPLED = 20_000
"""Patches from which the whitening is measured."""
QUIET = 0.025
"""Standard deviation (of luminance 0 to 1) that counts as half of the contrast of a patch: noise stays small."""
BIAS = 0.25
"""Answer below which a filter is silent."""
CHUNK = 512

Floats = npt.NDArray[np.float32]


def patch_features(x: npt.NDArray[np.uint8], *, filters: int = FILTERS) -> Floats:
    """Return float32 ``(N, 8 filters)`` of pictures uint8 ``(N, C, H, W)``.

    f = mean over a quarter of max(0, s w(p) . w(q) - bias), s = +1 and -1, for patches p at each place and random ones
    q of the pictures; w normalizes the contrast and whitens (ZCA). No labels are read; the draw is fixed.

    Source: Coates and Ng (2011), The Importance of Encoding Versus Training with Sparse Coding and Vector Quantization
    (random patches, soft threshold); Coates, Ng and Lee (2011).
    """
    if not len(x) or min(x.shape[2:]) < 3:
        return np.zeros((len(x), 0), np.float32)
    side, stride = (3, 1) if min(x.shape[2:]) < TINY else (SIDE, STRIDE)
    weight, bias = _filters(x, side, filters)
    made = [_answers(_reduced(x[i : i + CHUNK]), weight, bias, stride) for i in range(0, len(x), CHUNK)]
    return torch.cat(made).numpy()


def _reduced(x: npt.NDArray[Any]) -> torch.Tensor:
    values = torch.from_numpy(np.ascontiguousarray(x)).float() / 255
    side = (min(LARGEST, values.shape[2]), min(LARGEST, values.shape[3]))
    return values if side == tuple(values.shape[2:]) else F.adaptive_avg_pool2d(values, side)


def _filters(x: npt.NDArray[np.uint8], side: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return kernels (F, C, side, side) and biases (F,): whitening is linear, so it is folded into both."""
    draw = torch.Generator().manual_seed(0)
    rows = torch.randint(len(x), (min(len(x), 4000),), generator=draw)
    pictures = _reduced(x[rows.numpy()])
    height, width = pictures.shape[2:]
    which = torch.randint(len(pictures), (SAMPLED,), generator=draw)[:, None, None]
    down = torch.randint(height - side + 1, (SAMPLED,), generator=draw)[:, None, None] + torch.arange(side)[:, None]
    across = torch.randint(width - side + 1, (SAMPLED,), generator=draw)[:, None, None] + torch.arange(side)
    patches = pictures[which, :, down, across].permute(0, 3, 1, 2).flatten(1)
    varied = patches[patches.var(1) > 1e-3]
    patches = varied if len(varied) >= 2 * count else patches
    patches = patches - patches.mean(1, keepdim=True)
    patches = patches / torch.sqrt(patches.square().mean(1, keepdim=True) + QUIET**2)
    middle = patches.mean(0)
    spread, axes = torch.linalg.eigh((patches - middle).T @ (patches - middle) / len(patches))
    whiten = axes @ torch.diag((spread.clamp(min=0) + 0.1 * spread.mean() + 1e-6).rsqrt()) @ axes.T
    chosen = (patches[:count] - middle) @ whiten
    chosen = chosen / chosen.norm(dim=1, keepdim=True).clamp(min=1e-6)
    weight = chosen @ whiten
    bias = -(weight @ middle)
    weight = weight - weight.mean(1, keepdim=True)  # takes the mean of a patch away
    return weight.view(-1, x.shape[1], side, side).contiguous(memory_format=torch.channels_last), bias


def _answers(values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: int) -> torch.Tensor:
    side = weight.shape[2]
    values = values.contiguous(memory_format=torch.channels_last)
    mean = F.avg_pool2d(values.mean(1, keepdim=True), side, stride)
    square = F.avg_pool2d(values.square().mean(1, keepdim=True), side, stride)
    contrast = torch.sqrt((square - mean.square()).clamp(min=0) + QUIET**2)
    answers = F.conv2d(values, weight, stride=stride) / contrast + bias.view(1, -1, 1, 1)
    height, width = answers.shape[2:]
    flat = answers.permute(0, 2, 3, 1).reshape(len(values), height * width, -1)  # (N, places, F)
    quarters = torch.einsum("ih,jw->ijhw", _halves(height), _halves(width)).reshape(4, -1)
    both = [torch.matmul(quarters, F.relu(sign * flat - BIAS)).flatten(1) for sign in (1, -1)]
    return torch.cat(both, dim=1)


def _halves(count: int) -> torch.Tensor:
    """Return weights (2, count) that average the first and the last half."""
    found = torch.zeros(2, count)
    found[0, : (count + 1) // 2] = 1
    found[1, count // 2 :] = 1
    return found / found.sum(1, keepdim=True)
