"""The k nearest neighbors of each resample, for all k at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def neighbor_predictions(
    train: npt.NDArray[np.floating], targets: Array, wanted: npt.NDArray[np.floating], ks: Sequence[int]
) -> Array:
    """Return what k-NN predicts for each k: the mean target of the k nearest train samples, ``(len(ks), N, K)``.

    The same as scikit-learn's ``KNeighborsClassifier.predict_proba`` or ``KNeighborsRegressor.predict`` with
    Euclidean distances and uniform weights, but the neighbors are looked up once for all k.

    Parameters
    ----------
    train, targets
        ``(n, D)`` prepared samples, ``(n, K)`` numbers or one-hot classes.
    wanted
        ``(N, D)``: what to predict.
    ks
        Numbers of neighbors, each from 1 to n.

    Source: Cover & Hart 1967, "Nearest neighbor pattern classification".

    """
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=max(ks)).fit(train).kneighbors(wanted, return_distance=False)
    sums = targets[nearest].cumsum(1)  # (N, max k, K)
    return np.stack([sums[:, k - 1] / k for k in ks])
