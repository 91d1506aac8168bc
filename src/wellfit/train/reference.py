"""The plain PyTorch loop: one module, ``torch.optim``, autograd. The oracle of the parity tests.

It shares with the engine the recipe, the methods' formulas and the named draws, and nothing of how members are stacked,
stepped, gathered or evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wellfit.data import VOID, epoch_order
from wellfit.models import build, state_of
from wellfit.models.init import initialize
from wellfit.random import derive
from wellfit.recipe import ModelSpec
from wellfit.recipe.loss import CrossEntropySpec, LossSpec, MseSpec
from wellfit.regularize.stages import Averaging, Freezing, Mix, Moment, OutputPenalty, TargetRule
from wellfit.train.convolution import layouts, with_channels_last
from wellfit.train.feed import augmentations_of, augmented, augmented_masks, chunks, mixed, mixes_of
from wellfit.train.losses import make_loss
from wellfit.train.member import Member
from wellfit.train.reference_methods import Alone
from wellfit.train.reference_optimizer import torch_optimizer
from wellfit.train.replicate import Replicate
from wellfit.train.schedules import factor

CPU = torch.device("cpu")


def train_reference(member: Member, replicate: Replicate, *, steps: int | None = None) -> dict[str, Tensor]:
    """Train one member alone, for ``steps`` steps or all of its epochs, and return its last weights and buffers.

    Early stopping and the best weights are not its business: it answers what the optimizer's steps make of the weights.
    A schedule that goes by the curve sees none.
    """
    with torch.random.fork_rng(devices=[]):
        return _train(member, replicate, steps)


def _train(member: Member, replicate: Replicate, steps: int | None) -> dict[str, Tensor]:
    recipe, dataset = member.recipe, replicate.dataset
    module = build(
        cast(ModelSpec, recipe.model),
        shape=replicate.shape,
        outputs=dataset.outputs,
        seed=member.seed,
        pixels=replicate.pixels,
    ).train()
    initialize(module, recipe.init, member.seed)
    thaws = any(isinstance(method, Freezing) for method in member.methods.values())  # PyTorch's fused SGD cannot
    optimizer = torch_optimizer(recipe.optimizer, module.parameters(), fused=not thaws or None)
    alone = Alone(member, module, replicate.shape)
    average = {name: value.detach().clone() for name, value in state_of(module).items()}
    of_epoch = -(-len(replicate.split.train) // recipe.batch_size)
    most = recipe.epochs * of_epoch if steps is None else steps
    channels_last = layouts(module, replicate.shape)[0]  # as the engine does by rule: other kernels round otherwise
    for t, (epoch, x, y) in enumerate(_batches(member, replicate), start=1):
        if t > most:
            break
        x = with_channels_last(x) if channels_last else x
        moment = Moment(t, of_epoch, torch.tensor([float(recipe.epochs)]))
        torch.manual_seed(derive(member.seed, "noise", "module", epoch, (t - 1) % of_epoch + 1))  # for its own dropout
        for group in optimizer.param_groups:
            passed = (t - 1) / of_epoch
            group["lr"] = recipe.optimizer.lr * factor(recipe.schedule, passed=passed, epochs=recipe.epochs, scores=())
        _freeze(member, module, epoch)
        alone.begin_step(epoch, moment)
        _backward(alone, module, x, y)
        alone.move_and_repeat(lambda: _backward(alone, module, x, y))  # noqa: B023 - called at once
        alone.change_gradients()
        alone.constrain("before", optimizer.param_groups[0]["lr"])
        optimizer.step()
        alone.constrain("after", optimizer.param_groups[0]["lr"])
        _average(member, module, average, moment)
    return average if _averages(member) else {name: v.detach().clone() for name, v in state_of(module).items()}


def _batches(member: Member, replicate: Replicate) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield (epoch, samples, targets) for every step."""
    recipe, dataset = member.recipe, replicate.dataset
    rules = [m for m in member.methods.values() if isinstance(m, TargetRule)]
    soft = dataset.task == "classification" and any(isinstance(m, Mix | TargetRule) for m in member.methods.values())
    for epoch in range(1, recipe.epochs + 1):
        order = replicate.split.train[epoch_order(len(replicate.split.train), seed=member.seed, epoch=epoch)]
        for chunk in chunks(len(order), recipe.batch_size, dataset.shape):
            rows = order[chunk.start : chunk.stop]
            x = augmented(replicate.gather(rows, device=CPU), replicate, augmentations_of(member), epoch, chunk)
            y = replicate.targets(rows, device=CPU)
            if replicate.pixels:
                y = augmented_masks(y, replicate, augmentations_of(member), epoch, chunk)
            if soft:
                y = F.one_hot(y, dataset.outputs).float()
            for at in range(0, len(chunk), recipe.batch_size):
                part = slice(at, at + recipe.batch_size)
                bx, by = mixed(x[part], y[part], member.seed, mixes_of(member), epoch, chunk.start + at)
                for rule in rules:
                    numbers = {key: torch.tensor(float(getattr(rule, key))) for key in type(rule).number_fields()}
                    by = rule.apply(by.unsqueeze(0), numbers).squeeze(0)
                yield epoch, bx, by


def _backward(alone: Alone, module: nn.Module, x: Tensor, y: Tensor) -> None:
    """Leave the gradient of the whole objective in ``.grad``; parameters without one are frozen."""
    module.zero_grad(set_to_none=True)
    alone.terms.clear()
    with alone.masked_weights():
        z = module(x.clone())
        loss = _data_loss(alone.member, z, y)
        for method in alone.member.methods.values():
            if isinstance(method, OutputPenalty):
                answers = z if z.ndim == 2 else z.movedim(1, -1).flatten(0, -2)  # of a segmentation one for each pixel
                loss = loss + method.value(answers, alone.numbers(method)).mean()
        for term in alone.terms:
            loss = loss + term
        loss = loss + alone.penalty()
        if loss.requires_grad:  # else everything is frozen
            torch.autograd.backward(loss)


def _data_loss(member: Member, z: Tensor, y: Tensor) -> Tensor:
    spec = cast(LossSpec, member.recipe.loss)
    if z.ndim == 4:
        return _of_images(spec, z, y)
    if spec == CrossEntropySpec():
        return F.cross_entropy(z, y)
    if isinstance(spec, MseSpec) and y.is_floating_point():
        return F.mse_loss(z, y)
    return make_loss(spec)(z, y).mean()


def _of_images(spec: LossSpec, z: Tensor, y: Tensor) -> Tensor:
    """Return the loss of a segmentation: answers (B, C, H, W), masks (B, H, W)."""
    if spec != CrossEntropySpec():
        return make_loss(spec, pixels=True)(z, y).mean()
    losses = F.cross_entropy(z, y.long(), ignore_index=VOID, reduction="none").sum((1, 2))
    return (losses / (y != VOID).sum((1, 2)).clamp(min=1)).mean()


def _freeze(member: Member, module: nn.Module, epoch: int) -> None:
    for method in member.methods.values():
        if isinstance(method, Freezing):
            for name, p in module.named_parameters():
                p.requires_grad_(epoch > method.frozen_epochs(name))


def _averages(member: Member) -> list[Averaging]:
    return [m for m in member.methods.values() if isinstance(m, Averaging) and not m.is_off]


def _average(member: Member, module: nn.Module, average: dict[str, Tensor], moment: Moment) -> None:
    for method in _averages(member):
        numbers = {key: torch.tensor([float(getattr(method, key))]) for key in type(method).number_fields()}
        share = float(method.weight(numbers, moment))
        for name, value in state_of(module).items():
            if value.is_floating_point():
                average[name] = (1 - share) * average[name] + share * value.detach()
            else:
                average[name] = value.clone()
