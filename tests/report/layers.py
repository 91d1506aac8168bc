"""Hidden activations as ``result.json`` holds them: made layers, and those of known troubles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def layer(site: str = "2", **numbers: Any) -> dict[str, Any]:
    """Return a healthy layer of 64 units, with what is given changed."""
    healthy: dict[str, Any] = {"site": site, "kind": "ReLU", "units": 64, "mean": 0.41, "std": 0.6, "signal": 0.5}
    healthy |= {"zeros": 0.5, "dead": 0.0, "saturated": None, "distinct": 64, "layer": "1", "weight_std": 0.1}
    unknown = set(numbers) - set(healthy)
    assert not unknown, unknown
    return healthy | numbers


DEAD: dict[str, Any] = {"mean": 0.0, "std": 0.0, "signal": 0.0, "zeros": 1.0, "dead": 1.0, "distinct": 1}


def measured(
    start: Sequence[dict[str, Any]], end: Sequence[dict[str, Any]] | None = None, *, seed: int = 0
) -> dict[str, Any]:
    """Return an arm's ``activations``."""
    return {"seed": seed, "start": list(start), "end": None if end is None else list(end)}


def vanishing(depth: int = 5) -> dict[str, Any]:
    """Return a network whose signal falls tenfold a layer, before and after training."""
    layers = [layer(str(2 * i), signal=0.1**i, std=0.1**i) for i in range(1, depth + 1)]
    return measured(layers, layers)


def equal(depth: int = 5) -> dict[str, Any]:
    """Return a network of equal weights."""
    layers = [layer(str(2 * i), distinct=1, weight_std=0.0) for i in range(1, depth + 1)]
    return measured(layers, layers)


def fine(depth: int = 5) -> dict[str, Any]:
    """Return a network in which nothing stands out."""
    layers = [layer(str(2 * i), signal=0.5 + 0.1 * i, dead=0.01 * i) for i in range(1, depth + 1)]
    return measured(layers, layers)
