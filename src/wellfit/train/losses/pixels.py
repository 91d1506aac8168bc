"""Losses of a segmentation: each image is a batch of pixels."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from wellfit.data.dataset import VOID
from wellfit.train.losses.targets import weighted_mean


def of_pixels(function: Callable[..., Tensor], *, of_batch: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a loss of classes (..., B, C) as one of images: answers (..., B, C, H, W) and masks uint8 (..., B, H, W)
    give (..., B).

    The loss of an image is the mean over its pixels, of those that are not VOID; class weights and Dice sums are those
    of the image. So it does not depend on the other images of a batch, and a mean over images means the same for every
    batch size. An image without a judged pixel costs 0.

    Parameters
    ----------
    function
        Of answers (..., B, C) and class indices (..., B).
    of_batch
        Whether it takes ``judged`` (..., B) and answers with numbers of which only the plain mean means something.

    """

    def of_images(z: Tensor, y: Tensor) -> Tensor:
        by_pixel, masks = z.flatten(-2).transpose(-2, -1), y.flatten(-2)  # (..., B, HW, C), (..., B, HW)
        judged = masks != VOID
        classes = masks.long() * judged
        if of_batch:
            losses = function(by_pixel, classes, judged=judged)
        else:
            losses = weighted_mean(function(by_pixel, classes), judged.to(z.dtype), judged)
        return losses.mean(-1)

    return of_images
