"""Texture: what a picture is like as a picture, whatever it shows, and how unlike the rest that is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

CHUNK = 2048
KEPT = 0.9
"""Part of the samples, the nearest ones, that the covariance is measured on."""
ROUNDS = 5
SOFT = 0.1
"""Share of the mean variance that is added to each, so that a direction without any is no reason for alarm."""

Floats = npt.NDArray[np.float64]


def textures(x: npt.NDArray[np.uint8]) -> Floats:
    """Return float64 ``(N, D)`` of pictures uint8 ``(N, C, H, W)``, luminance and colors 0 to 1.

    Mean, log variance and three percentiles of the luminance; its correlations (Fisher's z) with itself one and two
    pixels away, across and down (0 for noise, near 1 for photographs); with colors also the mean and log variance of
    red and blue over the luminance, and the correlations of the colors.
    """
    made = [_measured(torch.from_numpy(np.ascontiguousarray(x[i : i + CHUNK])).float() / 255)
            for i in range(0, len(x), CHUNK)]  # fmt: skip
    return torch.cat(made).double().numpy()


def _measured(values: torch.Tensor) -> torch.Tensor:
    grey = values.mean(1)
    columns = [grey.flatten(1).mean(1), _log_variance(grey)]
    ordered = grey.flatten(1).sort(1).values
    columns += [ordered[:, round(part * (ordered.shape[1] - 1))] for part in (0.05, 0.5, 0.95)]
    for step in (1, 2):
        if grey.shape[2] > 2 * step:
            columns.append(_alike(grey[:, :, step:], grey[:, :, :-step]))
        if grey.shape[1] > 2 * step:
            columns.append(_alike(grey[:, step:], grey[:, :-step]))
    if values.shape[1] == 3:
        for color in (0, 2):
            over = values[:, color] - grey
            columns += [over.flatten(1).mean(1), _log_variance(over), _alike(values[:, color], values[:, 1])]
    return torch.stack(columns, dim=1)


def _log_variance(values: torch.Tensor) -> torch.Tensor:
    return torch.log(values.flatten(1).var(1, correction=0) + 1e-4)


def _alike(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return Fisher's z of the correlation of each pair."""
    one, other = (side.flatten(1) - side.flatten(1).mean(1, keepdim=True) for side in (a, b))
    length = torch.sqrt(one.square().sum(1) * other.square().sum(1)).clamp(min=1e-6)
    return torch.atanh(((one * other).sum(1) / length).clamp(-0.98, 0.999))


def robust_distance(x: Floats) -> Floats:
    """Return the Mahalanobis distance ``(N,)`` of rows ``(N, D)`` from the bulk: center and covariance are those of the
    nine tenths that lie nearest, found in a few rounds.

    Source: Rousseeuw and Van Driessen (1999), A Fast Algorithm for the Minimum Covariance Determinant Estimator (its
    C-steps, begun at the medians).
    """
    low, middle, high = np.percentile(x, (25, 50, 75), axis=0)
    scaled = np.clip((x - middle) / np.maximum((high - low) / 1.349, 1e-3), -20, 20)
    distance = np.sqrt(np.square(scaled).sum(axis=1))
    for _ in range(ROUNDS):
        near = scaled[np.argsort(distance, kind="stable")[: max(2, int(KEPT * len(scaled)))]]
        covariance = np.atleast_2d(np.cov(near.T))
        covariance += SOFT**2 * np.eye(len(covariance)) * max(np.trace(covariance) / len(covariance), 1e-9)
        away = scaled - near.mean(axis=0)
        distance = np.sqrt(np.maximum((away @ np.linalg.inv(covariance) * away).sum(axis=1), 0))
    found: Floats = distance
    return found
