"""Early stopping: end a training that no longer gets better on validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from wellfit.regularize.stages import Stopping


def evaluations_without_gain(scores: Sequence[float], min_delta: float = 0.0) -> int:
    """Return how many evaluations at the end did not exceed the best before them by more than ``min_delta``."""
    best, since = -math.inf, 0
    for score in scores:
        if score > best + min_delta:
            best, since = score, 0
        else:
            since += 1
    return since


class EarlyStopping(Stopping):
    """Stops a member when its monitored validation value has not improved for ``patience`` evaluations.

    Formula: stop when the last ``patience`` scores are all <= best + ``min_delta``; score = -val_loss or val_accuracy.
    Range: ``patience`` >= 1, in evaluations (one an epoch), infinity never stops; ``min_delta`` >= 0, in units of the
    monitored value. The weights handed over are those of the best epoch, on every way out (recipe key ``restore``).
    Does nothing for: a training that still improves at its last epoch.
    Does harm when: validation is noisy or small, so that the patience ends by chance; or the loss falls again after a
    plateau or a second descent (Nakkiran et al. 2020).
    Source: Goodfellow, Bengio & Courville 2016, "Deep learning", algorithm 7.1; Prechelt 1998, "Early stopping - but
    when?" (its criterion UP counts rises in a row, this one evaluations since the best).
    """

    off: ClassVar[Mapping[str, float]] = {"patience": math.inf}
    patience: Annotated[float, Field(ge=1)] = 5
    min_delta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    def should_stop(self, scores: Sequence[float]) -> bool:
        """Return whether patience has run out."""
        return evaluations_without_gain(scores, self.min_delta) >= self.patience
