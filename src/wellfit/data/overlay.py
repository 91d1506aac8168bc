"""Masks drawn over their images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wellfit.data.dataset import VOID

COLORS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
"""Of classes 1, 2, ..., again from the first after the last: Okabe and Ito's, which the color-blind tell apart."""

OF_VOID = (128, 128, 128)


def overlay(images: npt.NDArray[np.uint8], masks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the images tinted by their masks: uint8 (n, H, W, C) and (n, H, W) give (n, H, W, 3).

    Half of a pixel is its class's color; class 0, mostly the ground, is left as it is, what nobody has judged (VOID)
    is grey.
    """
    rgb = np.broadcast_to(images, (*images.shape[:3], 3)) if images.shape[3] == 1 else images[..., :3]
    palette = np.array([COLORS[(index - 1) % len(COLORS)] for index in range(256)], dtype=np.uint16)
    palette[VOID] = OF_VOID
    tinted = ((rgb.astype(np.uint16) + palette[masks]) // 2).astype(np.uint8)
    return np.where((masks == 0)[..., None], rgb, tinted)
