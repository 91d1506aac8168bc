"""Doses of the remedies that change how long, how fast and on what is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wellfit.diagnosis.doses.case import Case, Dose, rounded, written
from wellfit.diagnosis.remedy import Remedy
from wellfit.recipe import RnnSpec
from wellfit.recipe.loss import CrossEntropySpec, FocalSpec
from wellfit.recipe.optimizer import MomentumSpec, NesterovSpec, SgdSpec
from wellfit.recipe.schedule import ConstantSpec

LONGEST = 10_000
"""Epochs."""
LR = frozenset({"optimizer.lr"})
FEW = 5
"""Epochs: a run that broke before was far above the stable rate."""
RESTLESS = 1.5
"""Times the start that the loss reached: steps were too large rather than too small."""


def lr(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield learning rates a factor of 3 and of 10 away; ``change`` is a search in both directions."""
    up, down = (3.0, 10.0), (0.3, 0.1)
    if remedy.step == "raise":
        factors: tuple[float, ...] = up
    elif remedy.step == "lower":
        early = remedy.finding == "divergence" and case.evidence.get("evaluations", FEW) < FEW
        factors = (0.1, 0.3) if early else down
    elif len(case.steps) < 2:
        factors = () if not case.steps else up if "more" in case.steps else down
    else:
        factors = (0.1, 10.0) if case.evidence.get("peak_share", 1.0) > RESTLESS else (10.0, 0.1)
    for factor in factors:
        yield Dose(f"lr x{written(factor)}", {"optimizer": {"lr": rounded(case.recipe.optimizer.lr * factor)}}, LR)


def momentum(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield momentum 0.9 where there is less."""
    optimizer = case.recipe.optimizer
    if isinstance(optimizer, SgdSpec | MomentumSpec | NesterovSpec) and optimizer.momentum < 0.9:
        yield Dose("momentum=0.9", {"optimizer": {"momentum": 0.9}}, LR | {"optimizer.momentum"})


def optimizer(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield Adam for an optimizer with one rate for all weights."""
    if not case.is_slow_descent:
        return
    rates = (0.003, 0.001) if isinstance(case.recipe.model, RnnSpec) else (0.001, 0.003)
    for rate in rates:
        fields = LR | {"optimizer.momentum", "optimizer"}
        yield Dose(f"adam lr={written(rate)}", {"optimizer": {"kind": "adam", "lr": rate}}, fields)


def epochs(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield twice and four times as many epochs."""
    for times in (2, 4):
        if case.recipe.epochs * times <= LONGEST:
            yield Dose(f"epochs x{times}", {"epochs": case.recipe.epochs * times}, frozenset({"epochs"}))


def batch_size(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield batches twice and four times as large, of at most a quarter of the samples."""
    for times in (2, 4):
        other = case.recipe.batch_size * times
        if case.facts.train is not None and other <= case.facts.train // 4:
            yield Dose(f"batch_size={other}", {"batch_size": other}, frozenset({"batch_size"}))


def schedule(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield a warm-up where the run broke, else a cosine, with and without it; a schedule that falls already stays."""
    has, fields = case.recipe.schedule, frozenset({"schedule"})
    warmup = {"warmup": float(max(1, case.recipe.epochs // 10))}
    if remedy.finding == "divergence" and not has.warmup:
        yield Dose("warmup", {"schedule": {"kind": has.kind, **warmup}}, fields)
    if not isinstance(has, ConstantSpec) or case.recipe.epochs < 2:
        return
    yield Dose("cosine", {"schedule": {"kind": "cosine", "warmup": has.warmup}}, fields)
    if not has.warmup and case.recipe.epochs >= 5:
        yield Dose("cosine warmup", {"schedule": {"kind": "cosine", **warmup}}, fields)


def scale(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield standardized inputs where they are as they came."""
    if case.recipe.data.scale == "none":
        yield Dose("standardize", {"data": {"scale": "standardize"}}, frozenset({"data.scale"}))


def validation(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield a validation set of twice the part, up to 30 %."""
    split = case.recipe.data.split
    part = min(0.3, 2 * split.validation)
    if split.kind != "k_fold" and part > split.validation:
        patch = {"data": {"split": {"validation": rounded(part)}}}
        yield Dose(f"validation={written(rounded(part))}", patch, frozenset({"data.split"}))


def class_weights(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield a loss in which all classes count the same."""
    loss = case.recipe.loss
    if isinstance(loss, CrossEntropySpec | FocalSpec) and loss.class_weights is None:
        yield _loss(case, "balanced", {"class_weights": "balanced"})


def focal(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield the focal loss for a cross-entropy."""
    loss = case.recipe.loss
    if isinstance(loss, CrossEntropySpec) and not loss.smoothing:
        weights = loss.class_weights
        given = weights if weights is None or isinstance(weights, str) else list(weights)
        yield _loss(case, "focal", {"kind": "focal", "class_weights": given})


def _loss(case: Case, name: str, patch: dict[str, Any]) -> Dose:
    """Return another loss that leaves what the curves report as it is, so that arms can be compared."""
    known = case.recipe.loss
    kept: dict[str, Any] = {}
    if case.recipe.measure is None and known is not None:
        kept = {"measure": known.model_dump(mode="json")}
    return Dose(name, {"loss": patch, **kept}, frozenset({"loss"}))


def clean(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield the samples without what a plan takes out."""
    has, plan = case.recipe.data.clean, case.facts.plan
    if plan is not None and (has is None or has.do == "keep"):
        patch = {"data": {"clean": {"plan": plan if has is None else has.plan, "do": "clean"}}}
        yield Dose("clean", patch, frozenset({"data.clean"}))


def transfer(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield a start from weights that fit."""
    path = case.facts.pretrained
    if path is not None and case.recipe.init.kind != "pretrained":
        yield Dose("pretrained", {"init": {"kind": "pretrained", "path": path}}, frozenset({"init"}))
