"""Dropout as an ensemble: what the thinned networks of a trained model answer, averaged in three ways.

- Weight scaling: the whole network once, in evaluation mode; what ``predict`` does. For a network without
  non-linearities it is the average; else it is near it.
- Monte Carlo: the mean over some thinned networks drawn by a seed, and their standard deviation.
- Exact: the expectation over all masks, each with its probability; for layers of a few units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from wellfit.errors import ModelError
from wellfit.models import build, load_state, state_of
from wellfit.random import generator
from wellfit.recipe import ModelSpec
from wellfit.regularize.activations.classic_dropout import ClassicDropout
from wellfit.regularize.activations.dropout import Dropout
from wellfit.regularize.activations.spatial_dropout import SpatialDropout
from wellfit.regularize.activations.stochastic_depth import StochasticDepth
from wellfit.regularize.stages import Activation, Moment, WeightMask
from wellfit.study.trained import BATCH, TrainedModel
from wellfit.train.active import acting_on, acting_places, active_methods
from wellfit.train.hidden import Acting
from wellfit.train.member import Member
from wellfit.train.sites import SiteHooks, find_sites, module_of

WHERE = "ensemble"
MOST_UNITS = 16
"""The exact expectation asks 2^units networks."""
ROWS = 8192
"""Rows that the exact expectation puts through the network at a time."""
SILENCING = (Dropout, ClassicDropout, SpatialDropout, StochasticDepth)
"""Methods that keep a part or silence it, by a uniform draw against ``rate``: their masks can be counted."""
START = Moment(t=1, steps=1, epochs=torch.ones(1))

Choose = Callable[[str, Acting], Tensor]
"""The draws (1 or B, ...) of a method at a site."""


@dataclass(frozen=True, eq=False)
class Averaged:
    """What an ensemble answers: probabilities (N, C), or numbers (N, K) in the targets' units."""

    way: Literal["scaling", "mc", "exact"]
    mean: Tensor
    std: Tensor | None
    """The standard deviation over the networks, of each number; None for weight scaling, which asks one."""
    networks: int
    """How many were asked."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The three averages of one model on the same samples."""

    scaling: Averaged
    monte_carlo: Averaged
    exact: Averaged

    @property
    def scaling_error(self) -> float:
        """The largest difference between weight scaling and the exact expectation."""
        return float((self.scaling.mean - self.exact.mean).abs().max())

    @property
    def monte_carlo_error(self) -> float:
        """The largest difference between the Monte-Carlo mean and the exact expectation."""
        return float((self.monte_carlo.mean - self.exact.mean).abs().max())


class Thinned:
    """The thinned networks of one network: its parts are silenced, or made noisy, as while training.

    ``module`` is the plain network with its weights; it is changed. Batch normalization stays in evaluation mode.
    """

    def __init__(self, module: nn.Module, member: Member, shape: tuple[int, ...]) -> None:
        self.module = module.eval()
        self.shape = shape
        device = next(module.parameters()).device
        active = active_methods([member], device)
        sites = find_sites(module, shape)
        self.shapes = sites.shapes
        self.places = {
            site: [one for one in acting if issubclass(one.method, Activation)]
            for site, acting in acting_places(active, sites).items()
        }
        leaves = {name: p.detach().unsqueeze(0) for name, p in module.named_parameters() if p.requires_grad}
        masks = [one for one in active if issubclass(one.method, WeightMask)]
        self.masked = list(acting_on(masks, leaves, START))
        if not any(self.places.values()) and not self.masked:
            what = "the model was trained without dropout or another method on its activations"
            raise ModelError(WHERE, what, "a model with one: its thinned networks are the ensemble")
        self._choose: Choose | None = None
        self._hooks = SiteHooks(module, {module_of(site) for site in self.places}, self._change)

    def _change(self, site: str, h: Tensor) -> Tensor:
        for acting in self.places.get(site, []) if self._choose is not None else []:
            numbers = {name: value[0] for name, value in acting.numbers.items()}
            method = cast(type[Activation], acting.method)
            h = method.apply(h, cast(Choose, self._choose)(site, acting).to(h.device), numbers)
        return h

    @torch.no_grad()
    def answer(self, x: Tensor, choose: Choose, weights: dict[str, Tensor]) -> Tensor:
        """Return the answers (B, K) for scaled inputs with these draws, and these weights instead of the plain ones."""
        self._hooks.begin()
        self._choose = choose
        try:
            answer: Tensor = functional_call(self.module, weights, (x,))
        finally:
            self._choose = None
        return answer

    def draw(self, seed: int, number: int) -> tuple[Choose, dict[str, Tensor]]:
        """Return one thinned network: its draws, made by ``seed`` and ``number`` alone, and its weights.

        All samples are asked of the same network, so that an answer does not depend on what else is asked.
        """
        made: dict[tuple[str, str], Tensor] = {}

        def choose(site: str, acting: Acting) -> Tensor:
            key = (site, acting.name)
            if key not in made:
                draws = generator(seed, WHERE, acting.name, site, number)
                made[key] = cast(type[Activation], acting.method).draw((1, *self.shapes[site]), draws)
            return made[key]

        weights = {name: p.detach() for name, p in self.module.named_parameters()}
        for one, name, numbers in self.masked:
            mask = cast(type[WeightMask], one.method)
            u = mask.draw(weights[name].shape, generator(seed, WHERE, one.name, name, number))
            weights[name] = weights[name] * mask.factor(u.to(weights[name].device).unsqueeze(0), numbers)[0]
        return choose, {name: weights[name] for _, name, _ in self.masked}

    def units(self) -> list[tuple[str, Acting, tuple[int, ...]]]:
        """Return what is kept or silenced: site, method, and the shape (units...) of a sample's draws there.

        Raises
        ------
        ModelError
            A method does something else than silence activations, or there are more than ``MOST_UNITS``.

        """
        found = []
        for site, each in self.places.items():
            for acting in each:
                if not issubclass(acting.method, SILENCING):
                    raise ModelError(WHERE, f"{acting.name} has no countable masks", "'mc'")
                drawn = acting.method.draw((1, *self.shapes[site]), torch.Generator())
                found.append((site, acting, tuple(drawn.shape[1:])))
        if self.masked:
            raise ModelError(WHERE, f"{self.masked[0][0].name} silences weights, not units", "'mc'")
        count = sum(torch.Size(shape).numel() for _, _, shape in found)
        if count > MOST_UNITS:
            what = f"{count} units that can be silenced have 2^{count} masks"
            raise ModelError(WHERE, what, f"at most {MOST_UNITS} units for 'exact', or 'mc'")
        return found

    def all_masks(self, samples: int) -> Iterator[tuple[Choose, Tensor]]:
        """Yield the draws of all thinned networks, some at a time, with their probabilities (float64).

        The draws are for inputs that hold ``samples`` rows for the first network, then for the second, and so on.
        """
        units = self.units()
        counts = [torch.Size(shape).numel() for _, _, shape in units]
        keep = [1 - float(acting.numbers["rate"][0]) for _, acting, _ in units]
        chance = torch.tensor(keep, dtype=torch.float64).repeat_interleave(torch.tensor(counts))  # (units,)
        total = 2 ** sum(counts)
        some = max(1, ROWS // samples)
        for start in range(0, total, some):
            numbers = torch.arange(start, min(start + some, total))
            kept = (numbers[:, None] >> torch.arange(sum(counts))) & 1 == 1  # (M, units)
            probability = torch.where(kept, chance, 1 - chance).prod(1)
            parts = torch.split(kept.to(torch.float32), counts, dim=1)
            # a draw of 1 is never below the rate, one of 0 always: a rate of 0 is no method at all
            draws = {
                (site, acting.name): part.view(-1, *shape).repeat_interleave(samples, dim=0)
                for (site, acting, shape), part in zip(units, parts, strict=True)
            }
            yield partial(_look_up, draws), probability


def _look_up(draws: Mapping[tuple[str, str], Tensor], site: str, acting: Acting) -> Tensor:
    return draws[site, acting.name]


def thinned(trained: TrainedModel) -> Thinned:
    """Return the thinned networks of a trained model.

    Raises
    ------
    ModelError
        It was trained without any method on its activations.

    """
    spec = cast(ModelSpec, trained.recipe.model)
    plain = build(
        spec, shape=trained.shape, outputs=trained.outputs, seed=trained.seed, pixels=trained.task == "segmentation"
    )
    load_state(plain, state_of(trained.module))
    return Thinned(plain, Member(trained.arm, trained.seed, trained.recipe), trained.shape)


def weight_scaling(trained: TrainedModel, x: Tensor) -> Averaged:
    """Return what the whole network answers in evaluation mode; ``x`` as in ``TrainedModel.predict``."""
    return Averaged("scaling", trained.predict(x), None, 1)


@torch.no_grad()
def monte_carlo(trained: TrainedModel, x: Tensor, *, networks: int = 50, seed: int = 0) -> Averaged:
    """Return the mean and the sample standard deviation over ``networks`` thinned networks drawn by ``seed``.

    The mean's own error falls as std / sqrt(networks).

    Raises
    ------
    ModelError
        The model has no method on its activations, or ``networks`` is less than 2.

    """
    if networks < 2:
        raise ModelError(WHERE, f"received {networks} networks", "at least 2, for a standard deviation")
    ensemble = thinned(trained)
    mean = square = torch.zeros((), dtype=torch.float64)
    for number in range(networks):
        choose, weights = ensemble.draw(seed, number)
        parts = [ensemble.answer(trained.inputs(part), choose, weights) for part in torch.split(x, BATCH)]
        answers = trained.read(torch.cat(parts)).double()
        step = answers - mean
        mean = mean + step / (number + 1)  # Welford's way: no difference of large numbers
        square = square + step * (answers - mean)
    return Averaged("mc", mean.float(), (square / (networks - 1)).sqrt().float(), networks)


@torch.no_grad()
def exact(trained: TrainedModel, x: Tensor) -> Averaged:
    """Return the expectation over all masks, and the standard deviation under their distribution.

    Raises
    ------
    ModelError
        The model has no method on its activations, one whose masks cannot be counted, or more units than
        ``MOST_UNITS``.

    """
    ensemble = thinned(trained)
    means, deviations = [], []
    networks = 0
    for part in torch.split(x, BATCH):
        inputs, center = trained.inputs(part), trained.predict(part).double()
        mean, square = torch.zeros_like(center), torch.zeros_like(center)
        networks = 0
        for choose, probability in ensemble.all_masks(len(part)):
            many = inputs.repeat(len(probability), *[1] * (inputs.ndim - 1))
            answers = trained.read(ensemble.answer(many, choose, {})).double()
            distance = answers.view(len(probability), *center.shape) - center
            mean += torch.einsum("m,mnk->nk", probability, distance)
            square += torch.einsum("m,mnk->nk", probability, distance.square())
            networks += len(probability)
        means.append(center + mean)
        deviations.append((square - mean.square()).clamp_(min=0).sqrt_())
    return Averaged("exact", torch.cat(means).float(), torch.cat(deviations).float(), networks)


def compare(trained: TrainedModel, x: Tensor, *, networks: int = 50, seed: int = 0) -> Comparison:
    """Return the three averages of one model on the same samples; errors as those of ``exact``."""
    return Comparison(
        scaling=weight_scaling(trained, x),
        monte_carlo=monte_carlo(trained, x, networks=networks, seed=seed),
        exact=exact(trained, x),
    )
