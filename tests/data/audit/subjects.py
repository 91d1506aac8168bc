"""Small subjects of an audit."""

from __future__ import annotations

from typing import Any

import numpy as np

from wellfit.data.audit import Subject


def images(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any] | None = None, *, test: int = 0) -> Subject:
    labels = np.arange(len(x)) % 2 if y is None else y
    rows = np.arange(len(x))
    return Subject(
        name="made",
        source="made",
        kind="image",
        task="classification",
        names=tuple(f"s{i}" for i in rows),
        x=x,
        y=labels.astype(np.int64),
        classes=("a", "b"),
        train=rows[: len(x) - test],
        test=rows[len(x) - test :],
        test_is_given=test > 0,
    )


def columns(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any] | None = None) -> Subject:
    return Subject(
        name="made",
        source="made",
        kind="vector",
        task=None if y is None else "regression",
        names=tuple(f"line {i + 2}" for i in range(len(x))),
        x=x.astype(np.float64),
        y=np.zeros((len(x), 0)) if y is None else y.reshape(-1, 1),
        classes=(),
        train=np.arange(len(x)),
        test=np.zeros(0, np.int64),
        test_is_given=False,
        features=tuple(f"c{i}" for i in range(x.shape[1])),
        is_text=(False,) * x.shape[1],
        texts=((),) * x.shape[1],
    )


def noise(count: int, *, side: int = 16, channels: int = 1, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    coarse = np.random.default_rng(seed).integers(0, 256, (count, channels, side // 2, side // 2), dtype=np.uint8)
    return coarse.repeat(2, axis=2).repeat(2, axis=3)
