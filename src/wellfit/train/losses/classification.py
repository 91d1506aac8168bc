"""Losses of logits for classes: cross-entropy, one against the rest, focal, Dice."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from wellfit.train.losses.targets import expected, shares, weighted_mean


def cross_entropy(
    z: Tensor, y: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0, judged: Tensor | None = None
) -> Tensor:
    """Return ``-sum_c w_c s_c log softmax(z)_c`` in nats, with ``s = (1 - smoothing) t + smoothing / C``: (..., B).

    With ``weights`` (C,) it is scaled to a plain mean that equals ``torch.nn.CrossEntropyLoss(weight)``: divided by the
    batch's mean of ``w_y`` (for shares: of ``sum_c w_c t_c``). ``judged`` (..., B), with weights: which samples count.
    """
    costs = -z.log_softmax(-1)
    if weights is not None:
        costs = costs * weights
    losses = expected(costs, y)
    if smoothing:
        losses = (1 - smoothing) * losses + smoothing * costs.mean(-1)
    return losses if weights is None else weighted_mean(losses, expected(weights.expand_as(costs), y), judged)


def cross_entropy_slope(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the plain ``cross_entropy`` (..., B) and its gradient (..., B, C), ``softmax(z) sum_c t_c - t``.

    What autograd finds, but for last bits, without its way back through ``log_softmax`` and ``gather``.
    """
    log_p = z.log_softmax(-1)
    losses = expected(-log_p, y)
    p, t = log_p.exp_(), shares(y, z)
    return losses, (p.mul_(t.sum(-1, keepdim=True)) if y.is_floating_point() else p).sub_(t)


def binary_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """Return the mean over classes of the binary cross-entropy of ``sigmoid(z)``, in nats: (..., B).

    Of PyTorch's own function the last bits depend on where in a tensor an element stands, and so on the neighbours.
    """
    t = shares(y, z)
    return -(t * F.logsigmoid(z) + (1 - t) * F.logsigmoid(-z)).mean(-1)


def focal(z: Tensor, y: Tensor, *, gamma: float, weights: Tensor | None = None, judged: Tensor | None = None) -> Tensor:
    """Return ``-sum_c w_c t_c (1 - p_c)^gamma log p_c`` with ``p = softmax(z)``: (..., B); ``weights`` and ``judged``
    as in ``cross_entropy``.
    """
    log_p = z.log_softmax(-1)
    # 1 - p, exact near 0; the floor keeps the derivative of a power below 1 finite at p = 1
    missing = (-torch.expm1(log_p)).clamp_min(torch.finfo(z.dtype).tiny)
    # a power by exp and log: the last bits of ``pow`` depend on where in a tensor an element stands
    costs = -(gamma * missing.log()).exp() * log_p
    if weights is None:
        return expected(costs, y)
    costs = costs * weights
    return weighted_mean(expected(costs, y), expected(weights.expand_as(costs), y), judged)


def dice(z: Tensor, y: Tensor, *, smooth: float, judged: Tensor | None = None) -> Tensor:
    """Return the soft Dice loss of the batch, the same number for each of its samples: (..., B).

    ``1 - (2 sum p t + smooth) / (sum p + sum t + smooth)``, sums over B, as a mean over the classes with a share.
    ``judged`` (..., B): which samples the sums are over; 0 where there are none.
    """
    p, t = z.softmax(-1), shares(y, z)
    if judged is not None:
        p, t = p * judged.unsqueeze(-1), t * judged.unsqueeze(-1)
    true = t.sum(-2)  # (..., C)
    losses = 1 - (2 * (p * t).sum(-2) + smooth) / (p.sum(-2) + true + smooth)
    present = (true > 0).to(z.dtype)
    classes = present.sum(-1)
    classes = classes if judged is None else classes.clamp_min(1)
    return ((losses * present).sum(-1) / classes).unsqueeze(-1).expand(z.shape[:-1])
