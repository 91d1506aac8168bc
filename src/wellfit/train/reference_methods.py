"""What the methods of one member do in the plain loop: at the module's own parameters, by autograd where it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from wellfit.random import generator
from wellfit.regularize.stages import (
    Activation,
    ActivationPenalty,
    Around,
    Ascent,
    GradientRule,
    Method,
    Moment,
    NoisyGradient,
    Penalty,
    WeightMask,
    WeightRule,
)
from wellfit.train.member import Member
from wellfit.train.sites import SiteHooks, find_sites, module_of

Acts = Penalty | WeightRule | WeightMask


class Alone:
    """One member's methods and their draws; ``module`` is its network."""

    def __init__(self, member: Member, module: nn.Module, shape: Sequence[int]) -> None:
        self.member, self.module = member, module
        self.methods = {name: m for name, m in member.methods.items() if not m.is_off}
        sites = find_sites(module, shape)
        acting = (m for m in self.methods.values() if isinstance(m, Activation | ActivationPenalty))
        self.sites = {id(m): set(sites.matching(m.at)) for m in acting}
        names = {module_of(site) for reached in self.sites.values() for site in reached}
        self.hooks = SiteHooks(module, names, self._change)
        self.terms: list[Tensor] = []
        self.state: dict[tuple[str, str], dict[str, Tensor]] = {}
        self.generators: dict[tuple[str, str], torch.Generator] = {}
        self.drawn: dict[tuple[str, str], Tensor] = {}
        self.epoch = 0
        self.moment = Moment(1, 1, torch.ones(1))
        self.begun = torch.get_rng_state(), [b.clone() for b in module.buffers()]
        module.register_forward_pre_hook(lambda *_: self.hooks.begin())

    def begin_step(self, epoch: int, moment: Moment) -> None:
        """Begin the generators of an epoch, forget the last step's draws, and keep what the network begins with."""
        if epoch != self.epoch:
            self.generators.clear()
        self.epoch, self.moment = epoch, moment
        self.drawn.clear()
        self.begun = torch.get_rng_state(), [b.clone() for b in self.module.buffers()]

    def numbers(self, method: Method) -> dict[str, Tensor]:
        """Return the method's numbers (1,) at this moment."""
        fields = type(method).number_fields()
        given = {key: torch.tensor([float(getattr(method, key))]) for key in fields}
        return dict(method.during(given, self.moment))

    def _draw(
        self, name: str, place: str, shape: Sequence[int], draw: Callable[[Sequence[int], torch.Generator], Tensor]
    ) -> Tensor:
        key = name, place
        if key not in self.drawn:
            made = self.generators.setdefault(key, generator(self.member.seed, "noise", name, place, self.epoch))
            self.drawn[key] = draw(shape, made)
        return self.drawn[key]

    def _change(self, site: str, h: Tensor) -> Tensor:
        here = {name: m for name, m in self.methods.items() if site in self.sites.get(id(m), ())}
        for method in here.values():
            if isinstance(method, ActivationPenalty):
                self.terms.append(method.value(h.unsqueeze(0), self.numbers(method)).squeeze(0))
        for name, method in here.items():
            if isinstance(method, Activation) and method.suits(h.shape):
                u = self._draw(name, site, h.shape, method.draw)
                h = method.apply(h, u, {key: value[0] for key, value in self.numbers(method).items()})
        return h

    def _on(self, method: Acts) -> list[tuple[str, nn.Parameter]]:
        named = [(name, p) for name, p in self.module.named_parameters() if p.requires_grad]
        if method.on:
            return [(name, p) for name, p in named if any(fnmatchcase(name, pattern) for pattern in method.on)]
        return [(name, p) for name, p in named if p.ndim > 1]

    def _beside(self, method: Method, w: Tensor) -> dict[str, Tensor]:
        return {key: value.view(1, *[1] * w.ndim) for key, value in self.numbers(method).items()}

    def penalty(self) -> Tensor:
        """Return the penalties as a differentiable sum: autograd finds their gradient, not the closed form."""
        total = torch.zeros(())
        ascends = any(isinstance(m, Ascent) for m in self.methods.values())
        for method in self.methods.values():
            if isinstance(method, Penalty) and not ascends:
                for _, w in self._on(method):
                    total = total + method.value(w.unsqueeze(0), self._beside(method, w)).squeeze(0)
        return total

    @contextmanager
    def masked_weights(self) -> Iterator[None]:
        """Multiply the weights by their masks for one forward and backward pass."""
        factors: dict[str, Tensor] = {}
        for method_name, method in self.methods.items():
            if isinstance(method, WeightMask):
                for name, w in self._on(method):
                    u = self._draw(method_name, name, w.shape, method.draw).unsqueeze(0)
                    factors[name] = method.factor(u, self._beside(method, w)).squeeze(0)
        own = dict(self.module.named_parameters())
        whole = {name: own[name].detach().clone() for name in factors}
        for name, factor in factors.items():
            own[name].data.mul_(factor)
        yield
        for name, factor in factors.items():
            own[name].data.copy_(whole[name])
            gradient = own[name].grad
            if gradient is not None:
                gradient.mul_(factor)

    def _gradients(self) -> list[Tensor]:
        return [p.grad.unsqueeze(0) for p in self.module.parameters() if p.grad is not None]

    def move_and_repeat(self, backward: Callable[[], None]) -> None:
        """Take the gradient again uphill (SAM), then come back and add the penalties' gradient."""
        ascents = [m for m in self.methods.values() if isinstance(m, Ascent)]
        if not ascents:
            return
        learned = [p for p in self.module.parameters() if p.grad is not None]
        before = [p.detach().clone() for p in learned]
        buffers = {name: b.clone() for name, b in self.module.named_buffers()}
        for ascent in ascents:
            for p, distance in zip(learned, ascent.move(self._gradients(), self.numbers(ascent)), strict=True):
                p.data.add_(distance.squeeze(0))
        # the same function at another place: with the network's own draws, and the state, of the first pass
        torch.set_rng_state(self.begun[0])
        for b, value in zip(self.module.buffers(), self.begun[1], strict=True):
            b.copy_(value)
        backward()
        for p, value in zip(learned, before, strict=True):
            p.data.copy_(value)
        for name, b in self.module.named_buffers():
            b.copy_(buffers[name])
        for method in self.methods.values():
            if isinstance(method, Penalty):
                for _, w in self._on(method):
                    value = method.value(w.unsqueeze(0), self._beside(method, w)).squeeze(0)
                    (g,) = torch.autograd.grad(value, w)
                    w.grad = g if w.grad is None else w.grad + g

    def change_gradients(self) -> None:
        """Apply stage 4 to ``.grad``."""
        for name, method in self.methods.items():
            if isinstance(method, GradientRule):
                method.transform(self._gradients(), self.numbers(method))
            elif isinstance(method, NoisyGradient):
                deviation = method.deviation(self.numbers(method), self.moment)
                for leaf, p in self.module.named_parameters():
                    if p.grad is not None:
                        noise = self._draw(name, leaf, p.shape, lambda s, made: torch.randn(tuple(s), generator=made))
                        p.grad.add_(noise * deviation)

    @torch.no_grad()
    def constrain(self, when: str, lr: float) -> None:
        """Apply the weight rules of before or after the update; each layer's units come first."""
        transposed = {id(m.weight) for m in self.module.modules() if isinstance(m, nn.modules.conv._ConvTransposeNd)}
        for name, method in self.methods.items():
            if not isinstance(method, WeightRule) or method.when != when:
                continue
            for leaf, p in self._on(method):
                w = p.data.transpose(0, 1) if id(p) in transposed else p.data
                slots = {slot: torch.full_like(w, value).unsqueeze(0) for slot, value in method.slots.items()}
                state = self.state.setdefault((name, leaf), slots)
                rate = torch.full((1,) * (w.ndim + 1), lr)
                method.apply(w.unsqueeze(0), self._beside(method, w), Around(rate, self.moment, state))
