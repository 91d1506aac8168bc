"""The methods that act in a population, each with its members' numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from wellfit.regularize.catalogue import CATALOGUE
from wellfit.regularize.stages import (
    Activation,
    ActivationPenalty,
    Augmentation,
    Freezing,
    Method,
    Mix,
    Moment,
    Stopping,
)
from wellfit.train.hidden import Acting
from wellfit.train.member import Member
from wellfit.train.sites import Sites

Numbers = dict[str, Tensor]

SELDOM = (Augmentation, Mix, Stopping, Freezing)
"""What acts through each member's own object (batches, epochs) and not through numbers in the step."""


def per_member(value: Tensor, like: Tensor) -> Tensor:
    """Return (P,) as (P, 1, ..., 1), to broadcast against ``like`` (P, ...)."""
    return value.view(-1, *[1] * (like.ndim - 1))


@dataclass(frozen=True)
class Active:
    """A method that at least one member uses: its class, the members' numbers (P,), and where each lets it act."""

    name: str
    method: type[Method]
    numbers: Numbers
    patterns: tuple[tuple[str, ...], ...]
    """Each member's names of parameters or modules (``on`` or ``at``); none: the method's usual places."""
    absent: tuple[bool, ...]
    """Which members do without it."""
    _at_leaf: dict[str, Numbers | None] = field(default_factory=dict)

    def now(self, moment: Moment) -> Numbers:
        """Return the numbers (P,) as they are at a moment."""
        return dict(self.method.during(self.numbers, moment))

    @property
    def changes(self) -> bool:
        """Whether the numbers depend on the moment."""
        return self.method.during.__func__ is not Method.during.__func__  # type: ignore[attr-defined]

    def at_leaf(self, name: str, w: Tensor, moment: Moment) -> Numbers | None:
        """Return the numbers for the leaf ``name``, as (P, 1, ...): ``off`` for the members that leave it out; None
        where no member acts. Without patterns it acts on weights: two or more axes in the plain network.
        """
        if name in self._at_leaf:
            return self._at_leaf[name]
        acts = [
            not gone and (any(fnmatchcase(name, p) for p in own) if own else w.ndim > 2)
            for own, gone in zip(self.patterns, self.absent, strict=True)
        ]
        numbers = self._where(acts, self.now(moment))
        beside = None if numbers is None else {key: per_member(value, w) for key, value in numbers.items()}
        if not self.changes:
            self._at_leaf[name] = beside
        return beside

    def at_site(self, site: str, sites: Sequence[Sequence[str]]) -> Numbers | None:
        """Return the numbers (P,) for a place; ``sites`` are those of each member's patterns."""
        return self._where([site in own for own in sites], self.numbers)

    def _where(self, acts: Sequence[bool], now: Numbers) -> Numbers | None:
        if not any(acts):
            return None
        if all(a or gone for a, gone in zip(acts, self.absent, strict=True)):
            return now
        off = self.method.make_off()
        mask = torch.tensor(acts, device=next(iter(now.values())).device)
        return {key: torch.where(mask, value, float(getattr(off, key))) for key, value in now.items()}


def active_methods(members: Sequence[Member], device: torch.device) -> list[Active]:
    """Return the methods that change anything for some member, in the catalogue's order.

    A member without a method has its ``off`` numbers there.
    """
    found: list[Active] = []
    for name in CATALOGUE:
        own = [member.methods.get(name) for member in members]
        if all(method is None or method.is_off for method in own):
            continue
        cls = CATALOGUE[name]
        if issubclass(cls, SELDOM):
            continue
        each = [method or cls.make_off() for method in own]
        numbers = {
            key: torch.tensor([float(getattr(method, key)) for method in each], device=device)
            for key in cls.number_fields()
        }
        patterns = [getattr(method, "on", None) or getattr(method, "at", None) or () for method in each]
        absent = [method is None or method.is_off for method in own]
        found.append(Active(name, cls, numbers, tuple(tuple(own) for own in patterns), tuple(absent)))
    return found


def acting_places(active: Sequence[Active], sites: Sites) -> dict[str, list[Acting]]:
    """Return what acts at each place of the network, in the catalogue's order."""
    places: dict[str, list[Acting]] = {}
    for one in active:
        if not issubclass(one.method, Activation | ActivationPenalty):
            continue
        own = [() if gone else sites.matching(p) for p, gone in zip(one.patterns, one.absent, strict=True)]
        for site, shape in sites.shapes.items():
            numbers = one.at_site(site, own)
            suits = not issubclass(one.method, Activation) or one.method.suits((1, *shape))
            if numbers is not None and suits:
                places.setdefault(site, []).append(Acting(one.name, one.method, numbers))
    return places


def acting_on(
    active: Sequence[Active], leaves: Mapping[str, Tensor], moment: Moment
) -> Iterator[tuple[Active, str, Numbers]]:
    """Yield which method acts on which leaf at a moment, with its numbers as (P, 1, ...)."""
    for one in active:
        for name, w in leaves.items():
            numbers = one.at_leaf(name, w, moment)
            if numbers is not None:
                yield one, name, numbers
