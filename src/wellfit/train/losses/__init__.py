"""Losses: pure functions that give one number a sample, and ``make_loss`` from their specs (``wellfit.recipe.loss``).

Answers z are (..., B, C) with any leading axes (members, seeds); the axes never mix. Targets y are class indices int64
(..., B), or shares of the classes (..., B, C) where labels are smoothed or mixed; one-hot shares give the very numbers,
and gradients, that indices give. In a regression y is (..., B, K), as z; in a segmentation z is (..., B, C, H, W) and y
a mask (..., B, H, W).
"""

from wellfit.train.losses.make import Loss, make_loss, probabilities
from wellfit.train.losses.spec import balanced_weights, measured, suits, with_balanced_weights

__all__ = ["Loss", "balanced_weights", "make_loss", "measured", "probabilities", "suits", "with_balanced_weights"]
