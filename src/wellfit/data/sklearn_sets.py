"""The small tables that come with scikit-learn."""

from __future__ import annotations

import numpy as np
import torch

from wellfit.data.dataset import Dataset

SETS = {
    "iris": "load_iris",
    "wine": "load_wine",
    "breast-cancer": "load_breast_cancer",
    "diabetes": "load_diabetes",
}
"""Names, and the functions of ``sklearn.datasets`` that give them; ``digits``, which are images, is apart."""


def load_sklearn(name: str) -> Dataset:
    """Load ``iris`` (150 x 4, 3 classes), ``wine`` (178 x 13, 3 classes), ``breast-cancer`` (569 x 30, 2 classes) or
    ``diabetes`` (442 x 10, a regression) as float32 vectors; none has a given test. ``diabetes`` comes unscaled.
    """
    from sklearn import datasets

    regression = name == "diabetes"
    found = datasets.load_diabetes(scaled=False) if regression else getattr(datasets, SETS[name])()
    y = found.target.astype(np.float32)[:, None] if regression else found.target.astype(np.int64)
    return Dataset(
        name=name,
        task="regression" if regression else "classification",
        kind="vector",
        x=torch.from_numpy(found.data.astype(np.float32)),
        y=torch.from_numpy(y),
        classes=() if regression else tuple(str(one) for one in found.target_names),
        given_test=None,
        features=tuple(str(one) for one in found.feature_names),
        targets=("progression" if regression else "class",),
    )
