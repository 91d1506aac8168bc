"""A population: members of one structure as stacked tensors, each with its own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wellfit.regularize.stages import Activation, GradientRule, Method, Penalty, WeightRule
from wellfit.train.hidden import HiddenStage
from wellfit.train.member import Member
from wellfit.train.network import Leaves
from wellfit.train.optimizers import Optimizer, State, make_optimizer

Numbers = dict[str, Tensor]


@dataclass(frozen=True)
class Active:
    """A method that at least one member uses: its class and the members' numbers (P,)."""

    name: str
    method: type[Method]
    numbers: Numbers

    def beside(self, w: Tensor) -> Numbers:
        """Return the numbers as (P, 1, ...), to broadcast against a leaf."""
        return {name: per_member(value, w) for name, value in self.numbers.items()}


def per_member(value: Tensor, like: Tensor) -> Tensor:
    """Return (P,) as (P, 1, ..., 1), to broadcast against ``like`` (P, ...)."""
    return value.view(-1, *[1] * (like.ndim - 1))


def active_methods(members: Sequence[Member], device: torch.device) -> list[Active]:
    """Return the methods that change anything for some member, in the catalogue's order.

    A member without a method has its ``off`` numbers there.
    """
    found: list[Active] = []
    named = {name: type(method) for member in members for name, method in member.methods.items()}
    order = [name for name in _catalogue_order() if name in named]
    for name in order:
        cls = named[name]
        each = [member.methods.get(name) or cls.make_off() for member in members]
        if all(method.is_off for method in each):
            continue
        numbers = {
            field: torch.tensor([float(getattr(method, field)) for method in each], device=device)
            for field in cls.model_fields
        }
        found.append(Active(name, cls, numbers))
    return found


def _catalogue_order() -> list[str]:
    from wellfit.regularize.catalogue import CATALOGUE

    return list(CATALOGUE)


class Population:
    """Members trained in lockstep.

    ``leaves`` are the trainable parameters (P, ...) by their names in the plain network, ``buffers`` everything else in
    its state (running statistics, frozen parameters), ``state`` the optimizer's tensors by leaf and slot, ``best`` the
    leaves and buffers of each member's best epoch so far. ``t`` counts the steps taken.
    """

    def __init__(self, members: Sequence[Member], modules: Sequence[nn.Module], *, device: torch.device) -> None:
        self.device = device
        self.leaves: Leaves = _stack(modules, trainable=True, device=device)
        self.buffers: Leaves = _stack(modules, trainable=False, device=device)
        self.best: Leaves = {name: value.clone() for name, value in {**self.leaves, **self.buffers}.items()}
        self.t = 0
        self.state: dict[str, State] = {}
        self._set_members(members)
        zero = {name: dict.fromkeys(self.optimizer.slots()) for name in self.leaves}
        self.state = {
            name: {slot: torch.zeros_like(self.leaves[name]) for slot in slots} for name, slots in zero.items()
        }

    def _set_members(self, members: Sequence[Member]) -> None:
        """Work out everything that follows from who is in the population."""
        self.members = list(members)
        keeps_state = any(self.state.values())
        self.optimizer: Optimizer
        self.optimizer, numbers = make_optimizer([member.recipe.optimizer for member in members])
        if keeps_state and not self.optimizer.slots():  # the members with momentum have left; the others have none
            self.state = {name: {} for name in self.leaves}
        self.optimizer_numbers = {name: value.to(self.device) for name, value in numbers.items()}
        self.methods = active_methods(members, self.device)
        self.seeds = list(dict.fromkeys(member.seed for member in members))
        seed_of = torch.tensor([self.seeds.index(member.seed) for member in members], device=self.device)
        hidden = [active for active in self.methods if issubclass(active.method, Activation)]
        self.hidden = HiddenStage(
            methods={active.name: active.method for active in hidden if issubclass(active.method, Activation)},
            numbers={active.name: active.numbers for active in hidden},
            seeds=self.seeds,
            seed_of=seed_of,
            device=self.device,
        )

    def __len__(self) -> int:
        """Return the number of members that are still in training."""
        return len(self.members)

    def of_stage(self, stage: type[Any]) -> list[Active]:
        """Return the active methods of a stage's base class."""
        return [active for active in self.methods if issubclass(active.method, stage)]

    @property
    def penalties(self) -> list[Active]:
        """Stage 3."""
        return self.of_stage(Penalty)

    @property
    def gradient_rules(self) -> list[Active]:
        """Stage 4."""
        return self.of_stage(GradientRule)

    @property
    def weight_rules(self) -> list[Active]:
        """Stage 5."""
        return self.of_stage(WeightRule)

    def weights(self) -> Leaves:
        """Return the leaves that penalties and weight rules act on: two or more axes in the plain network."""
        return {name: w for name, w in self.leaves.items() if w.ndim > 2}

    def penalty(self) -> Tensor:
        """Return the sum of each member's penalties (P,) at its present weights."""
        total = torch.zeros(len(self), device=self.device)
        for active in self.penalties:
            for w in self.weights().values():
                total += active.method.value(w, active.beside(w))  # type: ignore[attr-defined]
        return total

    def remember_best(self, which: Sequence[int]) -> None:
        """Keep the present weights and buffers of these members as their best."""
        if not which:
            return
        rows = torch.tensor(list(which), device=self.device)
        for name, value in {**self.leaves, **self.buffers}.items():
            self.best[name][rows] = value[rows]

    def handed_over(self, member: int, *, best: bool) -> Leaves:
        """Return one member's best or present weights and buffers, copied to the CPU."""
        source = self.best if best else {**self.leaves, **self.buffers}
        return {name: value[member].detach().cpu().clone() for name, value in source.items()}

    def keep(self, which: Sequence[int]) -> None:
        """Let all others leave; the order of those who stay does not change."""
        rows = torch.tensor(list(which), device=self.device, dtype=torch.int64)
        self.leaves = {name: w.index_select(0, rows) for name, w in self.leaves.items()}
        self.buffers = {name: w.index_select(0, rows) for name, w in self.buffers.items()}
        self.best = {name: w.index_select(0, rows) for name, w in self.best.items()}
        self.state = {
            name: {slot: value.index_select(0, rows) for slot, value in slots.items()}
            for name, slots in self.state.items()
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
        for name, slots in self.state.items():
            flat |= {f"state/{slot}/{name}": value for slot, value in slots.items()}
        return flat

    def load(self, tensors: Mapping[str, Tensor], rows: Sequence[int], t: int) -> None:
        """Take over the tensors of a checkpoint; row ``rows[p]`` there is member p here."""
        index = torch.tensor(list(rows))
        for name, value in self.tensors().items():
            value.copy_(tensors[name].index_select(0, index))
        self.t = t


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
