"""Update rules against ``torch.optim``: the same gradients for 120 steps, deviations to 1e-6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support import member, replicates, same_bits, tiny_images, train
from wellfit.recipe.optimizer import (
    AdadeltaSpec,
    AdagradSpec,
    AdamaxSpec,
    AdamSpec,
    AdamWSpec,
    AmsgradSpec,
    DecoupledSpec,
    LionSpec,
    MomentumSpec,
    NadamSpec,
    NesterovSpec,
    OptimizerSpec,
    RmspropSpec,
    SgdSpec,
)
from wellfit.regularize.stages import Around, Moment
from wellfit.regularize.weights.weight_decay import WeightDecay
from wellfit.train.events import EpochEnded
from wellfit.train.fit import fit
from wellfit.train.optimizers import RULES, Optimizer, State, make_optimizer
from wellfit.train.optimizers.nadam import momentum_at, momentum_product
from wellfit.train.reference_optimizer import torch_optimizer
from wellfit.train.start import populations

STEPS = 120
SHAPES = [(7, 5), (3,), (4, 2, 3, 3), ()]

# Members of one population each: numbers at PyTorch's defaults, and far from them.
POPULATIONS: dict[str, list[OptimizerSpec]] = {
    "sgd": [SgdSpec(), SgdSpec(lr=0.1)],
    "momentum": [MomentumSpec(), MomentumSpec(lr=0.05, momentum=0.5), SgdSpec(lr=0.1), SgdSpec(momentum=0.99)],
    "nesterov": [NesterovSpec(), NesterovSpec(lr=0.05, momentum=0.5), MomentumSpec(), SgdSpec(lr=0.1)],
    "adagrad": [AdagradSpec(), AdagradSpec(lr=0.3, lr_decay=0.02, initial_accumulator_value=0.1, eps=1e-6)],
    "adadelta": [AdadeltaSpec(), AdadeltaSpec(lr=0.5, rho=0.95, eps=1e-4)],
    "rmsprop": [RmspropSpec(), RmspropSpec(lr=0.003, alpha=0.9, eps=1e-4), RmspropSpec(alpha=0.0)],
    "rmsprop with momentum": [RmspropSpec(momentum=0.9, lr=0.001), RmspropSpec(momentum=0.5), RmspropSpec()],
    "rmsprop centered": [RmspropSpec(centered=True), RmspropSpec(centered=True, momentum=0.8), RmspropSpec()],
    "adam": [AdamSpec(), AdamSpec(lr=0.01, beta1=0.8, beta2=0.99, eps=1e-6), AdamSpec(beta1=0.0, beta2=0.0)],
    "adamw": [AdamWSpec(), AdamWSpec(lr=0.01, weight_decay=0.5), AdamSpec()],
    "amsgrad": [AmsgradSpec(), AmsgradSpec(lr=0.01, beta1=0.8, beta2=0.9, eps=1e-6), AdamSpec()],
    "adamax": [AdamaxSpec(), AdamaxSpec(lr=0.01, beta1=0.5, beta2=0.9, eps=1e-6)],
    "nadam": [NadamSpec(), NadamSpec(lr=0.01, beta1=0.99, beta2=0.9, momentum_decay=0.1), NadamSpec(momentum_decay=0)],
    # powers of 2: the paper's lr (u + decay w) and our w (1 - lr decay) are then rounded alike
    "lion": [LionSpec(), LionSpec(lr=2**-8, beta1=0.5, beta2=0.7, weight_decay=0.5)],
}


def beside(value: Tensor, w: Tensor) -> Tensor:
    return value.to(w.dtype).view(-1, *[1] * (w.ndim - 1))


def around(lr: Tensor) -> Around:
    return Around(lr, Moment(1, 1, torch.ones(len(lr))), {})


class Problem:
    """A bowl that is stretched by direction, seen through noise; the first weight never has a gradient."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        draw = torch.Generator().manual_seed(0)
        self.start = torch.randn(shape, generator=draw)
        self.target = torch.randn(shape, generator=draw)
        self.noise = torch.randn((STEPS, *shape), generator=draw) * 0.3
        self.stretch = torch.linspace(0.1, 2, self.start.numel()).view(shape)
        self.moves = torch.arange(self.start.numel()).view(shape) >= min(self.start.numel() - 1, 1)

    def gradient(self, w: Tensor, step: int) -> Tensor:
        return (self.stretch * (w - self.target) + self.noise[step]) * self.moves


def start(specs: Sequence[OptimizerSpec], w: Tensor) -> tuple[Optimizer, dict[str, Tensor], State]:
    rule, numbers = make_optimizer(specs)
    return rule, numbers, {slot: torch.zeros_like(w) for slot in rule.slots()}


def steps_of(specs: Sequence[OptimizerSpec], problem: Problem, w: Tensor) -> Iterator[Tensor]:
    """Train ``w`` (P, ...) in place by our rules, as the engine does."""
    rule, numbers, state = start(specs, w)
    decay = torch.tensor([getattr(spec, "weight_decay", 0.0) for spec in specs])
    for t in range(1, STEPS + 1):
        g = problem.gradient(w, t - 1)
        WeightDecay.apply(w, {"strength": beside(decay, w)}, around(beside(numbers["lr"], w)))
        c = rule.coefficients(numbers, torch.full((len(specs),), t, dtype=torch.float64))
        rule.update(w, g, state, {name: beside(value, w) for name, value in c.items()})
        yield w


def ours(specs: Sequence[OptimizerSpec], problem: Problem) -> Tensor:
    w = torch.stack([problem.start] * len(specs))
    for _ in steps_of(specs, problem, w):
        pass
    return w


def twin(spec: OptimizerSpec, problem: Problem) -> Tensor:
    w = torch.nn.Parameter(problem.start.clone())
    optimizer = torch_optimizer(spec, [w])
    if isinstance(spec, AdamWSpec):
        betas = (spec.beta1, spec.beta2)
        optimizer = torch.optim.AdamW([w], lr=spec.lr, betas=betas, eps=spec.eps, weight_decay=spec.weight_decay)
    for step in range(STEPS):
        w.grad = problem.gradient(w.detach(), step)
        optimizer.step()
    return w.detach()


def plain_lion(spec: LionSpec, problem: Problem) -> Tensor:
    """Algorithm 2 of Chen et al. 2023, line by line, in NumPy."""
    theta, m = problem.start.numpy().copy(), np.zeros_like(problem.start.numpy())
    lr, beta1, beta2 = np.float32(spec.lr), np.float32(spec.beta1), np.float32(spec.beta2)
    for step in range(STEPS):
        g = problem.gradient(torch.from_numpy(np.asarray(theta)), step).numpy()
        c = beta1 * m + (np.float32(1 - spec.beta1)) * g
        theta = theta - lr * (np.sign(c) + np.float32(spec.weight_decay) * theta)
        m = beta2 * m + (np.float32(1 - spec.beta2)) * g
    return torch.from_numpy(np.asarray(theta))


@pytest.mark.parametrize("kind", POPULATIONS)
def test_equals_torch_optim(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    specs, largest, moved = POPULATIONS[kind], 0.0, 0.0
    for shape in SHAPES:
        problem = Problem(shape)
        together = ours(specs, problem)
        for w, spec in zip(together, specs, strict=True):
            expected = plain_lion(spec, problem) if isinstance(spec, LionSpec) else twin(spec, problem)
            largest = max(largest, float((w - expected).abs().max()))
            moved = max(moved, float((w - problem.start).abs().max()))
    with capsys.disabled():
        print(f"\n  {kind}: largest deviation {largest:.1e}, largest move {moved:.1e}", end="")
    assert largest <= 1e-6
    assert moved > 1e-2


def test_every_kind_has_a_population() -> None:
    assert {spec.kind for specs in POPULATIONS.values() for spec in specs} == set(RULES)


def test_lion_of_the_plain_loop_is_the_papers() -> None:
    problem, spec = Problem((6, 4)), LionSpec(lr=0.01, beta1=0.5, beta2=0.7)
    assert torch.allclose(twin(spec, problem), plain_lion(spec, problem), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "torch_class", "options"),
    [
        (SgdSpec(lr=0.001), torch.optim.SGD, {}),  # PyTorch's 0.001 is too small for a default without schedule
        (NesterovSpec(lr=0.001), torch.optim.SGD, {"nesterov": True, "momentum": 0.9}),
        (AdagradSpec(), torch.optim.Adagrad, {}),
        (AdadeltaSpec(), torch.optim.Adadelta, {}),
        (RmspropSpec(), torch.optim.RMSprop, {}),
        (AdamSpec(), torch.optim.Adam, {}),
        (AmsgradSpec(), torch.optim.Adam, {"amsgrad": True}),
        (AdamaxSpec(), torch.optim.Adamax, {}),
        (NadamSpec(), torch.optim.NAdam, {}),
    ],
)
def test_defaults_are_those_of_torch(spec: OptimizerSpec, torch_class: Any, options: Mapping[str, Any]) -> None:
    w = torch.nn.Parameter(torch.zeros(1))
    assert torch_optimizer(spec, [w]).defaults == torch_class([w], **options).defaults


def test_decay_defaults() -> None:
    w = torch.nn.Parameter(torch.zeros(1))
    assert AdamWSpec().weight_decay == torch.optim.AdamW([w]).defaults["weight_decay"]
    assert {spec.kind for specs in POPULATIONS.values() for spec in specs if isinstance(spec, DecoupledSpec)} == {
        "adamw",
        "lion",
    }


@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("shape", [(7, 5), (17,), (3, 3, 3)])
def test_neighbours_change_no_bit(kind: str, shape: tuple[int, ...]) -> None:
    """Also those that bring a velocity, a mean or a maximum which the member itself does not need."""
    specs, problem = POPULATIONS[kind], Problem(shape)
    together = ours(specs, problem)
    for w, spec in zip(together, specs, strict=True):
        assert torch.equal(w, ours([spec], problem)[0]), spec


@pytest.mark.parametrize("kind", POPULATIONS)
def test_nothing_but_the_slots_is_remembered(kind: str) -> None:
    """A checkpoint holds weights, slots and t: a rule that begins anew with them goes on as if never stopped."""
    specs, problem = POPULATIONS[kind], Problem((5, 3))
    w = torch.stack([problem.start] * len(specs))
    for name in ("whole", "stopped"):
        x = w.clone()
        rule, numbers, state = start(specs, x)
        for t in range(1, 31):
            if name == "stopped":
                rule, numbers = make_optimizer(specs)
                state = {slot: value.clone() for slot, value in state.items()}
            c = rule.coefficients(numbers, torch.full((len(specs),), t, dtype=torch.float64))
            rule.update(x, problem.gradient(x, t), state, {key: beside(value, x) for key, value in c.items()})
        if name == "whole":
            whole = x
    assert torch.equal(whole, x)


@pytest.mark.parametrize("kind", POPULATIONS)
def test_each_member_counts_its_own_steps(kind: str) -> None:
    specs = POPULATIONS[kind]
    rule, numbers = make_optimizer(specs)
    t = torch.arange(1, 3 * len(specs) + 1, 3, dtype=torch.float64)
    mixed = rule.coefficients(numbers, t)
    for i, spec in enumerate(specs):
        alone, own = make_optimizer([spec])
        for name, value in alone.coefficients(own, t[i : i + 1]).items():
            assert mixed[name].dtype == value.dtype == torch.float64
            assert torch.equal(mixed[name][i : i + 1], value), (spec, name)


@pytest.mark.parametrize("kind", POPULATIONS)
def test_the_dtype_is_kept(kind: str) -> None:
    specs = POPULATIONS[kind]
    w = torch.ones(len(specs), 4, 3, dtype=torch.float64)
    rule, numbers, state = start(specs, w)
    c = rule.coefficients(numbers, torch.ones(len(specs), dtype=torch.float64))
    rule.update(w, w * 0.5, state, {name: beside(value, w) for name, value in c.items()})
    assert {w.dtype, *(value.dtype for value in state.values())} == {torch.float64}
    assert bool((w < 1).all()), "each step goes against the gradient"


@pytest.mark.parametrize("decay", [0.0, 1e-9, 0.004, 0.5, 30.0])
def test_the_product_of_nadams_momenta(decay: float) -> None:
    """The closed form against the running product that ``torch.optim.NAdam`` keeps."""
    t = torch.arange(1, 901, dtype=torch.float64)
    beta1, decays = torch.full_like(t, 0.999), torch.full_like(t, decay)
    running = momentum_at(beta1, decays, t).cumprod(0)
    assert float((momentum_product(beta1, decays, t) / running - 1).abs().max()) < 1e-11


def test_decay_and_penalty_agree_for_sgd_and_not_for_adam() -> None:
    """L2 in the loss is decay of the weights for plain SGD; Adam rescales the penalty's gradient."""
    results: dict[str, Any] = {}
    pairs: dict[str, OptimizerSpec] = {"sgd": SgdSpec(lr=0.1), "adam": AdamSpec(lr=0.1)}
    for kind, spec in pairs.items():
        ends = []
        for in_loss in (True, False):
            w = torch.ones(1, 3, 2)
            rule, numbers, state = start([spec], w)
            g = torch.full_like(w, 0.5)
            if in_loss:
                g = g + 0.3 * w
            else:
                WeightDecay.apply(w, {"strength": torch.full((1, 1, 1), 0.3)}, around(torch.full((1, 1, 1), 0.1)))
            c = rule.coefficients(numbers, torch.ones(1, dtype=torch.float64))
            rule.update(w, g, state, {name: beside(value, w) for name, value in c.items()})
            ends.append(w)
        results[kind] = float((ends[0] - ends[1]).abs().max())
    assert results["sgd"] < 1e-7
    assert results["adam"] > 0.01


@pytest.mark.parametrize("lr", [1e-3, 1.0])
def test_rmsprop_centered_stays_finite_where_the_gradient_does_not_change(lr: float) -> None:
    """Rounding takes ``s - m^2`` below 0 there."""
    w = torch.randn(1, 999, generator=torch.Generator().manual_seed(0))
    g = w.clone()
    rule, numbers, state = start([RmspropSpec(lr=lr, alpha=0.3, centered=True)], w)
    for t in range(1, 60):
        c = rule.coefficients(numbers, torch.full((1,), t, dtype=torch.float64))
        rule.update(w, g, state, {name: beside(value, w) for name, value in c.items()})
    assert bool(w.isfinite().all())


FAMILIES: dict[str, list[dict[str, Any]]] = {
    "sgd": [{"kind": "sgd", "lr": 0.05}, {"kind": "momentum"}, {"kind": "nesterov"}],
    "adam": [{"kind": "adam"}, {"kind": "amsgrad"}, {"kind": "adamw"}],
    "rmsprop": [{"kind": "rmsprop"}, {"kind": "rmsprop", "centered": True}, {"kind": "rmsprop", "momentum": 0.5}],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_kinds_of_a_family_share_a_population_and_leave_it_one_by_one(name: str, tmp_path: Path) -> None:
    """Slots that only a member needs go when it leaves; the bits of the others, and a resumed run, do not know."""
    kinds = list(enumerate(FAMILIES[name]))
    members = [member(f"{i}", 0, optimizer=optimizer, epochs=4 - i) for i, optimizer in kinds]
    assert len(populations(members)) == 1
    together = train(members, tiny_images())
    for one in members:
        assert same_bits(together[one.key].weights, train([one], tiny_images())[one.key].weights), one.recipe.optimizer
    path = tmp_path / "c.safetensors"
    for event in fit(members, replicates(tiny_images(), members), device=torch.device("cpu"), checkpoint=path):
        if isinstance(event, EpochEnded) and event.epoch == 4:
            break  # killed in the last epoch, with one member left
    left = members[:1]
    assert same_bits(train(left, tiny_images(), checkpoint=path)[left[0].key].weights, together[left[0].key].weights)


@pytest.mark.parametrize("kind", RULES)
def test_cards_are_whole(kind: str) -> None:
    specs = [spec for specs in POPULATIONS.values() for spec in specs if spec.kind == kind]
    card = type(specs[0]).__doc__ or ""
    assert card.splitlines()[0].endswith(".")
    assert all(heading in card for heading in ("Formula:", "Range:", "Source:"))
    assert "Does nothing for:" in card or "Does little for:" in card
    for field in type(specs[0]).model_fields:
        assert field == "kind" or f"``{field}``" in card, field
