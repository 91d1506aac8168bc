"""wellfit: a population on real data through ``wellfit.train.fit``, as a study trains it, evaluation included.

Options: ``arms`` (a name of ``ARMS``), ``arm`` (only that one), ``seeds``, ``members`` (only that many), ``epochs``,
``precision`` (``fp32`` or ``bf16``).
"""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import torch

from benchmarks.peer_work.nets import CHANNELS, FEATURES, TIME, UNITS, WIDTHS
from benchmarks.peer_work.order import BATCH, CLASSES, LR, Order, Span, answer, read_order, skip
from wellfit.data import Dataset, load
from wellfit.recipe import Recipe
from wellfit.train.events import EpochEnded, PopulationStarted
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate, make_replicate

FACTORS: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": {"rate": 0.4}},
    "l2": {"l2": {"strength": 1e-5}},
    "augmentation": {"rotation": {"degrees": 10}, "horizontal_flip": {}, "vertical_flip": {}},
}
ARMS: dict[str, tuple[str, ...]] = {"one": (), "four": ("dropout", "l2"), "eight": ("dropout", "l2", "augmentation")}
"""Factors, of which the arms are the full factorial."""

MODELS: dict[str, dict[str, Any]] = {
    **{work: {"kind": "mlp", "hidden": widths[1:-1]} for work, widths in WIDTHS.items()},
    "cnn": {"kind": "cnn", "channels": CHANNELS[1:]},
    "lstm": {"kind": "rnn", "cell": "lstm", "hidden": [UNITS]},
    "resnet": {"import": "benchmarks.peer_work.nets.small_resnet"},
}
VALIDATION = 0.1
PLANNED = Recipe.model_fields["epochs"].default


class NotYetError(Exception):
    """What wellfit cannot be told, or does not choose."""


def plan_options(
    precision: str, members: Sequence[Member], replicates: Mapping[int, Replicate], device: torch.device
) -> dict[str, Any]:
    """Return the keywords of ``fit`` by which a study computes these members: the plan that it measures for a training
    of ``PLANNED`` epochs, in the precision that is asked for. The one place that knows of plans.
    """
    try:
        measure = importlib.import_module("wellfit.train.measure")
    except ModuleNotFoundError:
        if precision != "fp32":
            raise NotYetError(f"wellfit cannot be told to compute in {precision}") from None
        return {}
    recipes = [member.recipe.model_copy(update={"epochs": PLANNED}) for member in members]
    longer = [replace(member, recipe=recipe) for member, recipe in zip(members, recipes, strict=True)]
    asked = partial(replace, precision=precision)  # as ``study.plan.precision`` asks for it
    return {"plan": measure.find_plan(longer, replicates, device, asked=asked).plan}


def members_of(order: Order) -> list[Member]:
    """Return arms x seeds; those of a seed stand together."""
    factors = ARMS[order.options.get("arms", "one")]
    arms = list(itertools.product([False, True], repeat=len(factors)))
    recipe: dict[str, Any] = {
        "data": {"source": _source(order.work), "limit": _limit(order), "split": {"validation": VALIDATION}},
        "model": MODELS[order.work],
        "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "lr": 1e-3} if order.work == "lstm" else {"kind": "sgd", "lr": LR},
        "epochs": order.options.get("epochs", 2),
        "batch_size": BATCH,
    }
    found, wanted = [], order.options.get("arm")
    for seed in range(order.options.get("seeds", 1)):
        for on in arms:
            names = [name for name, chosen in zip(factors, on, strict=True) if chosen]
            methods = {key: value for name in names for key, value in FACTORS[name].items()}
            one = Recipe.model_validate(recipe | {"regularizers": methods})
            arm = "+".join(names) or "plain"
            found += [Member(arm, seed, one)] if wanted in (None, arm) else []
    return found[: order.options.get("members", len(found))]


def _source(work: str) -> str:
    return {"resnet": "cifar10", "lstm": "waves"}.get(work, "fashion-mnist")


def _limit(order: Order) -> int | None:
    """Return how many samples leave ``order.samples`` to train; none for the whole data set, whose validation samples
    are then missing from an epoch.
    """
    return None if order.samples == 60_000 else round(order.samples / (1 - VALIDATION))


def dataset_of(members: Sequence[Member]) -> Dataset:
    """Return the data of the members: noise for the LSTM."""
    spec = members[0].recipe.data
    if spec.source != "waves":
        return load(spec)
    draw = torch.Generator().manual_seed(0)
    count = spec.limit or 0
    x = torch.randn(count, TIME, FEATURES, generator=draw)
    return Dataset("waves", "classification", "sequence", x, torch.arange(count) % CLASSES, tuple("0123456789"), None)


def engine() -> ModuleType:
    """Return the module that calls ``step`` and ``evaluate`` for an epoch."""
    for name in ("wellfit.train.epoch", "wellfit.train.fit"):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        if hasattr(module, "evaluate") and hasattr(module, "step"):
            return module
    raise NotYetError("no module of wellfit.train calls step and evaluate")


def wait() -> None:
    """Let a CUDA device finish."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def evaluations(workers: int = 1) -> Iterator[Callable[[], float]]:
    """Give a function that says the seconds of evaluation since it was last asked: those of all workers, threads or
    forked processes, over their number.
    """
    module, spent = engine(), multiprocessing.Value("d", 0.0)
    plain: Callable[..., Any] = module.evaluate

    def measured(*args: Any, **options: Any) -> Any:
        wait()  # the steps that are still under way on a device are no evaluation
        began = time.perf_counter()
        found = plain(*args, **options)
        wait()
        with spent:
            spent.value += time.perf_counter() - began
        return found

    def since() -> float:
        with spent:
            seconds: float = spent.value
            spent.value = 0.0
        return seconds / workers

    vars(module)["evaluate"] = measured
    try:
        yield since
    finally:
        vars(module)["evaluate"] = plain


def measure(order: Order) -> None:
    """Train and answer."""
    members = members_of(order)
    dataset = dataset_of(members)
    data = members[0].recipe.data
    replicates = {seed: make_replicate(dataset, data, seed) for seed in {member.seed for member in members}}
    options = plan_options(order.options.get("precision", "fp32"), members, replicates, torch.device("cpu"))
    plan = options.get("plan")
    workers = min(plan.workers, len(members)) if plan else 1
    spans: list[Span] = []
    training: list[float] = []
    how = ""
    with evaluations(workers) as evaluation:
        for event in fit(members, replicates, device=torch.device("cpu"), **options):
            if isinstance(event, PopulationStarted):
                how = str(options.get("plan", event.how))
            if isinstance(event, EpochEnded):
                ended = time.time()
                spans.append((ended - event.seconds, ended))
                training.append(event.seconds - evaluation())
    answer(
        order,
        spans,
        packages="torch",
        samples=len(replicates[members[0].seed].split.train),
        members=len(members),
        training=training[-1],
        epochs=[ended - began for began, ended in spans],
        how=how,
        processes=workers if plan and plan.processes else 0,
    )


def main() -> None:
    """Measure, or say what is missing."""
    try:
        measure(read_order())
    except NotYetError as error:
        skip(str(error))


if __name__ == "__main__":
    main()
