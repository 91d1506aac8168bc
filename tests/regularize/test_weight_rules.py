"""Rules for weights against Keras's constraints on the same numbers, torch and numpy."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support import member, tiny_images, train
from wellfit.errors import RecipeError
from wellfit.regularize.catalogue import make
from wellfit.regularize.stages import Around, Moment, Numbers, WeightRule
from wellfit.regularize.weights.max_norm import MaxNorm, unit_norms
from wellfit.regularize.weights.non_negative import NonNegative
from wellfit.regularize.weights.pruning import Pruning, cubic_sparsity, magnitude_mask
from wellfit.regularize.weights.unit_norm import UnitNorm

STEPS = 4
SHAPES: list[tuple[int, ...]] = [(7, 5), (6, 3, 3, 2)]
"""A linear layer (out, in) and a convolution (out, in, h, w)."""


@cache
def keras_constraints() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    return keras.constraints


def weights(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def column(values: list[float], like: Tensor) -> Tensor:
    return torch.tensor(values).view(-1, *[1] * (like.ndim - 1))


def at(epoch: int, like: Tensor, *, epochs: list[float] | None = None, step: int = STEPS) -> Around:
    """The last step (or another) of an epoch."""
    members = len(like)
    moment = Moment((epoch - 1) * STEPS + step, STEPS, torch.tensor(epochs or [10.0] * members))
    return Around(column([0.1] * members, like), moment, {"mask": torch.ones_like(like)})


def applied(rule: type[WeightRule], w: Tensor, **numbers: list[float]) -> Tensor:
    changed = w.clone()
    rule.apply(changed, {name: column(value, w) for name, value in numbers.items()}, at(1, w))
    return changed


def as_keras(w: Tensor) -> Tensor:
    """From (out, in) or (out, in, h, w) to Keras's (in, out) or (h, w, in, out)."""
    return w.T if w.ndim == 2 else w.permute(2, 3, 1, 0)


def by_keras(make_constraint: Callable[..., Any], w: Tensor) -> Tensor:
    """Keras's constraint on the incoming weights of each unit, in our layout."""
    axis = 0 if w.ndim == 2 else [0, 1, 2]
    found: Tensor = make_constraint(axis)(as_keras(w).contiguous()).cpu()
    return found.T if w.ndim == 2 else found.permute(3, 2, 0, 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("limit", [0.5, 2.0, 100.0])
def test_max_norm_is_kerass(shape: tuple[int, ...], limit: float) -> None:
    w = weights(2, *shape)
    w[0, 1] = 0
    ours = applied(MaxNorm, w, limit=[limit, math.inf])
    theirs = by_keras(lambda axis: keras_constraints().MaxNorm(limit, axis=axis), w[0])
    assert float((ours[0] - theirs).abs().max()) <= 1e-6
    assert torch.equal(ours[1], w[1])
    assert float(unit_norms(ours[0].unsqueeze(0)).max()) <= limit * (1 + 1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_unit_norm_is_kerass(shape: tuple[int, ...]) -> None:
    w = weights(2, *shape)
    w[0, 1] = 0
    ours = applied(UnitNorm, w, strength=[1.0, 0.0])
    theirs = by_keras(lambda axis: keras_constraints().UnitNorm(axis=axis), w[0])
    assert float((ours[0] - theirs).abs().max()) <= 1e-6
    assert torch.equal(ours[1].view(torch.int32), w[1].view(torch.int32))


def test_unit_norm_goes_a_part_of_the_way() -> None:
    w = weights(1, 4, 3) * 3
    before, after = unit_norms(w).flatten(), unit_norms(applied(UnitNorm, w, strength=[0.25])).flatten()
    assert after.tolist() == pytest.approx([1 + 0.75 * (n - 1) for n in before.tolist()], rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_non_negative_is_kerass(shape: tuple[int, ...]) -> None:
    w = weights(3, *shape)
    ours = applied(NonNegative, w, strength=[1.0, 0.0, 0.25])
    assert torch.equal(ours[0], by_keras(lambda axis: keras_constraints().NonNeg(), w[0]))
    assert not torch.signbit(ours[0]).any()
    assert torch.equal(ours[1].view(torch.int32), w[1].view(torch.int32))
    assert torch.allclose(ours[2], torch.where(w[2] < 0, 0.75 * w[2], w[2]))


RULES: list[tuple[type[WeightRule], dict[str, list[float]]]] = [
    (MaxNorm, {"limit": [0.7, math.inf, 1.5]}),
    (UnitNorm, {"strength": [1.0, 0.0, 0.5]}),
    (NonNegative, {"strength": [1.0, 0.0, 0.5]}),
    (Pruning, {"sparsity": [0.9, 0.0, 0.5], "start": [0.0, 0.2, 0.0], "end": [0.05, 0.8, 0.1]}),
]


@pytest.mark.parametrize(("rule", "numbers"), RULES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_off_members_keep_their_bits_and_neighbours_do_not_matter(
    rule: type[WeightRule], numbers: dict[str, list[float]], dtype: torch.dtype
) -> None:
    w = weights(3, 5, 4, 3, dtype=dtype)
    w[1, 0] = torch.tensor([0.0, -0.0, 1e-30]).to(dtype)
    w[1, 1] = math.inf
    together = applied(rule, w, **numbers)
    assert together.dtype == dtype
    assert torch.equal(together[1], w[1])
    assert torch.equal(torch.signbit(together[1]), torch.signbit(w[1]))
    assert not torch.equal(together[0], w[0])
    for i in (0, 2):
        alone = applied(rule, w[i : i + 1], **{name: value[i : i + 1] for name, value in numbers.items()})
        assert torch.equal(alone[0], together[i])


@pytest.mark.parametrize(("rule", "numbers"), RULES)
def test_a_view_with_the_units_in_front_is_changed_in_its_place(
    rule: type[WeightRule], numbers: dict[str, list[float]]
) -> None:
    """A transposed convolution is stored as (in, out, k, k); a rule gets the units first."""
    stored = weights(3, 4, 5, 2, 3)
    view = stored.movedim(2, 1)  # (P, out, in, k, k)
    expected = applied(rule, view.contiguous(), **numbers)
    around = Around(column([0.1] * 3, view), at(1, view).moment, {"mask": torch.ones_like(stored).movedim(2, 1)})
    rule.apply(view, {name: column(value, view) for name, value in numbers.items()}, around)
    assert torch.allclose(stored.movedim(2, 1), expected, atol=1e-6)


def test_a_bias_is_one_weight_a_unit() -> None:
    b = torch.tensor([[3.0, -3.0, 0.5], [3.0, -3.0, 0.5]])
    assert applied(MaxNorm, b, limit=[1.0, math.inf]).tolist() == [[1.0, -1.0, 0.5], [3.0, -3.0, 0.5]]
    assert applied(UnitNorm, b, strength=[1.0, 0.0]).tolist() == [[1.0, -1.0, 1.0], [3.0, -3.0, 0.5]]


def test_cubic_schedule_in_numbers() -> None:
    """From 0.2 to 0.6 of the budget to 0.8: half of the way gives 0.8 (1 - 1/8) = 0.7."""
    passed = torch.tensor([0.0, 0.2, 0.3, 0.4, 0.6, 1.0])
    found = cubic_sparsity(passed, torch.tensor(0.8), torch.tensor(0.2), torch.tensor(0.6))
    assert found.tolist() == pytest.approx([0.0, 0.0, 0.8 * (1 - 0.75**3), 0.7, 0.8, 0.8], abs=1e-6)


def test_the_mask_takes_exactly_the_smallest_of_each_member() -> None:
    w = weights(3, 6, 4)
    mask = magnitude_mask(w, torch.tensor([0.0, 0.5, 0.9]))
    for i, pruned in enumerate((0, 12, 22)):
        smallest = np.argsort(np.abs(w[i].numpy().ravel()), kind="stable")[:pruned]
        expected = np.ones(24)
        expected[smallest] = 0
        assert mask[i].flatten().tolist() == expected.tolist()


def test_equal_weights_are_pruned_in_their_order_and_in_the_right_number() -> None:
    mask = magnitude_mask(torch.ones(2, 2, 5), torch.tensor([0.3, 0.7]))
    assert mask.flatten(1).tolist() == [[0] * 3 + [1] * 7, [0] * 7 + [1] * 3]


def test_pruning_waits_for_its_start_and_for_the_end_of_an_epoch() -> None:
    numbers: dict[str, Any] = {"sparsity": [0.5, 0.5], "start": [0.2, 0.0], "end": [0.8, 0.1]}
    w = weights(2, 6, 4)
    given = {name: column(value, w) for name, value in numbers.items()}
    within = w.clone()
    Pruning.apply(within, given, at(3, w, step=STEPS - 1))
    assert torch.equal(within, w)
    first = w.clone()
    Pruning.apply(first, given, at(1, w))
    assert torch.equal(first[0], w[0])  # a tenth of the budget: member 0 begins at two tenths
    assert int((first[1] == 0).sum()) == 12  # member 1 is there already


def test_pruning_follows_each_members_budget_and_what_is_masked_stays_zero() -> None:
    """Noise moves all weights in each step, as momentum would; the masks only grow, each to its exact number."""
    epochs = [10.0, 5.0]
    w = weights(2, 8, 5)
    given: Numbers = {
        "sparsity": column([0.8, 0.5], w),
        "start": column([0.2, 0.2], w),
        "end": column([0.8, 0.6], w),
    }
    around = at(1, w, epochs=epochs)
    masks, counts = [around.state["mask"].clone()], []
    for t in range(1, 10 * STEPS + 1):
        w += weights(2, 8, 5, seed=t) * 0.3
        moment = Moment(t, STEPS, torch.tensor(epochs))
        Pruning.apply(w, given, Around(around.lr, moment, around.state))
        assert torch.equal(w == 0, around.state["mask"] == 0)
        if moment.is_last:
            assert bool((around.state["mask"] <= masks[-1]).all())
            masks.append(around.state["mask"].clone())
            counts.append((w == 0).flatten(1).sum(1).tolist())
    wanted = [
        [
            round(s * (1 - (1 - min(max((e / n - 0.2) / (end - 0.2), 0), 1)) ** 3) * 40)
            for s, n, end in ((0.8, 10, 0.8), (0.5, 5, 0.6))
        ]
        for e in range(1, 11)
    ]
    assert counts == wanted
    assert counts[-1] == [32, 20]


def test_prunings_end_comes_after_its_start() -> None:
    with pytest.raises(RecipeError, match=r"pruning\.end: received 0\.1; expected more than start \(0\.2\)"):
        make("pruning", {"end": 0.1})
    with pytest.raises(RecipeError, match=r"pruning\.end: received 0\.8; expected more than start \(0\.9\)"):
        make("pruning", {"start": 0.9})
    assert make("pruning", {"start": 0.85, "end": 1.0}).off == {"sparsity": 0.0}


def test_all_constraints_hold_together_in_the_network_that_is_handed_over() -> None:
    rules = {"max_norm": {"limit": 0.9}, "pruning": {"sparsity": 0.6, "start": 0.0, "end": 0.5}, "non_negative": {}}
    unit = {"unit_norm": {}, "pruning": {"sparsity": 0.5, "start": 0.0, "end": 1.0}}
    both = [member("all", 0, regularizers=rules, epochs=4), member("unit", 1, regularizers=unit, epochs=2)]
    done = train(both, tiny_images())
    for one, part in zip(both, (0.6, 0.5), strict=True):
        for name, w in done[one.key].weights.items():
            if w.ndim > 1:
                norms = unit_norms(w.unsqueeze(0)).flatten()
                if one.arm == "all":
                    assert int((w == 0).sum()) >= round(part * w.numel()), name
                    assert float(w.min()) >= 0
                    assert float(norms.max()) <= 0.9 * (1 + 1e-6)
                else:
                    assert int((w == 0).sum()) == round(part * w.numel()), name
                    assert norms[norms > 0].tolist() == pytest.approx([1.0] * int((norms > 0).sum()), rel=1e-5)
