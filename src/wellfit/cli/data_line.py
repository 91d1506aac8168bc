"""What was found out about the data, in words: its form, the task, the parts, the network, the kinds of columns."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from wellfit.data.naming import shown
from wellfit.views.numbers import listing

if TYPE_CHECKING:
    from wellfit.data import Dataset
    from wellfit.recipe import DataSpec, ModelSpec
    from wellfit.study.design import Arm
    from wellfit.study.prepare import Prepared
    from wellfit.train.replicate import Replicate

NARROW, WIDE = 40, 120
"""Columns that text takes at least and at most, whatever the terminal has."""
MOST_NAMES = 4
"""Columns, arms or targets that are named in one place."""
LONGEST_NAME = 40

PLURALS = {"number": "numbers", "truth": "truth values", "category": "categories", "date": "dates", "unclear": "texts"}
SINGULARS = {"number": "number", "truth": "truth value", "category": "category", "date": "date", "unclear": "text"}
"""What a kind of column is called."""
SAMPLES = {"image": "image", "vector": "row", "sequence": "sequence"}


def data_lines(prepared: Prepared, given: Sequence[Arm]) -> list[str]:
    """Return for each data set of a study what was found out about it, and for a table the kinds of its columns.

    ``given`` are the arms as they were written: what their recipes leave open was inferred.
    """
    lines: list[str] = []
    many = len(prepared.replicates) > 1
    for spec, replicates in prepared.replicates.items():
        names = [arm.name for arm in prepared.arms if arm.recipe.data == spec]
        models = {arm.name: arm.recipe.model for arm in prepared.arms if arm.name in names}
        open_ones = {arm.name for arm in given if arm.recipe.model is None}
        by = {arm.name: _optimizer(arm, given) for arm in prepared.arms}
        dataset = next(iter(replicates.values())).dataset
        who = f" ({listing(names, most=MOST_NAMES)})" if many else ""
        facts = [form_text(dataset), task_text(dataset.task, dataset.classes, dataset.targets, given=spec.task)]
        facts += [f"{len(dataset.skipped):,} left out"] if dataset.skipped else []
        facts.append(parts_text(list(replicates.values())))
        lines.append(f"data{who}: {dataset.name}: {', '.join(facts)}; {_networks(models, open_ones, by, dataset)}")
        columns = _columns(dataset, spec)
        lines += [columns] if columns else []
    return lines


def form_text(dataset: Dataset) -> str:
    """Return how many samples of which form: ``1,797 images 1x8x8``, ``150 rows of 4 columns``."""
    return samples_text(len(dataset), dataset.kind, dataset.shape)


def samples_text(count: int, kind: str, shape: Sequence[int]) -> str:
    """Return ``1,797 images 1x8x8``, ``150 rows of 4 columns`` or ``3,000 sequences of 64 steps x 40 channels``."""
    samples = _counted(count, SAMPLES[kind], SAMPLES[kind] + "s")
    if kind == "image":
        return f"{samples} {'x'.join(map(str, shape))}"
    if kind == "vector":
        return f"{samples} of {_counted(shape[0], 'column', 'columns')}"
    steps, channels = _counted(shape[0], "step", "steps"), _counted(shape[1], "channel", "channels")
    return f"{samples} of {steps} x {channels}"


def task_text(task: str, classes: Sequence[str], targets: Sequence[str], *, given: str | None = None) -> str:
    """Return what is to be answered: ``10 classes (classification)``, ``target price (regression)``.

    ``given``: the task as the recipe says it; ``None``: it was inferred.
    """
    how = task if given is None else f"{task}, as data.task says"
    if classes:
        return f"{_counted(len(classes), 'class', 'classes')}{' of pixels' if task == 'segmentation' else ''} ({how})"
    names = [shown(name, longest=LONGEST_NAME) for name in targets]
    return f"target {listing(names, most=MOST_NAMES)} ({how})" if names else f"numbers as targets ({how})"


def parts_text(replicates: Sequence[Replicate]) -> str:
    """Return the sizes of the parts: ``train 1,294 / validation 144 / test 359``; of several seeds the range."""
    sizes = {
        name: [len(getattr(replicate.split, name)) for replicate in replicates]
        for name in ("train", "validation", "test")
    }
    return " / ".join(f"{name} {_range(counts)}" for name, counts in sizes.items())


def network_text(name: str, kind: str, task: str | None, *, inferred: bool) -> str:
    """Return ``cnn 32-64-128 (inferred: images)``, or that the recipe names it."""
    source = "masks" if task == "segmentation" else {"vector": "vectors"}.get(kind, f"{kind}s")
    return f"{name} ({f'inferred: {source}' if inferred else 'as the recipe says'})"


def columns_text(kinds: Sequence[tuple[str, str]], left_out: Mapping[str, Iterable[str]] | None = None) -> str:
    """Return the kinds of a table's columns, and which are no features: ``columns: 8 numbers, 1 category (color)``.

    Parameters
    ----------
    kinds
        Name and kind of each column: of PLURALS, or ``channel``.
    left_out
        Field of the recipe's ``data`` -> columns that it takes out of the features.

    """
    parts = []
    for kind, many in PLURALS.items():
        names = [shown(name, longest=LONGEST_NAME) for name, own in kinds if own == kind]
        if names:
            told = "" if kind == "number" and len(names) > MOST_NAMES else f" ({_first(names)})"
            parts.append(_counted(len(names), SINGULARS[kind], many) + told)
    said = [f"columns: {', '.join(parts)}"]
    gone = {field: list(names) for field, names in (left_out or {}).items()}
    out = [
        f"{_first([shown(name, longest=LONGEST_NAME) for name in names])} ({field})"
        for field, names in gone.items()
        if names
    ]
    return "; ".join([*said, *([f"left out: {', '.join(out)}"] if out else [])])


def wrapped(lines: Iterable[str]) -> str:
    """Return lines that fit the terminal: what goes on is indented, and no word is broken."""
    width = min(max(shutil.get_terminal_size().columns, NARROW), WIDE)
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in lines
    )


def _optimizer(arm: Arm, given: Sequence[Arm]) -> str:
    """Return ``, trained by adam`` where that was chosen with the network."""
    was = next((one.recipe.optimizer for one in given if one.name == arm.name), arm.recipe.optimizer)
    return "" if was == arm.recipe.optimizer else f", trained by {arm.recipe.optimizer.kind}"


def _networks(
    models: Mapping[str, ModelSpec | None], inferred: set[str], by: Mapping[str, str], dataset: Dataset
) -> str:
    from wellfit.models.build import describe

    told: dict[str, list[str]] = {}
    for arm, spec in models.items():
        if spec is not None:
            text = network_text(describe(spec) + by[arm], dataset.kind, dataset.task, inferred=arm in inferred)
            told.setdefault(text, []).append(arm)
    if len(told) == 1:
        return f"network: {next(iter(told))}"
    return "networks: " + ", ".join(f"{text} for {listing(arms, most=MOST_NAMES)}" for text, arms in told.items())


def _columns(dataset: Dataset, spec: DataSpec) -> str | None:
    if not dataset.features:
        return None
    kinds = [(column.name, column.kind) for column in dataset.columns]
    from wellfit.data.source_forms import left_out

    return columns_text(kinds or [(name, "number") for name in dataset.features], left_out(spec))


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:MOST_NAMES], *(["..."] if len(names) > MOST_NAMES else [])])


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
