"""Whether a training may be computed in bfloat16: the processor must have it, and the losses must stay the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["fp32", "bf16"]
"""Of the factors of products in training; weights, losses and updates are fp32, and so is evaluation."""

STEPS = 16
"""Steps that the probe takes in each precision."""

SHARE = 0.25
"""Of the spread between batches that rounding may move the losses by. Variances add: a quarter of the spread makes the
scatter of the losses 3 % larger, which nobody sees beside that of the batches."""

RESOLUTION = 2.0**-8
"""Of the loss: half a last digit of bfloat16. Batches that are all alike have no spread to compare with."""

FEWEST = 4
"""Steps that can be compared, below which nothing is said."""


def has_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 matrices faster than float32 ones: where a CPU only imitates it, it
    is slower.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not promised by PyTorch: without them, no
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


@dataclass(frozen=True)
class Agreement:
    """How far the losses of two precisions are apart, for the member where it is the most of what is allowed."""

    agrees: bool
    difference: float
    """Root mean square of the differences between the paired losses; not finite if one of them is not."""
    spread: float
    """Standard deviation of a batch's loss."""
    allowed: float

    def __str__(self) -> str:
        """Return it in words."""
        word = "agree" if self.agrees else "do not agree"
        return f"losses in bf16 {word}: {self.difference:.2g} apart, {self.allowed:.2g} allowed"


def probe(losses: Callable[[Precision], Tensor]) -> Agreement:
    r"""Return whether bf16 gives the losses that fp32 gives.

    ``losses`` trains members for ``STEPS`` steps in a precision and returns their losses (T, P) before each step: both
    times from the same start, on the same batches, with the same draws. Of the paired differences :math:`d_t` and the
    losses :math:`L_t` in fp32 each member must hold

    .. math:: \sqrt{\textstyle\frac1T \sum_t d_t^2} \le \max(s / 4, \; 2^{-8} \, \overline{|L|}), \qquad
        s^2 = \frac{1}{6 (T - 2)} \sum_t (L_{t+1} - 2 L_t + L_{t-1})^2

    s is the spread between batches: second differences leave out that the loss falls.

    It says nothing of what comes after these steps: answers that must be told apart from each other by less than a
    256th, once the network is that good, are not seen at its start.

    Source: the estimate of a spread by second differences, T. Gasser, L. Sroka and C. Jennen-Steinmetz, Residual
    variance and residual pattern in nonlinear regression, Biometrika 73 (1986).
    """
    return compare(losses("fp32"), losses("bf16"))


def compare(exact: Tensor, rounded: Tensor) -> Agreement:
    """Return how losses (T, P) of the same steps agree; see ``probe``."""
    if exact.shape != rounded.shape or exact.ndim != 2:
        raise ValueError(f"losses of shapes {tuple(exact.shape)} and {tuple(rounded.shape)}, not both (T, P)")
    each = [_of_member(a, b) for a, b in zip(exact.double().T, rounded.double().T, strict=True)]
    return max(each, key=lambda one: one.difference / one.allowed if one.allowed > 0 else float("inf"))


def _of_member(exact: Tensor, rounded: Tensor) -> Agreement:
    finite = exact.isfinite()
    steps = len(exact) if bool(finite.all()) else int((~finite).long().argmax())  # it diverged: up to there
    if steps < FEWEST:
        return Agreement(agrees=False, difference=float("inf"), spread=0.0, allowed=0.0)
    exact, rounded = exact[:steps], rounded[:steps]
    spread = float((exact[2:] - 2 * exact[1:-1] + exact[:-2]).square().mean().div(6).sqrt())
    allowed = max(SHARE * spread, RESOLUTION * float(exact.abs().mean()))
    difference = float((rounded - exact).square().mean().sqrt().nan_to_num(nan=float("inf")))
    return Agreement(difference <= allowed, difference, spread, allowed)
