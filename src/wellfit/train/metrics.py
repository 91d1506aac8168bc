"""What is counted of a segmentation beside the loss: pixel accuracy, and intersection over union."""

from __future__ import annotations

import torch
from torch import Tensor

from wellfit.data.dataset import VOID


class Counts:
    """How often each class was given where each class is true: for P members, over all pixels that are added.

    ``table`` is int64 (P, C, C): member, true class, class given.
    """

    def __init__(self, members: int, classes: int, device: torch.device) -> None:
        self.table = torch.zeros(members, classes, classes, dtype=torch.int64, device=device)

    def add(self, z: Tensor, y: Tensor) -> None:
        """Count answers (P, B, C, H, W) against masks uint8 (P, B, H, W), but for pixels that are VOID."""
        members, classes, _ = self.table.shape
        given, true = z.argmax(2).flatten(1), y.flatten(1).long()  # (P, n)
        first = torch.arange(members, device=z.device).unsqueeze(1) * classes
        cells = (first + true) * classes + given
        found = torch.bincount(cells[true != VOID], minlength=self.table.numel())
        self.table += found.view_as(self.table)

    @property
    def accuracy(self) -> Tensor:
        """Return the share of judged pixels that are right (P,), float64; 0 where none is judged."""
        right = self.table.diagonal(dim1=1, dim2=2).sum(1)
        return right / self.table.sum((1, 2)).clamp(min=1).double()

    @property
    def iou(self) -> Tensor:
        """Return the mean intersection over union (P,), float64.

        Formula: mean over classes of TP / (TP + FP + FN), counted over all pixels together; a class that is neither
        true nor given anywhere is left out of the mean.
        Source: Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) challenge", section 4.3.
        """
        both = self.table.diagonal(dim1=1, dim2=2)
        either = self.table.sum(1) + self.table.sum(2) - both
        share = both / either.clamp(min=1).double()
        return share.sum(1) / (either > 0).sum(1).clamp(min=1)
