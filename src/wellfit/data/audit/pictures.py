"""Pictures that are odd as pictures: other sizes than the rest, dark, bright, blank or blurred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from wellfit.data.audit.finding import Finding
from wellfit.data.audit.subject import Subject

DARK, BRIGHT = 0.2, 0.8
"""A picture is dark whose 99th percentile of luminance (0 to 1) is below, bright whose 1st is above."""
BLANK = 1e-6
"""Variance of luminance up to which a picture is blank."""
BLURRED = 4.0
"""Robust standard deviations, of the logarithm of its sharpness, below the median from which a picture is blurred."""
FEW = 0.05
"""Part of the pictures up to which another size than the commonest is odd by itself."""
ODD = 5.0
"""Robust standard deviations of log area and log aspect, where sizes vary."""
CHUNK = 2048

ADVICE = {
    "blank_pictures": "drop them: there is nothing to see",
    "dark_pictures": "look at them: underexposed, or a wrong file; drop what cannot be recognized",
    "bright_pictures": "look at them: overexposed, or a wrong file; drop what cannot be recognized",
    "blurred_pictures": "look at them: drop what cannot be recognized, keep what the network will meet in use",
}


@dataclass(frozen=True, eq=False)
class Light:
    """Per picture ``(N,)``, of luminance 0 to 1: its 1st and 99th percentile, its variance, and the variance of its
    Laplacian over that (sharpness: free of contrast).
    """

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    sharpness: npt.NDArray[np.float64]


def measure_light(x: npt.NDArray[np.uint8]) -> Light:
    """Measure pictures uint8 ``(N, C, H, W)``; luminance is that of ITU-R 601."""
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    parts: list[Sequence[npt.NDArray[np.float64]]] = []
    for start in range(0, len(x), CHUNK):
        values = torch.from_numpy(np.ascontiguousarray(x[start : start + CHUNK])).float() / 255
        grey = (values * weights).sum(1, keepdim=True) if values.shape[1] == 3 else values[:, :1]
        flat = grey.flatten(1)
        ordered = flat.sort(dim=1).values
        last = flat.shape[1] - 1
        edges = F.conv2d(grey, kernel).flatten(1) if min(grey.shape[2:]) >= 3 else torch.zeros(len(flat), 1)
        variance = flat.var(1, correction=0)
        sharp = edges.square().mean(1) / variance.clamp(min=1e-9)
        columns = (ordered[:, round(0.01 * last)], ordered[:, round(0.99 * last)], variance, sharp)
        parts.append([column.double().numpy() for column in columns])
    return Light(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def blurred(sharpness: npt.NDArray[np.float64], *, least: float = BLURRED) -> npt.NDArray[np.bool_]:
    """Return which pictures are much less sharp than the rest."""
    logs = np.log(np.maximum(sharpness, 1e-9))
    low, middle, high = np.percentile(logs, (25, 50, 75))
    found: npt.NDArray[np.bool_] = logs < middle - least * max((high - low) / 1.349, 0.1)
    return found


def odd_sizes(sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return the names whose size is odd: not the commonest, where nearly all have that; else far off in area or aspect
    ratio.
    """
    if not sizes:
        return []
    common, count = Counter(sizes.values()).most_common(1)[0]
    if count >= (1 - FEW) * len(sizes):
        return [name for name, size in sizes.items() if size != common]
    shapes = np.array(list(sizes.values()), dtype=np.float64)
    odd = np.zeros(len(shapes), dtype=np.bool_)
    for logs in (np.log(shapes.prod(axis=1)), np.log(shapes[:, 0] / shapes[:, 1])):
        low, middle, high = np.percentile(logs, (25, 50, 75))
        odd |= np.abs(logs - middle) > ODD * max((high - low) / 1.349, 0.05)
    return [name for name, one in zip(sizes, odd, strict=True) if one]


def find_pictures(subject: Subject) -> list[Finding]:
    """Return the pictures of odd sizes, the blank, dark, bright and blurred ones."""
    if subject.kind != "image" or not len(subject.train):
        return []
    found = _sizes(subject)
    light = measure_light(subject.x[subject.train])
    blank = light.variance <= BLANK
    dark, bright = (light.high < DARK) & ~blank, (light.low > BRIGHT) & ~blank
    dim = light.variance < 1e-4  # noise of the last bits is no sharpness
    for kind, chosen, numbers in (
        ("blank_pictures", blank, light.high),
        ("dark_pictures", dark, light.high),
        ("bright_pictures", bright, light.low),
        ("blurred_pictures", blurred(light.sharpness) & ~(blank | dark | bright | dim), light.sharpness),
    ):
        at = np.flatnonzero(chosen)
        if len(at):
            found.append(
                Finding(
                    kind=kind,
                    severity="warning" if kind == "blank_pictures" else "note",
                    words=f"{len(at):,} of {len(chosen):,} pictures are {kind.partition('_')[0]}",
                    advice=ADVICE[kind],
                    where=subject.named(subject.train[at]),
                    count=len(at),
                    evidence=_numbers(kind, numbers[at]),
                )
            )
    return found


def _numbers(kind: str, values: npt.NDArray[np.float64]) -> dict[str, Any]:
    what = {"bright_pictures": "percentile_1", "blurred_pictures": "sharpness"}.get(kind, "percentile_99")
    return {what: np.round(values, 4).tolist()}


def _sizes(subject: Subject) -> list[Finding]:
    sealed = set(subject.named(subject.test)) if subject.test_is_given else set()
    sizes = {name: size for name, size in subject.sizes.items() if name not in sealed}
    odd = odd_sizes(sizes)
    if not odd:
        return []
    common, count = Counter(sizes.values()).most_common(1)[0]
    return [
        Finding(
            kind="odd_sizes",
            severity="note",
            words=f"{len(odd):,} pictures have an odd size; {count:,} of {len(sizes):,} have {common[0]} x {common[1]}",
            advice="check that they are what they should be; resizing (data.size) distorts or blurs them",
            where=tuple(odd),
            count=len(odd),
            evidence={"sizes": [list(sizes[name]) for name in odd]},
        )
    ]
