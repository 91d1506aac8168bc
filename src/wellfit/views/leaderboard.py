"""Leaderboard: one row per arm, best first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wellfit.record import better_sign
from wellfit.views.contrasts import Contrast, read_contrasts
from wellfit.views.metric_value import MetricValue, number, read_value
from wellfit.views.racing import left_race


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """What the table shows of one arm; ``None`` where the study has no such number."""

    arm: str
    rank: int
    """1 is best; 0 for an arm without a finite metric."""
    verdict: str
    findings: tuple[str, ...]
    """What the curves show, as sentences: the verdict's own words, else those of each finding."""
    is_control: bool
    is_best: bool
    metric: MetricValue | None
    accuracy: MetricValue | None
    """``val_accuracy``, unless that is the metric itself."""
    iou: MetricValue | None
    """``val_iou`` of a segmentation, unless that is the metric itself."""
    test_loss: MetricValue | None
    test_accuracy: MetricValue | None
    test_iou: MetricValue | None
    gap: MetricValue | None
    epochs_run: tuple[int, ...]
    best_epoch: tuple[int, ...]
    status: tuple[str, ...]
    contrast: Contrast | None
    """Against the control."""
    seconds: float
    left: str = ""
    """When and against whom the arm left a race: its values are those of that epoch. Empty for others."""

    @property
    def diverged(self) -> int:
        """Number of seeds that diverged."""
        return self.status.count("diverged")


def leaderboard(result: Mapping[str, Any]) -> tuple[LeaderboardRow, ...]:
    """Return the rows, best mean metric first; arms without a finite metric come last, in the study's order."""
    metric, control = str(result["metric"]), str(result.get("control"))
    contrasts = {one.arm: one for one in read_contrasts(result, metric=metric) if one.against == control}
    best, left = best_arm(result), left_race(result)
    arms = sorted(result.get("arms") or (), key=lambda arm: _order(metric, read_value(arm.get(metric))))
    rows = []
    for place, arm in enumerate(arms, start=1):
        name, value = str(arm["name"]), read_value(arm.get(metric))
        rows.append(
            LeaderboardRow(
                arm=name,
                rank=place if value is not None else 0,
                verdict=str(arm.get("verdict") or "unclear"),
                findings=(str(arm["words"]),) if arm.get("words") else finding_texts(arm.get("findings") or ()),
                is_control=name == control,
                is_best=name == best,
                metric=value,
                accuracy=None if metric == "val_accuracy" else read_value(arm.get("val_accuracy")),
                iou=None if metric == "val_iou" else read_value(arm.get("val_iou")),
                test_loss=read_value(arm.get("test_loss")),
                test_accuracy=read_value(arm.get("test_accuracy")),
                test_iou=read_value(arm.get("test_iou")),
                gap=read_value(arm.get("gap")),
                epochs_run=_whole(arm.get("epochs_run")),
                best_epoch=_whole(arm.get("best_epoch")),
                status=tuple(str(one) for one in arm.get("status") or ()),
                contrast=contrasts.get(name),
                seconds=number(arm.get("seconds")),
                left=left.get(name, ""),
            )
        )
    return tuple(rows)


def _order(metric: str, value: MetricValue | None) -> float:
    return math.inf if value is None else -better_sign(metric) * value.mean


def _whole(values: Sequence[Any] | None) -> tuple[int, ...]:
    return tuple(int(value) for value in values or () if math.isfinite(number(value)))


def best_arm(result: Mapping[str, Any]) -> str | None:
    """Return the arm that the study names best; where it names none, the arm with the best mean metric."""
    named = (result.get("best") or {}).get("arm")
    if named is not None:
        return str(named)
    metric = str(result["metric"])
    found = [(str(arm["name"]), read_value(arm.get(metric))) for arm in result.get("arms") or ()]
    known = [(better_sign(metric) * value.mean, name) for name, value in found if value is not None]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def finding_texts(findings: Sequence[Any]) -> tuple[str, ...]:
    """Return each finding as a sentence; where it has none, its name and the epoch where it shows."""
    texts = []
    for finding in findings:
        if not isinstance(finding, Mapping):
            texts.append(str(finding))
        elif finding.get("words"):
            texts.append(str(finding["words"]))
        else:
            epoch = number(finding.get("epoch"))
            texts.append(str(finding.get("name")) + (f" (epoch {epoch:.0f})" if epoch >= 1 else ""))
    return tuple(texts)
