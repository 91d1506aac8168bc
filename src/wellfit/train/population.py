"""A population: members of one structure as stacked tensors, each with its own numbers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from wellfit.regularize.stages import Averaging, Freezing, Moment, OutputPenalty, Penalty, WeightRule
from wellfit.train.active import Active, acting_on, acting_places, active_methods, per_member
from wellfit.train.draws import Draws
from wellfit.train.hidden import HiddenStage
from wellfit.train.losses import Loss
from wellfit.train.member import Member
from wellfit.train.network import Leaves, Objective
from wellfit.train.optimizers import Optimizer, State, make_optimizer
from wellfit.train.schedules import Curve, curve
from wellfit.train.sites import Sites


class Population:
    """Members trained in lockstep.

    ``leaves`` are the trainable parameters (P, ...) by their names in the plain network, ``buffers`` everything else in
    its state (running statistics, frozen parameters), ``state`` the optimizer's tensors by leaf and slot,
    ``rule_state`` those of weight rules by method, leaf and slot, ``average`` the averaged weights and buffers where a
    member asks for them, ``best`` what each member would hand over of its best epoch. ``t`` counts the steps taken.
    """

    def __init__(
        self, members: Sequence[Member], modules: Sequence[nn.Module], *, sites: Sites, steps: int, device: torch.device
    ) -> None:
        self.device, self.sites, self.steps = device, sites, steps
        self.leaves: Leaves = _stack(modules, trainable=True, device=device)
        self.buffers: Leaves = _stack(modules, trainable=False, device=device)
        self.unit_axis = _unit_axes(modules[0])
        self.average: Leaves = {}
        self.rule_state: dict[str, dict[str, State]] = {}
        self.t = 0
        self.state: dict[str, State] = {}
        self._set_members(members)
        self.best: Leaves = {name: value.clone() for name, value in self.handed().items()}
        self.state = {name: self._slots(w) for name, w in self.leaves.items()}
        self.begin_epoch(0, [() for _ in members])

    def part(self, rows: slice) -> Population:
        """Return some of the members as a population of their own that shares their tensors: training it trains them.

        Its count of steps is its own; what is not yet known of these members alone (their methods, draws and
        schedules) is worked out anew. It is neither kept from nor loaded into.
        """
        part = copy.copy(self)
        for name in ("leaves", "buffers", "average", "best"):
            setattr(part, name, _rows(getattr(self, name), rows))
        part.state = {name: _rows(slots, rows) for name, slots in self.state.items()}
        part.rule_state = {
            method: {name: _rows(slots, rows) for name, slots in each.items()}
            for method, each in self.rule_state.items()
        }
        part._set_members(self.members[rows])
        part.average = _rows(self.average, rows)
        return part

    def _slots(self, w: Tensor) -> State:
        return {slot: torch.zeros_like(w) for slot in self.optimizer.slots()}

    def _set_members(self, members: Sequence[Member]) -> None:
        """Work out everything that follows from who is in the population."""
        self.members = list(members)
        keeps_state = any(self.state.values())
        self.optimizer: Optimizer
        self.optimizer, numbers = make_optimizer([member.recipe.optimizer for member in members])
        if keeps_state and not self.optimizer.slots():  # the members with momentum have left; the others have none
            self.state = {name: {} for name in self.leaves}
        self.optimizer_numbers = {name: value.to(self.device) for name, value in numbers.items()}
        self.epochs = torch.tensor([float(member.recipe.epochs) for member in members], device=self.device)
        self.methods = active_methods(members, self.device)
        seeds = list(dict.fromkeys(member.seed for member in members))
        seed_of = torch.tensor([seeds.index(member.seed) for member in members], device=self.device)
        self.draws = Draws(seeds, seed_of, self.device)
        self.hidden = HiddenStage(acting_places(self.methods, self.sites), self.draws)
        self._set_averages()
        self._set_rule_state()
        self.frozen = self._frozen_epochs()

    def _set_averages(self) -> None:
        """Begin an average as the weights themselves; give it up when no member needs it any more."""
        if not self.of_stage(Averaging):
            self.average = {}
        elif not self.average:
            floating = {name: b for name, b in self.buffers.items() if b.is_floating_point()}
            self.average = {name: value.clone() for name, value in {**self.leaves, **floating}.items()}

    def _set_rule_state(self) -> None:
        active = {one.name: cast(type[WeightRule], one.method) for one in self.of_stage(WeightRule)}
        self.rule_state = {
            name: self.rule_state.get(name)
            or {
                leaf: {slot: torch.full_like(w, value) for slot, value in method.slots.items()}
                for leaf, w in self.leaves.items()
            }
            for name, method in active.items()
            if method.slots
        }

    def _frozen_epochs(self) -> dict[str, Tensor]:
        """Return for each leaf that any member freezes for how many epochs (P,), float64."""
        plans = [[m for m in member.methods.values() if isinstance(m, Freezing)] for member in self.members]
        each = {
            name: [max((m.frozen_epochs(name) for m in plan), default=0.0) for plan in plans] for name in self.leaves
        }
        found = {name: torch.tensor(own, dtype=torch.float64, device=self.device) for name, own in each.items()}
        return {name: own for name, own in found.items() if bool((own > 0).any())}

    def __len__(self) -> int:
        """Return the number of members that are still in training."""
        return len(self.members)

    def of_stage(self, stage: type[Any]) -> list[Active]:
        """Return the active methods of a base class."""
        return [active for active in self.methods if issubclass(active.method, stage)]

    def objective(self, loss: Loss) -> Objective:
        """Return what the answers of a step are judged by."""
        terms = [(cast(type[OutputPenalty], one.method), one.numbers) for one in self.of_stage(OutputPenalty)]
        return Objective(loss, terms)

    def begin_epoch(self, epoch: int, scores: Sequence[Sequence[float]]) -> None:
        """Begin an epoch: its draws, and the schedules by each member's monitored values so far (higher is better)."""
        self.draws.begin_epoch(epoch)
        self.curves: list[Curve] = [
            curve(member.recipe.schedule, epochs=member.recipe.epochs, scores=own)
            for member, own in zip(self.members, scores, strict=True)
        ]

    def moment(self, t: int) -> Moment:
        """Return where step ``t`` stands in the training."""
        return Moment(t, self.steps, self.epochs)

    def rates(self, moment: Moment) -> Tensor:
        """Return each member's learning rate in a step (P,), float64: its schedule's factor times its ``lr``."""
        passed = (moment.t - 1) / self.steps
        factors = [at(passed) for at in self.curves]
        if all(one == 1.0 for one in factors):
            return self.optimizer_numbers["lr"]
        return self.optimizer_numbers["lr"] * torch.tensor(factors, dtype=torch.float64, device=self.device)

    def frozen_now(self, moment: Moment) -> dict[str, Tensor]:
        """Return by leaf which members keep it as it is in this step: bool (P,)."""
        masks = {name: until >= moment.epoch for name, until in self.frozen.items()}
        return {name: mask for name, mask in masks.items() if bool(mask.any())}

    def own_steps(self, name: str, moment: Moment) -> Tensor:
        """Return how many updates each member's leaf has had, with this one: (P,), float64."""
        t = torch.full((len(self),), float(moment.t), dtype=torch.float64, device=self.device)
        return t - (self.frozen[name].floor() * self.steps).clamp(max=moment.t - 1) if name in self.frozen else t

    def penalty(self) -> Tensor:
        """Return the sum of each member's penalties of its weights (P,) as they are now."""
        total = torch.zeros(len(self), device=self.device)
        for one, name, numbers in acting_on(self.of_stage(Penalty), self.leaves, self.moment(max(self.t, 1))):
            total += cast(type[Penalty], one.method).value(self.leaves[name], numbers)
        return total

    def handed(self) -> Leaves:
        """Return what is evaluated and handed over (P, ...): the averages where there are any, else the weights."""
        return {**self.leaves, **self.buffers, **self.average}

    def evaluated(self) -> tuple[Leaves, Leaves]:
        """Return what is evaluated as leaves and buffers."""
        all_of_it = self.handed()
        return {name: all_of_it[name] for name in self.leaves}, {name: all_of_it[name] for name in self.buffers}

    def remember_best(self, which: Sequence[int]) -> None:
        """Keep what these members would hand over now as their best."""
        if not which:
            return
        rows = torch.tensor(list(which), device=self.device)
        for name, value in self.handed().items():
            self.best[name][rows] = value[rows]

    def handed_over(self, member: int, *, best: bool) -> Leaves:
        """Return one member's best or present weights and buffers, copied to the CPU."""
        source = self.best if best else self.handed()
        return {name: value[member].detach().cpu().clone() for name, value in source.items()}

    def keep(self, which: Sequence[int]) -> None:
        """Let all others leave; the order of those who stay does not change."""
        rows = torch.tensor(list(which), device=self.device, dtype=torch.int64)

        def kept(tensors: Leaves) -> Leaves:
            return {name: value.index_select(0, rows) for name, value in tensors.items()}

        self.leaves, self.buffers, self.best, self.average = map(
            kept, (self.leaves, self.buffers, self.best, self.average)
        )
        self.state = {name: kept(slots) for name, slots in self.state.items()}
        self.rule_state = {
            method: {name: kept(slots) for name, slots in each.items()} for method, each in self.rule_state.items()
        }
        if which:
            self._set_members([self.members[i] for i in which])
        else:
            self.members = []

    def tensors(self) -> dict[str, Tensor]:
        """Return everything a checkpoint needs, by unique names."""
        flat = {f"leaf/{name}": w for name, w in self.leaves.items()}
        flat |= {f"buffer/{name}": w for name, w in self.buffers.items()}
        flat |= {f"best/{name}": w for name, w in self.best.items()}
        flat |= {f"average/{name}": w for name, w in self.average.items()}
        for name, slots in self.state.items():
            flat |= {f"state/{slot}/{name}": value for slot, value in slots.items()}
        for method, each in self.rule_state.items():
            for name, slots in each.items():
                flat |= {f"rule/{method}/{slot}/{name}": value for slot, value in slots.items()}
        return flat

    def load(self, tensors: Mapping[str, Tensor], rows: Sequence[int], t: int) -> None:
        """Take over the tensors of a checkpoint; row ``rows[p]`` there is member p here."""
        index = torch.tensor(list(rows))
        for name, value in self.tensors().items():
            value.copy_(tensors[name].index_select(0, index))
        self.t = t


def _rows(tensors: Leaves, rows: slice) -> Leaves:
    return {name: value[rows] for name, value in tensors.items()}


def _stack(modules: Sequence[nn.Module], *, trainable: bool, device: torch.device) -> Leaves:
    """Return the modules' trainable parameters, or the rest of their state, stacked (P, ...)."""

    def of(module: nn.Module) -> dict[str, Tensor]:
        learned = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if trainable:
            return dict(learned)
        frozen = {name: p for name, p in module.named_parameters() if not p.requires_grad}
        return {**frozen, **dict(module.named_buffers())}

    each = [of(module) for module in modules]
    return {name: torch.stack([tensors[name].detach() for tensors in each]).to(device) for name in each[0]}


def _unit_axes(module: nn.Module) -> dict[str, int]:
    """Return for the weights of transposed convolutions (in, out, k, ...) the axis of their units, 1; else it is 0."""
    transposed = {name: m for name, m in module.named_modules() if isinstance(m, nn.modules.conv._ConvTransposeNd)}
    return {f"{name}.weight".lstrip("."): 1 for name in transposed}


def units_first(w: Tensor, axis: int) -> Tensor:
    """Return a view (P, units, ...) of a leaf (P, ...) whose units are on ``axis`` of the plain parameter."""
    return w.movedim(axis + 1, 1) if axis else w


__all__ = ["Population", "per_member", "units_first"]
