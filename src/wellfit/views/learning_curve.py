"""A learning curve in words and cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.record import is_share
from wellfit.views.numbers import count_text, decimals, digits_of, plain

FARTHEST = 100.0
"""Multiple of the data beyond which nothing is said."""


@dataclass(frozen=True)
class Cells:
    """A line of the table."""

    samples: str
    share: str
    error: str
    interval: str
    train: str
    is_forecast: bool = False


def error_name(metric: str) -> str:
    """Return what the curve is of: ``val_loss``, or ``validation error`` where the metric is an accuracy."""
    return "validation error" if is_share(metric) else metric


def train_name(metric: str) -> str:
    """Return what stands beside it: the same on the train samples."""
    return "train error" if is_share(metric) else metric.replace("val_", "train_")


def cells(result: Mapping[str, Any]) -> list[Cells]:
    """Return a line for each size and each forecast."""
    show = _shown(result)
    rows = []
    for size in result["sizes"]:
        rows.append(
            Cells(
                f"{size['samples']:,}",
                f"{100 * size['share']:.2g} %" if size["share"] < 0.0995 else f"{100 * size['share']:.0f} %",
                show.value(_mean(size["error"]), _ends(size["error"])),
                show.interval(_mean(size["error"]), _ends(size["error"])),
                show.value(_train(size, str(result["metric"]))),
            )
        )
    for one in result["forecasts"]:
        text = f"{one['times']:g}x"
        found = show.value(one["error"], one["ci95"]), show.interval(one["error"], one["ci95"])
        rows.append(Cells(f"{one['samples']:,}", text, *found, "", is_forecast=True))
    return rows


def headline(result: Mapping[str, Any]) -> str:
    """Return what the curve says of more data, in a sentence."""
    show, metric = _shown(result), error_name(str(result["metric"]))
    if result["no_forecast"] is not None:
        return f"No forecast: {result['no_forecast']['words']}."
    one, last = result["forecasts"][0], result["sizes"][-1]
    size = f"{one['samples']:,} train samples" if last["share"] < 1 else f"{one['samples']:,}"
    twice = f"{'Twice the train data' if last['share'] == 1 else 'Twice the largest size'} ({size})"
    now = show.value(_mean(last["error"]), one["ci95"])
    then = show.both(one["error"], one["ci95"])
    return f"{twice} would give a {metric} of about {then} (now {now})."


def sentences(result: Mapping[str, Any]) -> list[str]:
    """Return what else there is to say: further data, halving, the gap, and what makes the curve doubtful."""
    return [*_further(result), *_last_step(result), *_gap(result), *doubts(result)]


def doubts(result: Mapping[str, Any]) -> list[str]:
    """Return what speaks against reading the curve as one of the data."""
    found = []
    last = result["sizes"][-1]
    seeds = len(result["seeds"])
    if last["late"] * 2 > seeds:
        found.append(
            f"With {last['samples']:,} samples {last['late']} of {count_text(seeds, 'run')} had the best epoch in the "
            f"last tenth of {max(last['epochs'])}: what limits them may be the epochs, not the data (--set epochs=N)."
        )
    if result["forecasts"] and result["forecasts"][0]["ci95"][1] >= _mean(last["error"]):
        found.append("The interval of a doubling reaches the error now: whether twice the data helps is not settled.")
    if result["diverged"]:
        runs = count_text(result["diverged"], "run")
        found.append(f"{runs} diverged; seeds without all sizes are left out of the forecast.")
    return found


def _further(result: Mapping[str, Any]) -> list[str]:
    if result["no_forecast"] is not None:
        return []
    show = _shown(result)
    more = [f"{one['times']:g}x: about {show.both(one['error'], one['ci95'])}" for one in result["forecasts"][1:]]
    law = result["law"]
    floor = f", toward {show.value(law['c'])}" if law["c"] > 0 else ""
    said = f"The law: the error falls with n to the power {plain(-law['b'], 2)}{floor}."
    return ["; ".join(more) + ".", _halving(result["halving"]), said]


def _halving(halving: Mapping[str, Any]) -> str:
    """Return how much data it takes to halve the error."""
    low, high = (math.inf if end is None else float(end) for end in halving["ci95"])
    times = math.inf if halving["times"] is None else float(halving["times"])
    if times > FARTHEST:
        least = f", at least {times_text(low)}" if low <= FARTHEST else ""
        return f"To halve the error takes more than {FARTHEST:g}x the data{least}, or other means than data."
    end = times_text(high) if high <= FARTHEST else f"more than {FARTHEST:g}x"
    return f"To halve the error takes about {times_text(times)} the data [{times_text(low)}, {end}]."


def times_text(times: float) -> str:
    """Return ``3.1x`` or ``12x``."""
    return f"{times:.1f}x" if times < 9.95 else f"{times:.0f}x"


def _last_step(result: Mapping[str, Any]) -> list[str]:
    """Return what the last step of the sizes brought, paired by seed."""
    step = result["last_step"]
    if step is None or step["ci95"] is None:
        return []
    before, last = (result["sizes"][at]["samples"] for at in (-2, -1))
    low, high = (plain(100 * end, 0, signed=True) for end in step["ci95"])
    change = plain(100 * step["change"], 0, signed=True)
    return [f"From {before:,} to {last:,} samples the error changed by {change} % [{low}, {high}], paired by seed."]


def _gap(result: Mapping[str, Any]) -> list[str]:
    """Return how the distance from train to validation changes with the data."""
    show, metric = _shown(result), str(result["metric"])
    first, last = result["sizes"][0], result["sizes"][-1]
    gaps = [_mean(size["error"]) - _train(size, metric) for size in (first, last)]
    if not all(math.isfinite(gap) for gap in gaps):
        return []
    verb = "goes" if min(gaps) < 0 else "shrinks" if gaps[1] < gaps[0] else "grows"
    return [
        f"The gap between train and validation {verb} from {show.value(gaps[0])} at {first['samples']:,} samples to "
        f"{show.value(gaps[1])} at {last['samples']:,}."
    ]


@dataclass(frozen=True)
class _Shown:
    """How errors are written: a loss as it is, a share of errors in percent."""

    scale: float
    unit: str

    def value(self, value: float, ends: Sequence[float] | None = None) -> str:
        """Return a value with the decimals that its interval deserves."""
        return plain(self.scale * value, self._places(value, ends)) + (self.unit if math.isfinite(value) else "")

    def interval(self, value: float, ends: Sequence[float] | None) -> str:
        if ends is None:
            return ""
        places = self._places(value, ends)
        low, high = (plain(self.scale * max(end, 0.0), places) for end in ends)
        return f"[{low}, {high}]"

    def both(self, value: float, ends: Sequence[float] | None) -> str:
        return f"{self.value(value, ends)} {self.interval(value, ends)}"

    def _places(self, value: float, ends: Sequence[float] | None) -> int:
        own = digits_of(self.scale * value, digits=3 if ends is not None else 2)
        if ends is None:
            return own
        return min(own, decimals([self.scale * (ends[1] - ends[0]) / 2], fallback=own))


def _shown(result: Mapping[str, Any]) -> _Shown:
    return _Shown(100.0, " %") if is_share(str(result["metric"])) else _Shown(1.0, "")


def _ends(block: Mapping[str, Any] | None) -> Sequence[float] | None:
    return None if block is None else block["ci95"]


def _mean(block: Mapping[str, Any] | None) -> float:
    return math.nan if block is None or block["mean"] is None else float(block["mean"])


def _train(size: Mapping[str, Any], metric: str) -> float:
    value = _mean(size[metric.replace("val_", "train_")])
    return 1 - value if is_share(metric) else value


def setting(result: Mapping[str, Any]) -> str:
    """Return what was trained, in a line."""
    sizes, seeds = len(result["sizes"]), len(result["seeds"])
    runs = f"{count_text(sizes, 'size')} x {count_text(seeds, 'seed')}"
    epochs = result["recipe"]["epochs"]
    optimizer = result["recipe"]["optimizer"]
    how = f"{optimizer['kind']}, lr {optimizer['lr']:g}"
    return (
        f"{result['data']['name']}: {runs}, {count_text(epochs, 'epoch')} of the largest size for each ({how}); "
        f"mean over seeds and its 95 % interval"
    )
