"""Doses of the remedies that change the network."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wellfit.diagnosis.doses.case import Case, Dose
from wellfit.diagnosis.remedy import Remedy
from wellfit.recipe import CnnSpec, MlpSpec, RnnSpec, UnetSpec
from wellfit.recipe.init import PretrainedSpec
from wellfit.recipe.norm import GroupNormSpec

SIZE = frozenset({"model"})
WIDEST, NARROWEST = 4096, 4
FEW_SAMPLES = 16
"""In a batch: below, its mean and variance are noise."""


def larger(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield widths twice as large, then one more layer."""
    model = case.recipe.model
    changed = _widths(case, 2)
    if changed:
        yield Dose("wider", {"model": changed}, SIZE)
    if isinstance(model, MlpSpec):
        yield Dose("deeper", {"model": {"hidden": [*model.hidden, model.hidden[-1] if model.hidden else 64]}}, SIZE)
    elif isinstance(model, RnnSpec):
        yield Dose("deeper", {"model": {"hidden": [*model.hidden, model.hidden[-1]]}}, SIZE)
    elif isinstance(model, CnnSpec | UnetSpec):
        yield from _deeper(case, model)


def _deeper(case: Case, model: CnnSpec | UnetSpec) -> Iterator[Dose]:
    """Yield one more block where the images are known to be large enough for it; else a hidden layer in a head."""
    size = case.recipe.data.size
    blocks = len(model.channels) - isinstance(model, UnetSpec)  # its first level has the full size
    if size is not None and blocks + 1 <= math.log2(min(size)):
        widened = _bounded(model.channels[-1], 2)
        yield Dose("deeper", {"model": {"channels": [*model.channels, widened]}}, SIZE)
    elif isinstance(model, CnnSpec):
        yield Dose("deeper", {"model": {"hidden": [*model.hidden, model.hidden[-1] if model.hidden else 128]}}, SIZE)


def smaller(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield half and a quarter of the widths."""
    for times, name in ((2, "half as wide"), (4, "a quarter as wide")):
        changed = _widths(case, 1 / times)
        if changed:
            yield Dose(name, {"model": changed}, SIZE)


def _widths(case: Case, factor: float) -> dict[str, list[int]]:
    """Return the model's fields with other widths; empty where nothing changes, or a group norm cannot divide them."""
    model = case.recipe.model
    if not isinstance(model, MlpSpec | CnnSpec | RnnSpec | UnetSpec):
        return {}
    old: dict[str, tuple[int, ...]] = {
        name: getattr(model, name) for name in ("channels", "hidden") if name in type(model).model_fields
    }
    new = {name: [_bounded(width, factor) for width in widths] for name, widths in old.items()}
    if isinstance(model.norm, GroupNormSpec):
        groups = model.norm.groups
        if any(width % groups or width == groups for widths in new.values() for width in widths):
            return {}
    return {name: widths for name, widths in new.items() if tuple(widths) != old[name]}


def _bounded(width: int, factor: float) -> int:
    """Return a width times a factor, within what is sensible, and never on the other side of the width."""
    if factor > 1:
        return min(round(width * factor), max(width, WIDEST))
    return max(round(width * factor), min(width, NARROWEST))


def norm(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield batch norm where there is no normalization; layer norm for small batches and recurrent networks."""
    model = case.recipe.model
    if not isinstance(model, MlpSpec | CnnSpec | RnnSpec | UnetSpec) or not case.widths or case.norm != "none":
        return
    small = isinstance(model, RnnSpec) or case.recipe.batch_size < FEW_SAMPLES
    for kind in ("layer",) if small else ("batch", "layer"):
        yield Dose(f"{kind}_norm", {"model": {"norm": {"kind": kind}}}, frozenset({"model.norm"}))


def activation(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield what passes a gradient where the present activation does not."""
    model = case.recipe.model
    if not isinstance(model, MlpSpec | CnnSpec | UnetSpec) or not case.widths:
        return
    bounded = model.activation in ("tanh", "sigmoid")
    others = ("relu", "gelu") if bounded else ("leaky_relu", "gelu") if model.activation == "relu" else ()
    for other in others:
        yield Dose(other, {"model": {"activation": other}}, frozenset({"model.activation"}))


def init(case: Case, remedy: Remedy) -> Iterator[Dose]:
    """Yield the draw that suits the activation."""
    model = case.recipe.model
    if isinstance(case.recipe.init, PretrainedSpec) or not case.widths:
        return
    if isinstance(model, RnnSpec):
        kind = "orthogonal"
    elif isinstance(model, MlpSpec | CnnSpec | UnetSpec):
        kind = "xavier_normal" if model.activation in ("tanh", "sigmoid") else "he_normal"
    else:
        return
    yield Dose(f"init={kind}", {"init": {"kind": kind}}, frozenset({"init"}))
