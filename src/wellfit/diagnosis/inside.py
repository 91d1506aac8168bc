"""Findings from inside the network: dead units, saturation, vanishing and exploding gradients."""

from __future__ import annotations

import numpy as np

from wellfit.diagnosis.features import HUGE
from wellfit.diagnosis.finding import Finding, FindingName
from wellfit.diagnosis.thresholds import STANDARD, Limits
from wellfit.diagnosis.track import Track


def dead_units(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """A large share of a layer's units is 0 for every sample."""
    tell = "are 0 for every sample: they neither compute nor learn"
    return _worst_layer(track, "dead", "dead_units", limits.dead, f"of the units{{where}} {tell}.")


def saturation(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """A large share of a layer's activations is at an end of its range, where the gradient is near zero."""
    tell = "are at an end of their range, where hardly any gradient passes"
    return _worst_layer(track, "saturated", "saturation", limits.saturated, f"of the activations{{where}} {tell}.")


def _worst_layer(track: Track, kind: str, name: FindingName, limit: float, tell: str) -> Finding | None:
    found: tuple[float, str, int, int] | None = None
    above = 0
    for layer, values in track.layers.get(kind, {}).items():
        index = np.flatnonzero(np.isfinite(values))
        if not index.size or float(values[index[-1]]) <= limit:
            continue
        above += 1
        high = index[values[index] > limit]
        before = index[values[index] <= limit]
        first = int(high[high > before[-1]][0]) if before.size else int(high[0])
        share = float(values[index[-1]])
        if found is None or share > found[0]:
            found = (share, layer, track.at[first], first)
    if found is None:
        return None
    share, layer, epoch, _ = found
    words = f"{share:.0%} " + tell.format(where=f" in {layer}" if layer else "") + f" So since epoch {epoch}."
    return Finding(name, epoch, {"share": share, "layers": float(above)}, words)


def vanishing_gradients(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """Hardly any gradient reaches a layer; or the whole gradient faded before anything was learned.

    A small gradient at the end of a training that arrived is as it should be.
    """
    medians = {
        layer: float(np.median(half[np.isfinite(half)]))
        for layer, values in track.layers.get("grad_norm", {}).items()
        if np.isfinite(half := values[values.size // 2 :]).any()
    }
    if len(medians) > 1 and (most := max(medians.values())) > 0:
        least = min(medians, key=lambda layer: medians[layer])
        ratio = medians[least] / most
        if ratio < limits.faded_layer:
            words = (
                f"The gradient of {least} is {ratio:.1g} times that of the layer with most: hardly anything reaches "
                "it, and it does not learn."
            )
            return Finding("vanishing_gradients", track.last, {"layer_ratio": ratio}, words)
    if track.grad_norm is None:
        return None
    index = np.flatnonzero(np.isfinite(track.grad_norm))
    norms = track.grad_norm[index]
    if norms.size < 5 or not norms.max() > 0 or not _little_learned(track):
        return None
    ratio = float(norms[-3:].max() / norms.max())
    if ratio >= limits.faded:
        return None
    epoch = track.at[index[int(np.flatnonzero(norms >= limits.faded * norms.max())[-1]) + 1]]
    words = (
        f"The gradient faded to {ratio:.1g} times its largest although little was learned: from epoch {epoch} on there "
        "is nothing to follow."
    )
    return Finding("vanishing_gradients", epoch, {"faded": ratio}, words)


def _little_learned(track: Track) -> bool:
    if track.features.learned_share is not None:
        return track.features.learned_share < 0.5
    line = track.train or track.val
    return line is None or line.descent < 0.1


def exploding_gradients(track: Track, limits: Limits = STANDARD) -> Finding | None:
    """The gradient norm shot up far above what it was just before, and above all before; or is not finite."""
    whole = {"": track.grad_norm} if track.grad_norm is not None else {}
    for layer, values in {**whole, **track.layers.get("grad_norm", {})}.items():
        of = f" of {layer}" if layer else ""
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            epoch = track.at[int(infinite[0])]
            words = f"The gradient{of} is infinite at epoch {epoch}: it exploded."
            return Finding("exploding_gradients", epoch, {"bursts": float(infinite.size)}, words)
        index = np.flatnonzero(np.isfinite(values))
        norms = values[index]
        times = [_burst(norms, i) for i in range(3, norms.size)]
        high = [i for i, each in enumerate(times) if each > limits.burst]
        if high:
            epoch, most = track.at[index[high[0] + 3]], max(times)
            words = (
                f"The gradient{of} shot up to {most:.3g} times what it was just before, first at epoch {epoch}: one "
                "such step can undo many."
            )
            return Finding("exploding_gradients", epoch, {"largest_burst": most, "bursts": float(len(high))}, words)
    return None


def _burst(norms: np.ndarray, i: int) -> float:
    """Return how many times the median of the five before a norm is; 0 unless it is above all before."""
    usual = float(np.median(norms[max(0, i - 5) : i]))
    return min(float(norms[i]) / usual, HUGE) if usual > 0 and norms[i] > norms[:i].max() else 0.0
