"""Train the arms of a family with wellfit's own engine, and measure what no user sees: the loss on further samples.

It is the loop of ``wellfit.train.fit`` with more eyes: after an epoch it also reads the oracle samples, several
validation sets at once (they change nothing in a training that hands over its last weights), and single layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmarks.labelled.cases import Arm, Family, Net
from benchmarks.labelled.sources import pool, rows_of
from wellfit.data import Dataset, Split, fit_targets
from wellfit.data.preparation import fit_scaler
from wellfit.diagnosis.chance import class_frequency_loss
from wellfit.models.state import load_state
from wellfit.models.statistics import activation_statistics
from wellfit.random import generator
from wellfit.recipe import DataSpec, Recipe
from wellfit.recipe.loss import LossSpec
from wellfit.regularize.gradient.clip_norm import gradient_norm
from wellfit.regularize.stages import TargetRule
from wellfit.train.choose import choose_network
from wellfit.train.denormals import flushed
from wellfit.train.evaluate import evaluate, measure_of
from wellfit.train.feed import Feed, feed_order
from wellfit.train.losses import make_loss
from wellfit.train.member import Member
from wellfit.train.network import Network
from wellfit.train.population import Population
from wellfit.train.replicate import Replicate
from wellfit.train.sites import find_sites
from wellfit.train.start import start_modules
from wellfit.train.step import step

CPU = torch.device("cpu")
MOST_ORACLE = 1500
TINY = 24
"""Samples of the validation set that is far too small."""
INSIDE = 128
"""Samples on which units are counted."""
LONGER = 3
SPARSE = 12
"""Measurements from the end of the labelled curves to three times their length."""


@dataclass(frozen=True)
class Seen:
    """A replicate with the samples that stand beside its split."""

    replicate: Replicate
    half: int
    views: Mapping[str, Tensor]
    """Validation sets: ``fair``, ``tiny``, and ``leak``, of which half is copied from train."""
    oracle: Tensor
    wrong: Tensor
    """bool (N,): whose label was changed."""


def replicate_of(family: Family, half: int, number: int) -> Seen:
    """Draw a family's replicate: train, validation, and all other samples (up to ``MOST_ORACLE``) as the oracle."""
    seed = 10 * number + half
    order = rows_of(family.data, half if family.split else None, seed)
    a, b = family.train, family.train + family.validation
    end = min(b + MOST_ORACLE, len(pool(family.data)) // (2 if family.split else 1))  # alike for all seeds
    train, fair, oracle = order[:a], order[a:b], order[b:end]
    dataset, wrong = _with_wrong_labels(pool(family.data), family, train, seed)
    spec = DataSpec(source=family.data)
    split = Split(train=train, validation=fair, test=oracle)
    replicate = Replicate(
        dataset=dataset,
        seed=seed,
        split=split,
        encoder=None,
        scaler=fit_scaler(dataset, spec, split, None),
        target_scaler=fit_targets(dataset.y, train) if dataset.task == "regression" else None,
        probe=train,
    )
    leak = torch.cat([train[: len(fair) // 2], fair[: len(fair) - len(train[: len(fair) // 2])]])
    return Seen(replicate, half, {"fair": fair, "tiny": fair[:TINY], "leak": leak}, oracle, wrong)


def _with_wrong_labels(dataset: Dataset, family: Family, train: Tensor, seed: int) -> tuple[Dataset, Tensor]:
    wrong = torch.zeros(len(dataset), dtype=torch.bool)
    if not family.noise:
        return dataset, wrong
    draw = generator(seed, "wrong labels")
    chosen = torch.rand(len(dataset), generator=draw) < family.noise
    if family.noisy == "train":
        wrong[train] = chosen[train]
    else:
        wrong = chosen
    other = torch.randint(1, dataset.outputs, (len(dataset),), generator=draw)
    return replace(dataset, y=torch.where(wrong, (dataset.y + other) % dataset.outputs, dataset.y)), wrong


def recipe_of(family: Family, net: Net, arm: Arm) -> Recipe:
    """Return the arm's recipe: SGD with momentum, which leaves the learning rate its meaning."""
    loss = "mse" if pool(family.data).task == "regression" else "cross_entropy"
    return Recipe.model_validate(
        {
            "data": family.data,
            "model": net.model,
            "loss": loss,
            "optimizer": {"kind": "momentum", "lr": family.lr * arm.rate},
            "regularizers": arm.methods,
            "batch_size": family.batch,
            "epochs": LONGER * family.epochs,
            "restore": "last",
        }
    )


def measured_epochs(last: int) -> list[int]:
    """Return all epochs up to ``last``, and ``SPARSE`` more up to three times that."""
    return [*range(1, last + 1), *(last + round((LONGER - 1) * last * i / SPARSE) for i in range(1, SPARSE + 1))]


def train(family: Family, net: Net) -> list[dict[str, Any]]:
    """Train a network's arms for all seeds as one population; return what was measured of each run."""
    seen = [replicate_of(family, half, n) for half in family.halves for n in range(family.seeds)]
    replicates = {each.replicate.seed: each.replicate for each in seen}
    arms = {arm.name: arm for arm in net.arms}
    made = [Member(arm.name, seed, recipe_of(family, net, arm)) for arm in net.arms for seed in replicates]
    members = sorted(made, key=feed_order)
    modules = start_modules(members, replicates)
    for module, member in zip(modules, members, strict=True):
        _start(module, arms[member.arm])
    recipe, shape = members[0].recipe, next(iter(replicates.values())).shape
    sites = find_sites(modules[0], shape)
    network = choose_network(modules[0], members, sites=sites, shape=shape, device=CPU)
    steps = -(-family.train // recipe.batch_size)
    population = Population(members, modules, sites=sites, steps=steps, device=CPU)
    watch = _Watch(population, network, members, {each.replicate.seed: each for each in seen}, modules, arms)
    when = set(measured_epochs(family.epochs))
    with flushed():
        for epoch in range(1, recipe.epochs + 1):
            population.begin_epoch(epoch, [() for _ in members])
            trained = _epoch(population, network, replicates, epoch)
            if epoch in when:
                watch.read(epoch, *trained, whole=epoch <= family.epochs)
    facts = {"family": family.name, "data": family.data, "network": net.name, "noise": family.noise}
    return [{**facts, **run} for run in watch.runs()]


def _start(module: nn.Module, arm: Arm) -> None:
    """Spoil the start of a network on purpose; the last layer's bias stays."""
    named = dict(module.named_parameters())
    biases = [name for name in named if name.endswith("bias")]
    with torch.no_grad():
        for name, p in named.items():
            if name.endswith("weight"):
                p.mul_(arm.gain)
            elif name in biases[:-1] and arm.bias:
                p.add_(arm.bias)


def _epoch(
    population: Population, network: Network, replicates: Mapping[int, Replicate], epoch: int
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Train one epoch; return the mean data loss in train mode, the mean norm of the gradient, and that by weight."""
    recipe = population.members[0].recipe
    loss = make_loss(cast(LossSpec, recipe.loss), pixels=False)
    rules = population.of_stage(TargetRule)
    feed = Feed(population.members, replicates, batch_size=recipe.batch_size, device=CPU, rules=rules)
    total = torch.zeros(len(population), dtype=torch.float64)
    norms = torch.zeros_like(total)
    layers: dict[str, Tensor] = {}
    for number, batch in enumerate(feed.epoch(epoch)):
        losses, _, g = step(population, network, batch, loss)
        total += losses * batch.x.shape[1]
        if number % 4 == 0:
            norms += gradient_norm(list(g.values()))
            for name, value in g.items():
                if value.ndim > 2:
                    layers[name] = layers.get(name, torch.zeros_like(total)) + value.flatten(1).norm(dim=1)
    counted = -(-feed.steps // 4)
    return total / feed.samples, norms / counted, {name: value / counted for name, value in layers.items()}


class _Watch:
    """Collects what is measured of each member, epoch by epoch."""

    def __init__(
        self,
        population: Population,
        network: Network,
        members: Sequence[Member],
        seen: Mapping[int, Seen],
        modules: Sequence[nn.Module],
        arms: Mapping[str, Arm],
    ) -> None:
        self.population, self.network, self.members, self.seen = population, network, members, seen
        self.modules, self.arms = modules, arms
        self.found: list[dict[str, list[float]]] = [{} for _ in members]
        self.epochs: list[int] = []

    def read(self, epoch: int, losses: Tensor, norms: Tensor, layers: Mapping[str, Tensor], *, whole: bool) -> None:
        """Measure after an epoch; ``whole``: also what only labelled curves show."""
        self.epochs.append(epoch)
        self._score("train", lambda r: r.probe)
        self._score("held", lambda r: self.seen[r.seed].oracle)
        if not whole:
            return
        for view in ("fair", "tiny", "leak"):
            self._score(view, lambda r, view=view: self.seen[r.seed].views[view])
        self._keep("in_training", losses)
        self._keep("grad_norm", norms)
        for name, value in layers.items():
            self._keep(f"grad_norm.{name.removesuffix('.weight')}", value)
        self._inside()

    def _keep(self, name: str, values: Tensor | Sequence[float]) -> None:
        listed = values.tolist() if isinstance(values, Tensor) else values
        for found, value in zip(self.found, listed, strict=True):
            found.setdefault(name, []).append(float(value))

    def _score(self, name: str, which: Any) -> None:
        population, replicates = self.population, {seed: each.replicate for seed, each in self.seen.items()}
        loss = measure_of(self.members[0].recipe, pixels=False)
        score = evaluate(self.network, *population.evaluated(), self.members, replicates, which, loss=loss, device=CPU)
        self._keep(f"{name}_loss", score.loss)
        if score.accuracy is not None:
            self._keep(f"{name}_accuracy", score.accuracy)

    def _inside(self) -> None:
        """Count dead and saturated units, on train samples as the curves have it and on the oracle's as the truth."""
        for i, member in enumerate(self.members):
            if not self.arms[member.arm].is_watched_inside:
                continue
            load_state(self.modules[i], {name: value[i] for name, value in self.population.handed().items()})
            each = self.seen[member.seed]
            for prefix, rows in (("", each.replicate.probe), ("held_", each.oracle)):
                x = each.replicate.scale(each.replicate.gather(rows[:INSIDE], device=CPU))
                for layer in activation_statistics(self.modules[i], x):
                    dead, ends = f"{prefix}dead.{layer.site}", f"{prefix}saturated.{layer.site}"
                    if layer.kind == "ReLU":
                        self.found[i].setdefault(dead, []).append(layer.dead)
                    if layer.saturated is not None:
                        self.found[i].setdefault(ends, []).append(layer.saturated)

    def runs(self) -> list[dict[str, Any]]:
        """Return each member's measurements."""
        found = []
        for i, member in enumerate(self.members):
            each = self.seen[member.seed]
            found.append(
                {
                    "arm": member.arm,
                    "seed": member.seed,
                    "half": each.half,
                    "chance": _chance(each),
                    "guess": _guess(each),
                    "lr": float(member.recipe.optimizer.lr),
                    "epochs": self.epochs,
                    "series": self.found[i],
                }
            )
        return found


def _guess(seen: Seen) -> float:
    """Return the chance loss by the train samples alone."""
    replicate = seen.replicate
    if replicate.dataset.task == "regression":
        return 1.0
    return class_frequency_loss(torch.bincount(replicate.dataset.y[replicate.split.train]).tolist())


def _chance(seen: Seen) -> float:
    """Return the loss of answering the train frequencies (the mean: 1), on the oracle."""
    replicate = seen.replicate
    if replicate.dataset.task == "regression":
        return float((replicate.targets(seen.oracle, device=CPU) ** 2).mean())
    y = replicate.dataset.y
    share = torch.bincount(y[replicate.split.train], minlength=replicate.dataset.outputs).double().clamp(min=0.5)
    return -float((share / share.sum()).log()[y[seen.oracle]].mean())
