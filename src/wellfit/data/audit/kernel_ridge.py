"""Kernel ridge regression on one-hot classes, out of fold: a judge that costs a few matrix products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

LANDMARKS = 1000
"""Samples that span the kernel's space (Nystroem); with fewer samples the kernel is exact."""
WIDTH = 0.3
"""Gamma of exp(-gamma |a - b|^2), where the features have variance 1 / D."""
PENALTIES = (0.1, 0.4, 1.6)
CHUNK = 4096


def ridge_scores(
    features: npt.NDArray[np.float32], y: npt.NDArray[np.int64], folds: npt.NDArray[np.int64]
) -> list[npt.NDArray[np.float64]]:
    """Return scores ``(N, K)``, 1/K more than nothing known, for each of ``PENALTIES``, fitted without the fold.

    W = (Z'Z + penalty I)^-1 Z'(Y - 1/K) with Z = k(X, L) k(L, L)^-1/2 for random landmarks L.

    Parameters
    ----------
    features
        ``(N, D)``, finite.
    y
        Classes ``(N,)``, 0..K-1, each present.
    folds
        Which fold each sample is judged in ``(N,)``, 0, 1, ...

    Source: Williams and Seeger (2001), Using the Nystroem Method to Speed Up Kernel Machines; Saunders, Gammerman and
    Vovk (1998), Ridge Regression Learning Algorithm in Dual Variables.

    """
    count, classes = len(y), int(y.max()) + 1
    middle = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = (1 / (features.std(axis=0, dtype=np.float64) + 1e-6) / np.sqrt(features.shape[1])).astype(np.float32)
    chosen = np.sort(np.random.default_rng(0).permutation(count)[:LANDMARKS])
    landmarks = torch.from_numpy((features[chosen] - middle) * scale)
    spread, axes = torch.linalg.eigh(_kernel(landmarks, landmarks).double())
    root = (axes * spread.clamp(min=1e-6).rsqrt()).float()

    def mapped(rows: npt.NDArray[np.int64]) -> torch.Tensor:
        found: torch.Tensor = _kernel(torch.from_numpy((features[rows] - middle) * scale), landmarks) @ root
        return found

    targets = torch.full((count, classes), -1 / classes)
    targets[torch.arange(count), torch.from_numpy(y)] += 1
    parts = [np.flatnonzero(folds == fold) for fold in range(int(folds.max()) + 1)]
    squares, products = [], []
    for part in parts:
        square = torch.zeros(len(chosen), len(chosen))
        product = torch.zeros(len(chosen), classes)
        for start in range(0, len(part), CHUNK):
            rows = part[start : start + CHUNK]
            z = mapped(rows)
            square += z.T @ z
            product += z.T @ targets[torch.from_numpy(rows)]
        squares.append(square.double())
        products.append(product.double())
    whole, answers = sum(squares[1:], squares[0]), sum(products[1:], products[0])
    found = [np.zeros((count, classes)) for _ in PENALTIES]
    for part, square, product in zip(parts, squares, products, strict=True):
        eye = torch.eye(len(chosen), dtype=torch.float64)
        weights = [torch.linalg.solve(whole - square + penalty * eye, answers - product) for penalty in PENALTIES]
        together = torch.cat(weights, dim=1).float()
        for start in range(0, len(part), CHUNK):
            rows = part[start : start + CHUNK]
            scores = (mapped(rows) @ together).double().numpy()
            for i, score in enumerate(np.split(scores, len(PENALTIES), axis=1)):
                found[i][rows] = score
    return found


def _kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    squared = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * (a @ b.T)
    return squared.clamp_(min=0).mul_(-WIDTH).exp_()
