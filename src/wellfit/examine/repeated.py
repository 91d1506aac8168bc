"""Train the same thing on every resample, for every value of the axis, and keep what it predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wellfit.data.batches import at_a_time
from wellfit.examine.neighbors import neighbor_predictions
from wellfit.examine.resample import Drawn
from wellfit.models import load_state
from wellfit.recipe import Recipe
from wellfit.recipe.loss import LossSpec
from wellfit.train.events import Event, MemberFinished
from wellfit.train.fit import fit
from wellfit.train.handed import scale_in_evaluation
from wellfit.train.losses import probabilities
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate
from wellfit.train.start import populations, start_modules

Array = npt.NDArray[np.float64]

BATCH = 512


@dataclass
class Predictions:
    """What the trainings with one value predict; a training that diverged is left out."""

    evaluation: list[Array] = field(default_factory=list)
    """(N, K) each: class probabilities, or numbers in standard deviations of the train targets."""
    train: list[Array] = field(default_factory=list)
    """The same for some of its own train samples."""
    shown: list[Tensor] = field(default_factory=list)
    """Which samples these are."""
    diverged: int = 0
    late_fall: list[float] = field(default_factory=list)
    """By how much of where it began the objective fell in the last fifth of the epochs."""


def targets_of(replicate: Replicate, rows: Tensor) -> Array:
    """Return targets (N, K): one-hot classes, or numbers in standard deviations of the train targets."""
    y = replicate.targets(rows, device=torch.device("cpu")).numpy()
    if replicate.dataset.task == "classification":
        y = np.eye(replicate.dataset.outputs)[y]
    return np.asarray(y, dtype=np.float64)


def neighbors(drawn: Drawn, ks: Sequence[int]) -> dict[float, Predictions]:
    """Return the predictions of k-NN by k."""
    found = {float(k): Predictions() for k in ks}
    wanted = _inputs(drawn.replicate, drawn.evaluation)
    for number, rows in enumerate(drawn.resamples):
        train, y, shown = _inputs(drawn.replicate, rows), targets_of(drawn.replicate, rows), drawn.shown(number)
        both = np.concatenate([wanted, _inputs(drawn.replicate, shown)])
        for k, answers in zip(ks, neighbor_predictions(train, y, both, ks), strict=True):
            found[k].evaluation.append(answers[: len(wanted)])
            found[k].train.append(answers[len(wanted) :])
            found[k].shown.append(shown)
    return found


def _inputs(replicate: Replicate, rows: Tensor) -> npt.NDArray[np.float32]:
    x: Tensor = replicate.scale(replicate.gather(rows, device=torch.device("cpu")))
    return x.flatten(1).numpy()


def networks(
    drawn: Drawn, recipes: Mapping[float, Recipe], *, over: str, listen: Callable[[Event], None]
) -> dict[float, Predictions]:
    """Return the predictions of networks by value: all resamples of all values of one structure are one population."""
    found = {value: Predictions() for value in recipes}
    views = drawn.views()
    members = [
        Member(f"{over} {value:g}, resample {number + 1}", seed, recipe, view=number)
        for value, recipe in recipes.items()
        for number, seed in enumerate(drawn.seeds)
    ]
    places = {member.key: (value, member) for value, group in _by_value(members, recipes) for member in group}
    for population in populations(members):
        (module,) = start_modules(population[:1], views)
        scale_in_evaluation(module, population[0], drawn.replicate.shape)  # its rate is that of all
        for event in fit(population, views):
            listen(event)
            if isinstance(event, MemberFinished):
                value, member = places[event.record.arm, event.record.seed]
                if event.record.status == "diverged":
                    found[value].diverged += 1
                    continue
                load_state(module, dict(event.weights))
                _note(found[value], module, member, drawn)
                found[value].late_fall.append(_late_fall(event.record.series("objective")))
    return found


def _by_value(members: Sequence[Member], recipes: Mapping[float, Recipe]) -> list[tuple[float, Sequence[Member]]]:
    size = len(members) // len(recipes)
    return [(value, members[at * size : (at + 1) * size]) for at, value in enumerate(recipes)]


def _note(found: Predictions, module: torch.nn.Module, member: Member, drawn: Drawn) -> None:
    number = cast(int, member.view)
    shown = drawn.shown(number)
    found.evaluation.append(_answers(module, member, drawn.replicate, drawn.evaluation))
    found.train.append(_answers(module, member, drawn.replicate, shown))
    found.shown.append(shown)


@torch.no_grad()
def _answers(module: torch.nn.Module, member: Member, replicate: Replicate, rows: Tensor) -> Array:
    module.eval()
    cpu = torch.device("cpu")
    parts = torch.split(rows, at_a_time(replicate.shape, most=BATCH))
    z = torch.cat([module(replicate.scale(replicate.gather(part, device=cpu))) for part in parts])
    if replicate.dataset.task == "classification":
        z = probabilities(cast(LossSpec, member.recipe.loss), z)
    return np.asarray(z.numpy(), dtype=np.float64)


def _late_fall(objective: Sequence[float]) -> float:
    """Return by how much of where it began the objective fell in the last fifth, by means over tenths of the epochs."""
    tenth = max(1, len(objective) // 10)
    before = float(np.mean(objective[-3 * tenth : -2 * tenth] or objective[:tenth]))
    return 0.0 if objective[0] == 0 else (before - float(np.mean(objective[-tenth:]))) / abs(objective[0])
