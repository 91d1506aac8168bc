"""The one step, as the textbook writes it."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from wellfit.regularize.stages import GradientRule, Penalty, WeightRule
from wellfit.train.losses import Loss
from wellfit.train.network import Batch, Leaves, Network
from wellfit.train.population import Population, per_member


@torch.no_grad()
def step(population: Population, network: Network, batch: Batch, loss: Loss) -> tuple[Tensor, Leaves]:
    """Take one step of all members: forward, loss, backward, update.

    Stage 1 has been applied to ``batch`` (``wellfit.train.feed``), stage 6 acts between epochs (``wellfit.train.fit``).

    Returns
    -------
    losses, gradients
        The data loss of each member (P,), before the update; the gradients that the optimizer was given.

    """
    leaves, weights = population.leaves, population.weights()
    population.t += 1
    population.hidden.begin_step()
    losses, g = network.gradients(leaves, population.buffers, batch, loss, population.hidden)  # stage 2 inside
    for active in population.penalties:  # stage 3
        penalty = cast(type[Penalty], active.method)
        for name, w in weights.items():
            penalty.add_gradient(g[name], w, active.beside(w))
    for active in population.gradient_rules:  # stage 4
        cast(type[GradientRule], active.method).transform(list(g.values()), active.numbers)
    _constrain(population, weights, "before")  # stage 5
    _update(population, g)
    _constrain(population, weights, "after")
    return losses, g


def _update(population: Population, g: Leaves) -> None:
    exact = population.optimizer.coefficients(population.optimizer_numbers, population.t)
    coefficients = {key: value.float() for key, value in exact.items()}
    for name, w in population.leaves.items():
        c = {key: per_member(value, w) for key, value in coefficients.items()}
        population.optimizer.update(w, g[name], population.state[name], c)


def _constrain(population: Population, weights: Leaves, when: str) -> None:
    for active in population.weight_rules:
        rule = cast(type[WeightRule], active.method)
        if rule.when == when:
            for w in weights.values():
                lr = per_member(population.optimizer_numbers["lr"], w).to(w.dtype)
                rule.apply(w, lr, active.beside(w))
