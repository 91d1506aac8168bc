"""Stage 2 in a population, and the part of stage 3 that reads hidden activations: what happens at each place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from wellfit.regularize.stages import Activation, ActivationPenalty
from wellfit.train.draws import Draws


@dataclass(frozen=True)
class Acting:
    """A method at one place, with the members' numbers (P,) there: ``off`` for those that do not act there."""

    name: str
    method: type[Activation] | type[ActivationPenalty]
    numbers: Mapping[str, Tensor]

    @cached_property
    def values(self) -> list[tuple[float, ...]]:
        """Each member's numbers."""
        return list(zip(*(value.tolist() for value in self.numbers.values()), strict=True))

    @cached_property
    def off(self) -> tuple[float, ...]:
        """The numbers at which it does nothing."""
        return tuple(float(getattr(self.method.make_off(), name)) for name in self.numbers)


@dataclass
class HiddenStage:
    """What the members' methods do at the places of the network."""

    places: Mapping[str, Sequence[Acting]]
    draws: Draws
    terms: list[Tensor] = field(default_factory=list)
    """What the penalties of this forward pass came to: (P,) each."""

    @property
    def evaluation(self) -> bool:
        """Whether something acts in evaluation too."""
        acting = [acting.method for each in self.places.values() for acting in each]
        return any(issubclass(method, Activation) and method.scales_evaluation for method in acting)

    def apply(self, site: str, h: Tensor) -> Tensor:
        """Return the changed activations of all members; ``h`` is (P, B, ...)."""
        for acting in self.places.get(site, ()):
            if issubclass(acting.method, ActivationPenalty):
                self.terms.append(acting.method.value(h, acting.numbers))
        for acting in self.places.get(site, ()):
            if issubclass(acting.method, Activation):
                u = self.draws.of_members(acting.name, site, h.shape[1:], acting.method.draw)
                h = acting.method.apply(h, u, _beside(acting.numbers, h.ndim))
        return h

    def factors(self, site: str, shape: Sequence[int]) -> list[Tensor | None] | None:
        """Return what each member's activations (B, ...) there are multiplied by: None for members of which nothing is
        changed, and instead of the list where more happens than that. Members with the same seed and numbers share it.
        """
        each = self.places.get(site, ())
        if len(each) != 1 or not issubclass(each[0].method, Activation):
            return None
        acting, method = each[0], each[0].method
        if method.factor is Activation.factor:
            return None
        u = self.draws.of_seeds(acting.name, site, shape, method.draw)
        made: dict[tuple[int, tuple[float, ...]], Tensor | None] = {}
        keys = list(zip(self.draws.seed_of.tolist(), acting.values, strict=True))
        for seed, values in dict.fromkeys(keys):
            numbers = {name: u.new_tensor(value) for name, value in zip(acting.numbers, values, strict=True)}
            made[seed, values] = None if values == acting.off else method.factor(u[seed], numbers)
        return [made[key] for key in keys]

    def apply_one(self, site: str, h: Tensor, member: int) -> Tensor:
        """Return the changed activations of one member; ``h`` is (B, ...)."""
        for acting in self.places.get(site, ()):
            if issubclass(acting.method, ActivationPenalty):
                self.terms.append(acting.method.value(h, _one(acting.numbers, member)))
        for acting in self.places.get(site, ()):
            if issubclass(acting.method, Activation):
                u = self.draws.of_member(member, acting.name, site, h.shape, acting.method.draw)
                h = acting.method.apply(h, u, _one(acting.numbers, member))
        return h

    def evaluate(self, site: str, h: Tensor) -> Tensor:
        """Return the activations of all members (P, B, ...) as they are in evaluation."""
        for acting in self.places.get(site, ()):
            if issubclass(acting.method, Activation) and acting.method.scales_evaluation:
                h = acting.method.evaluate(h, _beside(acting.numbers, h.ndim))
        return h

    def evaluate_one(self, site: str, h: Tensor, member: int) -> Tensor:
        """Return the activations of one member (B, ...) as they are in evaluation."""
        for acting in self.places.get(site, ()):
            if issubclass(acting.method, Activation) and acting.method.scales_evaluation:
                h = acting.method.evaluate(h, _one(acting.numbers, member))
        return h


def _beside(numbers: Mapping[str, Tensor], axes: int) -> dict[str, Tensor]:
    return {name: value.view(-1, *[1] * (axes - 1)) for name, value in numbers.items()}


def _one(numbers: Mapping[str, Tensor], member: int) -> dict[str, Tensor]:
    return {name: value[member] for name, value in numbers.items()}
