"""What is known of the masks of a segmentation beside their pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class MaskFacts:
    """Per mask, and the masks that could not be used."""

    pixels: npt.NDArray[np.int64]
    """``(N, K)``: pixels of each class in the masks as they are on the disk, before any resizing."""
    void: npt.NDArray[np.int64]
    """``(N,)``: pixels that nobody has judged."""
    files: int
    """Images and masks on the disk."""
    partners: Mapping[str, str]
    """Name of each image that could be used -> that of its mask."""
    unpaired: Mapping[str, str]
    """Name of an image or mask without partner, or with two -> why."""
    other_sizes: Mapping[str, str]
    """Name of a mask -> its size and that of its image."""
    other_palettes: Mapping[str, str]
    """Name of a mask -> how its palette differs from that of those before it."""
    strange: Mapping[str, str]
    """Name of a mask -> a value in it that is no class."""
