"""Tiles of a contact sheet: one sample as a small picture that a person can read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SIDE = 112
"""Pixels that the longer side of a small image is brought to, by whole factors: every pixel stays a square."""
LARGEST = 224
"""Pixels to which the longer side of a large image is reduced."""
CURVE = (176, 112)
"""Width and height of a sequence's tile."""
MOST_CURVES = 6
"""Channels that are drawn as curves; more are a heat map."""
SHARP = 3
"""Lines are drawn that much larger, then reduced: Pillow's own have steps."""

GROUND, LINE = "#f6f7f7", "#d3d8dc"
COLORS = ("#0072b2", "#d98a00", "#009e73", "#c2578f", "#3fa2dc", "#d55e00")
BELOW, ABOVE = (0, 114, 178), (213, 94, 0)
"""Colors of a heat map's ends; 0 is white."""

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]


def picture(pixels: Pixels) -> Image.Image:
    """Return an image ``(H, W, C)``, C of 1 or 3, as a tile: small ones enlarged pixel by pixel, large ones reduced."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    longest = max(image.size)
    if longest > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        return image
    factor = max(1, round(SIDE / longest))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def sequence(values: Values, *, low: float, high: float) -> Image.Image:
    """Return a sequence ``(T, C)`` as a tile: curves, or a heat map of many channels; ``low`` and ``high`` are the ends
    of its scale.
    """
    return _curves(values, low, high) if values.shape[1] <= MOST_CURVES else _heat_map(values, low, high)


def _curves(values: Values, low: float, high: float) -> Image.Image:
    """Return a tile with a line per channel over time, and one at 0."""
    width, height = CURVE[0] * SHARP, CURVE[1] * SHARP
    tile = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(tile)
    margin = 5 * SHARP
    x = np.linspace(margin, width - margin, max(len(values), 2))
    scale = (height - 2 * margin) / ((high - low) or 1.0)

    def level(value: npt.NDArray[np.float32] | float) -> npt.NDArray[np.float64]:
        return height - margin - (np.asarray(value, dtype=np.float64) - low) * scale

    if low <= 0 <= high:
        zero = float(level(0.0))
        draw.line([(margin, zero), (width - margin, zero)], fill=LINE, width=SHARP)
    for channel in range(values.shape[1]):
        y = np.broadcast_to(level(values[:, channel]), x.shape) if len(values) == 1 else level(values[:, channel])
        points = list(zip(x.tolist(), y.tolist(), strict=True))
        draw.line(points, fill=COLORS[channel], width=round(1.5 * SHARP), joint="curve")
    return tile.resize(CURVE, Image.Resampling.LANCZOS)


def _heat_map(values: Values, low: float, high: float) -> Image.Image:
    """Return a tile with time to the right and a row per channel, the first at the bottom; white is 0."""
    end = max(abs(low), abs(high)) or 1.0
    share = np.clip(values.T[::-1, :, None] / end, -1, 1)
    ends = np.where(share < 0, np.array(BELOW), np.array(ABOVE))
    pixels = np.round(255 + np.abs(share) * (ends - 255)).astype(np.uint8)
    tile = Image.fromarray(pixels).resize(CURVE, Image.Resampling.BOX)
    ImageDraw.Draw(tile).rectangle((0, 0, CURVE[0] - 1, CURVE[1] - 1), outline=LINE)
    return tile
