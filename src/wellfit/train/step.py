"""The one step, as the textbook writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from wellfit.regularize.stages import (
    Around,
    Ascent,
    Averaging,
    GradientRule,
    Moment,
    NoisyGradient,
    Penalty,
    WeightMask,
    WeightRule,
)
from wellfit.train.active import acting_on, per_member
from wellfit.train.affine import AffineUpdates
from wellfit.train.losses import Loss
from wellfit.train.network import Affine, Batch, Leaves, Network
from wellfit.train.optimizers.base import FusedOptimizer
from wellfit.train.population import Population, units_first


@torch.no_grad()
def step(
    population: Population, network: Network, batch: Batch, loss: Loss, updates: AffineUpdates | None = None
) -> tuple[Tensor, Tensor, Leaves]:
    """Take one step of all members: forward, loss, backward, update.

    With ``updates``, for members whose update is affine, the network may do it in one with the gradient.

    Stage 1 has been applied to ``batch`` (``wellfit.train.feed``), stage 6 acts between epochs (``wellfit.train.fit``).

    Returns
    -------
    losses, terms, gradients
        The data loss of each member (P,), before the update; what answers and activations added to it (P,); the
        gradients that the optimizer was given, but for those that were merged.

    """
    population.t += 1
    moment = population.moment(population.t)
    population.draws.begin_step()
    lr = population.rates(moment)
    update = None if updates is None else updates.at(moment, lr)
    losses, terms, g = _gradients(population, network, batch, loss, moment, update)  # stages 2 and 3
    leaves = {name: population.leaves[name] for name in g}
    for one, name, numbers in acting_on(population.of_stage(Penalty), leaves, moment):
        cast(type[Penalty], one.method).add_gradient(g[name], population.leaves[name], numbers)
    frozen = population.frozen_now(moment)
    for name, mask in frozen.items():
        g[name].masked_fill_(per_member(mask, g[name]), 0)
    _change_gradients(population, g, moment)  # stage 4
    kept = _kept(population, frozen)
    _constrain(population, leaves, moment, lr, "before")  # stage 5
    _update(population, g, moment, lr)
    _constrain(population, population.leaves, moment, lr, "after")
    for now, before, mask in kept:  # stage 6: the freezing plan
        now.copy_(torch.where(per_member(mask, now), before, now))
    _average(population, moment)
    return losses, terms, g


def _gradients(
    population: Population, network: Network, batch: Batch, loss: Loss, moment: Moment, update: Affine | None
) -> tuple[Tensor, Tensor, Leaves]:
    """Return losses, terms and gradients; only the forward pass sees weights that are masked or moved uphill."""
    objective = population.objective(loss)
    factors = _mask_factors(population, moment)

    def at(leaves: Leaves) -> tuple[Tensor, Tensor, Leaves]:
        masked = {name: w * factors[name] if name in factors else w for name, w in leaves.items()}
        losses, terms, g = network.gradients(masked, population.buffers, batch, objective, population.hidden, update)
        return losses, terms, {name: value * factors[name] if name in factors else value for name, value in g.items()}

    ascents = population.of_stage(Ascent)
    if not ascents:
        return at(population.leaves)
    before = _copied(population.buffers)
    losses, terms, g = at(population.leaves)
    after = _copied(population.buffers)
    for name, mask in population.frozen_now(moment).items():  # what is frozen is not moved, and not in the norm
        g[name].masked_fill_(per_member(mask, g[name]), 0)
    moved = dict(population.leaves)
    for one in ascents:
        distances = cast(type[Ascent], one.method).move(list(g.values()), one.now(moment))
        moved = {name: moved[name] + distance for name, distance in zip(g, distances, strict=True)}
    # the second pass is no second look at the data: running statistics count the first
    for name, value in before.items():
        population.buffers[name].copy_(value)
    _, _, g = at(moved)
    for name, value in after.items():
        population.buffers[name].copy_(value)
    return losses, terms, g


def _mask_factors(population: Population, moment: Moment) -> Leaves:
    factors: Leaves = {}
    for one, name, numbers in acting_on(population.of_stage(WeightMask), population.leaves, moment):
        mask = cast(type[WeightMask], one.method)
        u = population.draws.of_members(one.name, name, population.leaves[name].shape[1:], mask.draw)
        factor = mask.factor(u, numbers)
        factors[name] = factors[name] * factor if name in factors else factor
    return factors


def _change_gradients(population: Population, g: Leaves, moment: Moment) -> None:
    for one in population.methods:
        if issubclass(one.method, GradientRule):
            one.method.transform(list(g.values()), one.now(moment))
        elif issubclass(one.method, NoisyGradient):
            deviation = one.method.deviation(one.now(moment), moment)
            for name, value in g.items():
                noise = population.draws.of_members(one.name, name, value.shape[1:], _normal)
                value.addcmul_(noise, per_member(deviation, value))


def _normal(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.randn(tuple(shape), generator=generator)


def _update(population: Population, g: Leaves, moment: Moment, lr: Tensor) -> None:
    numbers = {**population.optimizer_numbers, "lr": lr}
    if isinstance(population.optimizer, FusedOptimizer) and population.device.type == "cpu" and g:
        _update_fused(population, population.optimizer, g, moment, numbers)
        return
    common = None
    for name, value in g.items():
        w = population.leaves[name]
        if name in population.frozen:
            exact = population.optimizer.coefficients(numbers, population.own_steps(name, moment))
        else:
            common = exact = common or population.optimizer.coefficients(numbers, population.own_steps(name, moment))
        c = {key: per_member(value.float(), w) for key, value in exact.items()}
        population.optimizer.update(w, value, population.state[name], c)


def _update_fused(
    population: Population, optimizer: FusedOptimizer, g: Leaves, moment: Moment, numbers: Mapping[str, Tensor]
) -> None:
    """Take the step member after member, each in one pass over its weights."""
    names = list(g)
    steps = zip(*(population.own_steps(name, moment).tolist() for name in names), strict=True)
    each = [dict(zip(numbers, row, strict=True)) for row in zip(*(v.tolist() for v in numbers.values()), strict=True)]
    weights = zip(*(population.leaves[name].unbind(0) for name in names), strict=True)
    # the fused updates go through memory in its order
    gradients = zip(*(value.contiguous().unbind(0) for value in g.values()), strict=True)
    states = [
        zip(*(population.state[name][slot].unbind(0) for name in names), strict=True) for slot in optimizer.slots()
    ]
    for w, own, t, number, *state in zip(weights, gradients, steps, each, *states, strict=True):
        optimizer.update_member(w, own, dict(zip(optimizer.slots(), state, strict=True)), number, t)


def _constrain(population: Population, leaves: Leaves, moment: Moment, lr: Tensor, when: str) -> None:
    rules = [one for one in population.of_stage(WeightRule) if cast(type[WeightRule], one.method).when == when]
    for one, name, numbers in acting_on(rules, leaves, moment):
        axis = population.unit_axis.get(name, 0)
        w = units_first(leaves[name], axis)
        slots = population.rule_state.get(one.name, {}).get(name, {})
        state = {slot: units_first(value, axis) for slot, value in slots.items()}
        around = Around(per_member(lr, w).to(w.dtype), moment, state)
        cast(type[WeightRule], one.method).apply(w, numbers, around)


def _average(population: Population, moment: Moment) -> None:
    if not population.average:
        return
    averaging = population.of_stage(Averaging)
    # a member has one of them at most; the others leave it at 1, where the average is the weights themselves
    each = [cast(type[Averaging], one.method).weight(one.now(moment), moment) for one in averaging]
    weight = torch.stack(each).amin(0) if each else torch.ones(len(population), device=population.device)
    for name, average in population.average.items():
        now = population.leaves[name] if name in population.leaves else population.buffers[name]
        share = per_member(weight, average).to(average.dtype)
        # a difference of huge weights overflows, and 0 times that is no number
        average.copy_(torch.where(share == 1, now, average.lerp(now, share)))


def _copied(tensors: Leaves) -> Leaves:
    return {name: value.clone() for name, value in tensors.items()}


def _kept(population: Population, frozen: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return the tensors of frozen leaves, their optimizer's and weight rules' among them: as they are, a copy, and
    whose members keep the copy.
    """
    own = []
    for name, mask in frozen.items():
        rules = [value for each in population.rule_state.values() for value in each[name].values()]
        tensors = [population.leaves[name], *population.state[name].values(), *rules]
        own += [(value, value.clone(), mask) for value in tensors]
    return own
