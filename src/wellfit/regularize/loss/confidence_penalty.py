"""Confidence penalty: reward answers that are not too sure of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from wellfit.regularize.stages import Numbers, OutputPenalty


def entropy(z: Tensor) -> Tensor:
    """Return the entropy (..., B), in nats, of the softmax of the logits ``z`` (..., B, K)."""
    logs = z.log_softmax(-1)
    return -(logs.exp() * logs).sum(-1)


class ConfidencePenalty(OutputPenalty):
    """Subtracts the entropy of the predicted distribution from the loss, so that near-certain answers cost something.

    Formula: L' = L - strength H(p), p = softmax(z), H(p) = -sum_k p_k log p_k, the mean over the batch;
    dH/dz_k = -p_k (log p_k + H).
    Range: ``strength`` (beta) >= 0, in units of the loss per nat; 0 changes nothing.
    Does nothing for: a network with one output (its softmax is always 1). It is no use for regression, where outputs
    are no logits.
    Does harm when: the network is not overconfident: probabilities become too even; or it is to be distilled, as with
    ``label_smoothing``.
    Source: Pereyra, Tucker, Chorowski, Kaiser & Hinton 2017, "Regularizing neural networks by penalizing confident
    output distributions", section 3.
    """

    off: ClassVar[Mapping[str, float]] = {"strength": 0.0}
    strength: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1

    @staticmethod
    def value(z: Tensor, numbers: Numbers) -> Tensor:
        """Return (..., B): minus the entropy, times the strength."""
        return -numbers["strength"] * entropy(z)
