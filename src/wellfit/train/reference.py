"""The plain PyTorch loop: one module, ``torch.optim``, autograd. The oracle of the parity tests.

It shares with the engine the recipe, the methods' formulas and the named draws, and nothing of how members are stacked,
stepped, gathered or evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from wellfit.data import epoch_order
from wellfit.models import build, state_of
from wellfit.random import derive, generator
from wellfit.recipe import AdamSpec, AdamWSpec, ModelSpec
from wellfit.regularize.batch.warp import compose, warp
from wellfit.regularize.stages import Activation, GradientRule, Method, Penalty, Warp, WeightRule
from wellfit.train.hidden import SiteHooks, hidden_sites
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate

CPU = torch.device("cpu")


def train_reference(member: Member, replicate: Replicate, *, steps: int | None = None) -> dict[str, Tensor]:
    """Train one member alone, for ``steps`` steps or all of its epochs, and return its last weights and buffers.

    Early stopping and the best weights are not its business: it answers what the optimizer's steps make of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        return _train(member, replicate, steps)


def _train(member: Member, replicate: Replicate, steps: int | None) -> dict[str, Tensor]:
    recipe = member.recipe
    dataset = replicate.dataset
    spec = cast(ModelSpec, recipe.model)
    module = build(spec, shape=dataset.shape, outputs=dataset.outputs, seed=member.seed).train()
    optimizer = _torch_optimizer(member, module)
    loss_function = nn.CrossEntropyLoss() if recipe.loss == "cross_entropy" else nn.MSELoss()
    activations = _Activations(member, module, dataset.shape)
    left = steps if steps is not None else recipe.epochs * -(-len(replicate.split.train) // recipe.batch_size)
    for epoch in range(1, recipe.epochs + 1):
        order = replicate.split.train[epoch_order(len(replicate.split.train), seed=member.seed, epoch=epoch)]
        augment = _augmentation(member, len(order), epoch)
        activations.begin_epoch(epoch)
        for number, start in enumerate(range(0, len(order), recipe.batch_size), start=1):
            if left == 0:
                return _state(module)
            left -= 1
            torch.manual_seed(derive(member.seed, "noise", "module", epoch, number))  # for dropout layers of its own
            rows = order[start : start + recipe.batch_size]
            x = replicate.scale(augment(replicate.gather(rows, device=CPU), start))
            optimizer.zero_grad()
            activations.hooks.begin()
            loss = loss_function(module(x), replicate.targets(rows, device=CPU)) + _penalty(member, module)
            loss.backward()
            _change_gradients(member, module)
            _constrain(member, module, "before")
            optimizer.step()
            _constrain(member, module, "after")
    return _state(module)


def _torch_optimizer(member: Member, module: nn.Module) -> torch.optim.Optimizer:
    spec = member.recipe.optimizer
    parameters = [p for p in module.parameters() if p.requires_grad]
    if isinstance(spec, AdamSpec | AdamWSpec):
        return torch.optim.Adam(parameters, lr=spec.lr, betas=(spec.beta1, spec.beta2), eps=spec.eps)
    return torch.optim.SGD(parameters, lr=spec.lr, momentum=spec.momentum)


def _weights(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad and p.ndim > 1]


def _numbers(method: Method) -> dict[str, Tensor]:
    return {field: torch.tensor([float(getattr(method, field))]) for field in type(method).model_fields}


def _beside(method: Method, w: Tensor) -> dict[str, Tensor]:
    return {field: value.view(1, *[1] * w.ndim) for field, value in _numbers(method).items()}


def _penalty(member: Member, module: nn.Module) -> Tensor:
    """Return the penalties as a differentiable sum: autograd finds their gradient, not the closed form."""
    total = torch.zeros(())
    for method in member.methods.values():
        if isinstance(method, Penalty):
            for w in _weights(module):
                total = total + method.value(w.unsqueeze(0), _beside(method, w)).squeeze(0)
    return total


def _change_gradients(member: Member, module: nn.Module) -> None:
    gradients = [p.grad.unsqueeze(0) for p in module.parameters() if p.grad is not None]
    for method in member.methods.values():
        if isinstance(method, GradientRule):
            method.transform(gradients, _numbers(method))


@torch.no_grad()
def _constrain(member: Member, module: nn.Module, when: str) -> None:
    for method in member.methods.values():
        if isinstance(method, WeightRule) and method.when == when:
            for w in _weights(module):
                lr = torch.full((1,) * (w.ndim + 1), member.recipe.optimizer.lr)
                method.apply(w.data.unsqueeze(0), lr, _beside(method, w))


def _augmentation(member: Member, samples: int, epoch: int) -> Callable[[Tensor, int], Tensor]:
    """Return a function that augments the batch which starts at a position of the epoch's order."""
    warps = {name: m for name, m in member.methods.items() if isinstance(m, Warp) and not m.is_off}
    draws = {name: m.draw(samples, generator(member.seed, "noise", name, epoch)) for name, m in warps.items()}

    def augment(x: Tensor, start: int) -> Tensor:
        if not warps:
            return x
        return warp(x, compose([m.matrix(draws[name][start : start + len(x)]) for name, m in warps.items()]))

    return augment


class _Activations:
    """Applies the activation methods at the hidden sites with the seed's draws."""

    def __init__(self, member: Member, module: nn.Module, shape: Sequence[int]) -> None:
        self.member = member
        self.sites = hidden_sites(module, shape)
        self.generators: dict[tuple[str, str], torch.Generator] = {}
        self.epoch = 0
        self.hooks = SiteHooks(module, self._change)

    def begin_epoch(self, epoch: int) -> None:
        self.generators.clear()
        self.epoch = epoch

    def _change(self, site: str, output: Tensor) -> Tensor:
        if site not in self.sites:
            return output
        for name, method in self.member.methods.items():
            if isinstance(method, Activation):
                made = generator(self.member.seed, "noise", name, site, self.epoch)
                u = method.draw(output.shape, self.generators.setdefault((name, site), made))
                output = method.apply(output, u, {field: v[0] for field, v in _numbers(method).items()})
        return output


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state_of(module).items()}
