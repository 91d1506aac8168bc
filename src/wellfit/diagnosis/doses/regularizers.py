"""Doses of the remedies that are regularizers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wellfit.diagnosis.doses.case import Case, Dose, rounded, written
from wellfit.diagnosis.doses.strengths import STRENGTHS, holding_back, in_use, names_of, strength_of
from wellfit.diagnosis.harm import CHANGES, METHODS, sentence
from wellfit.diagnosis.remedy import Remedy
from wellfit.recipe import CnnSpec, UnetSpec
from wellfit.recipe.loss import BinaryCrossEntropySpec, CrossEntropySpec, FocalSpec
from wellfit.recipe.optimizer import DecoupledSpec

CHIRAL = ("digit", "mnist", "svhn", "letter", "glyph", "char", "sign")
"""In the name of a source: pictures that mean another thing, or nothing, in a mirror."""
NARROW = 64
FEW_EPOCHS = 8
LONG = 2000
"""Steps of a training in which a strong dose gets somewhere: dropout takes two to three times as long (Srivastava et
al. 2014, section 10), and strong augmentation likewise.
"""
SHORT = 1000
"""Steps of a training for which an average over the last hundred is long."""


def one(name: str, value: float, *also: str) -> Dose:
    """Return the dose of one regularizer: its strength, beside what else it has in the recipe."""
    fields = frozenset(f"regularizers.{each}" for each in (name, *also))
    return Dose(f"{name}={written(value)}", {name: {STRENGTHS[name].parameter: value}}, fields)


def regularizer(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield the doses of a regularizer, the stronger first where the gap is wide; what is in use is raised."""
    used = [name for name in names_of(remedy.change) if name in in_use(case.recipe) and name in STRENGTHS]
    if used:
        yield from _raised(case, used[0])
        return
    for value in _by_gap(case, STRENGTHS[remedy.change].doses):
        yield one(remedy.change, value)


def _raised(case: Case, name: str) -> Iterator[Dose]:
    for value in STRENGTHS[name].raised(strength_of(case.recipe, name)):
        yield one(name, rounded(value))


def _by_gap(case: Case, doses: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(reversed(doses)) if case.gap_is_wide else doses


def dropout(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield dropout by where and by size: milder in narrow or normalized networks, whole channels in convolutions."""
    if in_use_of(case, remedy):
        yield from regularizer(case, remedy)
    elif isinstance(case.recipe.model, CnnSpec | UnetSpec):
        yield one("dropout", 0.2)
        yield one("spatial_dropout", 0.1, "dropout")
    elif case.widths and (max(case.widths) < NARROW or case.norm == "batch"):
        yield one("dropout", 0.1)
        yield one("dropout", 0.25)
    elif case.widths or case.recipe.model is None or case.recipe.model.kind == "import":
        long = case.steps_in_all is None or case.steps_in_all >= LONG
        for value in _by_gap(case, (0.2, 0.5)) if long else (0.2, 0.5):
            yield one("dropout", value)


def in_use_of(case: Case, remedy: Remedy) -> bool:
    """Return whether what the remedy names is in the recipe already."""
    return any(name in in_use(case.recipe) for name in names_of(remedy.change))


def l2(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield a penalty where the optimizer has one rate for all weights, else decay beside the update."""
    related = ("l2", "weight_decay", "elastic_net")
    if in_use_of(case, remedy):
        yield from regularizer(case, remedy)
        return
    name = "l2" if case.is_plain_descent else "weight_decay"
    optimizer = case.recipe.optimizer
    has = optimizer.weight_decay if isinstance(optimizer, DecoupledSpec) else 0.0
    for value in _by_gap(case, STRENGTHS[name].doses):
        if value > has:
            yield one(name, value, *related)


def penalty(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield L1 or the elastic net, which are not combined with each other."""
    for dose in regularizer(case, remedy):
        yield Dose(dose.name, dose.patch, dose.fields | {"regularizers.l1", "regularizers.elastic_net"})


def clip_norm(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield limits of the gradient's norm, the wider first: how far the run overfits says nothing of its gradients."""
    if in_use_of(case, remedy):
        yield from regularizer(case, remedy)
        return
    for value in STRENGTHS["clip_norm"].doses:
        yield one("clip_norm", value)


def early_stopping(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield the weights of the best epoch where the last are handed over, then stopping itself."""
    if case.recipe.restore == "last":
        yield Dose("restore=best", {"restore": "best"}, frozenset({"restore"}), sentence(CHANGES["restore"]))
    patience = max(3, case.recipe.epochs // 5)
    if patience < case.recipe.epochs and "early_stopping" not in in_use(case.recipe):
        fields = frozenset({"regularizers.early_stopping"})
        yield Dose(f"early_stopping={patience}", {"early_stopping": {"patience": patience}}, fields)


def label_smoothing(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield smoothed labels; of masks in the loss, which is where a recipe has them."""
    loss = case.recipe.loss
    fields = frozenset({"regularizers.label_smoothing", "loss"})
    if isinstance(loss, CrossEntropySpec) and (loss.smoothing or case.task == "segmentation"):
        for value in STRENGTHS["label_smoothing"].raised(loss.smoothing) if loss.smoothing else (0.1,):
            yield Dose(f"smoothing={written(rounded(value))}", {"loss": {"smoothing": rounded(value)}}, fields)
    elif case.task == "classification" and takes_soft(case):
        for dose in regularizer(case, remedy):
            yield Dose(dose.name, dose.patch, fields)


def mixup(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield mixed samples, for classifications."""
    if case.task == "classification" and takes_soft(case):
        for dose in regularizer(case, remedy):
            yield Dose(dose.name, dose.patch, dose.fields | {"regularizers.mixup", "regularizers.cutmix"})


def takes_soft(case: Case) -> bool:
    """Return whether the loss takes targets that are shares of classes."""
    loss = case.recipe.loss
    return loss is None or isinstance(loss, CrossEntropySpec | FocalSpec | BinaryCrossEntropySpec)


def ema(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield averages of the weights, as long as the training allows."""
    if in_use_of(case, remedy):
        return
    fields = frozenset({"regularizers.ema", "regularizers.swa"})
    short = case.steps_in_all is not None and case.steps_in_all < SHORT
    decay = 0.9 if short else 0.99
    yield Dose(f"ema={decay}", {"ema": {"decay": decay}}, fields)
    if case.recipe.epochs >= FEW_EPOCHS:
        yield Dose("swa", {"swa": {"start": 0.75}}, fields)


def gaussian_noise(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield noise on the inputs, in standard deviations."""
    if case.kind != "image":
        yield from regularizer(case, remedy)


def augmentation(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield variations that suit the data: of images shifts and small turns, then flips, then brightness; of sequences
    shifts and masks in time.
    """
    used = [name for name in names_of("augmentation") if name in in_use(case.recipe)]
    if used:
        patch, fields = {}, set()
        for name in used:
            for value in STRENGTHS[name].raised(strength_of(case.recipe, name))[:1]:
                patch[name] = {STRENGTHS[name].parameter: rounded(value)}
                fields.add(f"regularizers.{name}")
        if patch:
            yield Dose("augment more", patch, frozenset(fields))
    if case.kind == "image":
        yield from _for_images(case, bool(used))
    elif case.kind == "sequence":
        for name in ("time_shift", "time_masking"):
            if name not in used:
                yield _named(name, one(name, STRENGTHS[name].doses[0]))
        if "gaussian_noise" not in in_use(case.recipe):
            yield _named("gaussian_noise", one("gaussian_noise", 0.1))


def _for_images(case: Case, used: bool) -> Iterator[Dose]:
    if not used:
        moves = ("translation", "rotation")
        long = case.steps_in_all is None or case.steps_in_all >= LONG
        patch = {name: {STRENGTHS[name].parameter: STRENGTHS[name].doses[long]} for name in moves}
        yield Dose("augment", patch, frozenset(f"regularizers.{name}" for name in moves))
    present = in_use(case.recipe)
    if "horizontal_flip" not in present and not _is_chiral(case.recipe.data.source):
        flips: Mapping[str, Any] = {"horizontal_flip": {"probability": 0.5}}
        fields = frozenset({"regularizers.horizontal_flip"})
        yield Dose("flip", flips, fields, sentence(METHODS["horizontal_flip"]))
    if "brightness" not in present:
        yield _named("brightness", one("brightness", 0.2))
    if "random_erasing" not in present and case.task != "segmentation":
        yield _named("random_erasing", one("random_erasing", 0.5))


def _named(name: str, dose: Dose) -> Dose:
    return Dose(dose.name, dose.patch, dose.fields, sentence(METHODS[name]))


def _is_chiral(source: str) -> bool:
    """Return whether the name of a source says that its pictures must not be mirrored."""
    name = source.lower()
    return any(part in name for part in CHIRAL) and "fashion" not in name


def regularizers(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield all that holds the network back at half its strength, then left out."""
    held = holding_back(in_use(case.recipe))
    fields = frozenset(f"regularizers.{name}" for name in held)
    halved = {
        name: {STRENGTHS[name].parameter: STRENGTHS[name].weakened(strength_of(case.recipe, name))}
        for name in held
        if name in STRENGTHS
    }
    if halved:
        yield Dose("weaker", halved, fields)
    if held:
        yield Dose("unregularized", dict.fromkeys(held), fields)
