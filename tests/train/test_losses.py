"""Losses against PyTorch, torchvision, kornia, scikit-learn and closed forms."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import kornia
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from pydantic import TypeAdapter
from sklearn.metrics import hinge_loss
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.func import grad_and_value, vmap

from tests.support import member, same_bits, tiny_images, train
from wellfit.errors import RecipeError
from wellfit.recipe.loss import LossSpec, OneLoss, SumSpec, whole_loss
from wellfit.recipe.recipe import Recipe
from wellfit.train.losses import (
    Loss,
    balanced_weights,
    make_loss,
    measured,
    probabilities,
    suits,
    with_balanced_weights,
)
from wellfit.train.member import Member

ADAPTER: TypeAdapter[LossSpec] = TypeAdapter(LossSpec)

FOR_CLASSES: dict[str, Any] = {
    "cross_entropy": "cross_entropy",
    "weighted": {"kind": "cross_entropy", "class_weights": [0.2, 3.0, 1.0]},
    "smoothed": {"kind": "cross_entropy", "smoothing": 0.1},
    "weighted and smoothed": {"kind": "cross_entropy", "class_weights": [0.2, 3.0, 1.0], "smoothing": 0.3},
    "binary_cross_entropy": "binary_cross_entropy",
    "multiclass_hinge": "multiclass_hinge",
    "multiclass_hinge squared": {"kind": "multiclass_hinge", "p": 2, "margin": 0.5},
    "dice": "dice",
    "focal": "focal",
    "focal below 1": {"kind": "focal", "gamma": 0.5},
    "focal weighted": {"kind": "focal", "class_weights": [0.2, 3.0, 1.0]},
    "sum": {"cross_entropy": {"weight": 0.7, "smoothing": 0.2}, "dice": 0.3, "focal": 1.0},
}
FOR_TWO: dict[str, Any] = {"hinge": "hinge", "hinge squared": {"kind": "hinge", "p": 2, "margin": 2.0}}
FOR_NUMBERS: dict[str, Any] = {"mse": "mse", "mae": "mae", "huber": {"kind": "huber", "delta": 0.7}}


def spec(value: Any, *, classes: int = 0) -> LossSpec:
    """A loss as a recipe writes it; its class weights are repeated for so many ``classes``."""
    made = ADAPTER.validate_python(whole_loss(value))
    weights = getattr(made, "class_weights", None) if classes else None
    return made if weights is None else made.model_copy(update={"class_weights": (weights * classes)[:classes]})


def answers(*shape: int, seed: int = 0, scale: float = 3.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def labels(*shape: int, classes: int, seed: int = 1) -> Tensor:
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


def value_and_gradient(loss: Callable[[Tensor, Tensor], Tensor], z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    z = z.clone().requires_grad_()
    losses = loss(z, y)
    (gradient,) = torch.autograd.grad(losses.mean(-1).sum(), z)
    return losses.detach(), gradient


def assert_equals(ours: LossSpec, oracle: Callable[[Tensor, Tensor], Tensor], z: Tensor, y: Tensor) -> None:
    """Both as means over a batch, value and gradient, in float64."""
    z = z.double()
    losses, gradient = value_and_gradient(make_loss(ours), z, y)
    theirs = z.clone().requires_grad_()
    expected = oracle(theirs, y)
    expected.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(losses.mean(), expected.detach(), rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(gradient, theirs.grad, rtol=1e-7, atol=1e-9)


def all_for_classes() -> list[Any]:
    cases = [pytest.param(value, c, id=f"{name}, {c}") for name, value in FOR_CLASSES.items() for c in (2, 3, 10, 33)]
    return cases + [pytest.param(value, 2, id=name) for name, value in FOR_TWO.items()]


@pytest.mark.parametrize("scale", [0.1, 3.0, 1e4])
@pytest.mark.parametrize(("value", "classes"), all_for_classes())
def test_one_hot_targets_give_the_bits_of_indices(value: Any, classes: int, scale: float) -> None:
    loss = make_loss(spec(value, classes=classes))
    z, y = answers(5, 21, classes, scale=scale), labels(5, 21, classes=classes)
    z[0, 0, 0], z[0, 1, 0] = 3e38, -3e38  # where a difference of logits overflows
    hard = value_and_gradient(loss, z, y)
    soft = value_and_gradient(loss, z, F.one_hot(y, classes).float())
    for a, b in zip(hard, soft, strict=True):
        assert torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0))
        assert torch.equal(a.isnan(), b.isnan())
        assert not a[1:].isnan().any()


@pytest.mark.parametrize(("value", "classes"), all_for_classes())
def test_a_members_bits_do_not_depend_on_its_neighbours(value: Any, classes: int) -> None:
    loss = make_loss(spec(value, classes=classes))
    for batch in (1, 2, 7, 64, 65):
        z, y = answers(13, batch, classes), labels(13, batch, classes=classes)
        values, gradient = value_and_gradient(loss, z, y)
        for some in ([0], [5], [12], [1, 3, 8]):
            few, part = value_and_gradient(loss, z[some], y[some])
            assert torch.equal(few, values[some])
            assert torch.equal(part, gradient[some])
        alone, part = value_and_gradient(loss, z[4], y[4])
        assert torch.equal(alone, values[4])
        assert torch.equal(part, gradient[4])
        foreign = z.clone()
        foreign[3] = math.nan
        assert torch.equal(loss(foreign, y)[4:], values[4:])


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(("value", "classes"), all_for_classes())
def test_nor_under_vmap(value: Any, classes: int, soft: bool) -> None:
    loss = make_loss(spec(value, classes=classes))
    z, y = answers(13, 21, classes), labels(13, 21, classes=classes)
    targets = F.one_hot(y, classes).float() if soft else y
    step = vmap(grad_and_value(lambda z, y: loss(z, y).mean()))
    gradient, values = step(z, y)
    for some in ([0], [5], [1, 3, 12]):
        part, few = step(z[some], targets[some])
        assert torch.equal(few, values[some])
        assert torch.equal(part, gradient[some])


@pytest.mark.parametrize("name", ["weighted and smoothed", "binary_cross_entropy", "sum"])
def test_a_neighbour_that_smooths_its_labels_changes_no_member(name: str) -> None:
    def made(arm: str, strength: float, seed: int = 0) -> Member:
        smooths = {"label_smoothing": {"strength": strength}} if strength else {}
        return member(arm, seed, loss=FOR_CLASSES[name], epochs=2, regularizers=smooths)

    hard, soft = made("hard", 0.0), made("soft", 0.2)
    alone = train([hard], tiny_images())[hard.key]
    beside = train([hard, soft, made("other", 0.1, seed=1)], tiny_images())
    assert same_bits(alone.weights, beside[hard.key].weights)
    assert not same_bits(alone.weights, beside[soft.key].weights)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(("value", "classes"), all_for_classes())
def test_under_vmap_it_is_the_same_function(value: Any, classes: int, soft: bool) -> None:
    loss = make_loss(spec(value, classes=classes))
    z, y = answers(4, 9, classes), labels(4, 9, classes=classes)
    targets = torch.softmax(answers(4, 9, classes, seed=3), -1) if soft else y
    gradient, value_ = vmap(grad_and_value(lambda z, y: loss(z, y).mean()))(z, targets)
    losses, expected = value_and_gradient(loss, z, targets)
    torch.testing.assert_close(value_, losses.mean(-1), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("value", FOR_NUMBERS.values(), ids=FOR_NUMBERS)
def test_numbers_under_vmap_and_alone(value: Any) -> None:
    loss = make_loss(spec(value))
    z, y = answers(6, 11, 3), answers(6, 11, 3, seed=5)
    values, gradient = value_and_gradient(loss, z, y)
    assert values.shape == (6, 11)
    alone, part = value_and_gradient(loss, z[2], y[2])
    assert torch.equal(alone, values[2])
    assert torch.equal(part, gradient[2])
    mapped, means = vmap(grad_and_value(lambda z, y: loss(z, y).mean()))(z, y)
    torch.testing.assert_close(means, values.mean(-1))
    torch.testing.assert_close(mapped, gradient)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("value", [*FOR_CLASSES.values(), *FOR_NUMBERS.values()], ids=[*FOR_CLASSES, *FOR_NUMBERS])
def test_dtype_is_kept(value: Any, dtype: torch.dtype) -> None:
    z = answers(2, 5, 3).to(dtype)
    y = answers(2, 5, 3, seed=4).to(dtype) if value in FOR_NUMBERS.values() else labels(2, 5, classes=3)
    assert make_loss(spec(value))(z, y).dtype == dtype


Z, Y = answers(24, 5), labels(24, classes=5)
WEIGHTS = (0.5, 2.0, 1.0, 0.0, 3.0)
SOFT = torch.softmax(answers(24, 5, seed=9), -1).double()


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_cross_entropy_is_pytorchs(weights: tuple[float, ...] | None, smoothing: float) -> None:
    ours = spec({"kind": "cross_entropy", "smoothing": smoothing, "class_weights": weights}, classes=5)
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    assert_equals(ours, nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing), Z, Y)


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_cross_entropy_of_shares_is_pytorchs(smoothing: float) -> None:
    ours = spec({"kind": "cross_entropy", "smoothing": smoothing})
    assert_equals(ours, nn.CrossEntropyLoss(label_smoothing=smoothing), Z, SOFT)


def test_cross_entropy_in_numbers() -> None:
    """Two samples, by hand: -log(3/4) and -log(1/4), weighted 1 and 3: (log(4/3) + 3 log 4) / 4."""
    z = torch.tensor([[0.0, math.log(3)], [math.log(1 / 3), 0.0]])
    loss = make_loss(spec({"kind": "cross_entropy", "class_weights": [3, 1]}))
    losses = loss(z, torch.tensor([1, 0]))
    assert float(losses.mean()) == pytest.approx((math.log(4 / 3) + 3 * math.log(4)) / 4)


@pytest.mark.parametrize("samples", [3, 64, 1000])
def test_a_batch_without_weight_gives_no_loss_and_no_gradient(samples: int) -> None:
    loss = make_loss(spec({"kind": "cross_entropy", "class_weights": [1.0, 0.0]}))
    losses, gradient = value_and_gradient(loss, answers(samples, 2), torch.ones(samples, dtype=torch.int64))
    assert not losses.any()
    assert not gradient.any()


def test_binary_cross_entropy_is_pytorchs() -> None:
    ours = spec("binary_cross_entropy")
    torchs = nn.BCEWithLogitsLoss()
    assert_equals(ours, lambda z, y: torchs(z, F.one_hot(y, 5).double()), Z, Y)
    assert_equals(ours, torchs, Z, SOFT)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_multiclass_hinge_is_pytorchs(p: int, margin: float) -> None:
    ours = spec({"kind": "multiclass_hinge", "p": p, "margin": margin})
    assert_equals(ours, nn.MultiMarginLoss(p=p, margin=margin), Z, Y)


def test_hinge_is_scikit_learns() -> None:
    z, y = answers(40, 2), labels(40, classes=2)
    ours = make_loss(spec("hinge"))(z.double(), y).mean()
    assert float(ours) == pytest.approx(hinge_loss(y.numpy(), (z[:, 1] - z[:, 0]).numpy()))
    squared = make_loss(spec({"kind": "hinge", "p": 2}))(z.double(), y)
    sign = 2 * y.double() - 1
    expected = F.relu(1 - sign * (z[:, 1] - z[:, 0]).double()).square()
    torch.testing.assert_close(squared, expected, rtol=1e-6, atol=1e-6)


def test_hinge_pulls_inside_the_margin_only() -> None:
    z = torch.tensor([[0.0, 0.5], [0.0, 2.0], [0.0, -1.0]])
    losses, gradient = value_and_gradient(make_loss(spec("hinge")), z, torch.tensor([1, 1, 1]))
    assert losses.tolist() == [0.5, 0.0, 2.0]
    assert torch.allclose(3 * gradient, torch.tensor([[1.0, -1.0], [0.0, 0.0], [1.0, -1.0]]))


@pytest.mark.parametrize("value", ["multiclass_hinge", "hinge"])
def test_a_hinge_takes_the_largest_share(value: str) -> None:
    loss = make_loss(spec(value))
    z, y = answers(8, 2), labels(8, classes=2)
    mixed = 0.6 * F.one_hot(y, 2).float() + 0.4 * F.one_hot(1 - y, 2).float()
    assert not loss.takes_soft
    assert torch.equal(loss(z, mixed), loss(z, y))


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
def test_focal_is_kornias(gamma: float) -> None:
    def oracle(z: Tensor, y: Tensor) -> Tensor:
        found: Tensor = kornia.losses.focal_loss(z, y, alpha=None, gamma=gamma, reduction="mean")
        return found * z.shape[-1]  # kornia's mean is over samples and classes

    assert_equals(spec({"kind": "focal", "gamma": gamma}), oracle, Z, Y)


def test_focal_of_two_classes_is_torchvisions() -> None:
    """Softmax of (0, s) is the sigmoid of s."""

    def oracle(z: Tensor, y: Tensor) -> Tensor:
        found: Tensor = torchvision.ops.sigmoid_focal_loss(
            z[:, 1] - z[:, 0], y.to(z.dtype), alpha=-1, gamma=2.0, reduction="mean"
        )
        return found

    assert_equals(spec("focal"), oracle, answers(30, 2), labels(30, classes=2))


def test_focal_without_focus_is_the_cross_entropy() -> None:
    for weights in (None, list(WEIGHTS)):
        plain = make_loss(spec({"kind": "cross_entropy", "class_weights": weights}, classes=5))
        ours = make_loss(spec({"kind": "focal", "gamma": 0, "class_weights": weights}, classes=5))
        for targets in (Y, SOFT.float()):
            for a, b in zip(value_and_gradient(plain, Z, targets), value_and_gradient(ours, Z, targets), strict=True):
                torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_dice_of_hard_answers_counts_overlaps() -> None:
    """Predicted 0 0 1 1, true 0 1 1 1, of three classes: Dice 2/3 and 4/5; the third class is not in the batch."""
    z = 100 * F.one_hot(torch.tensor([0, 0, 1, 1]), 3).float()
    losses = make_loss(spec({"kind": "dice", "smooth": 1e-9}))(z, torch.tensor([0, 1, 1, 1]))
    assert losses.tolist() == pytest.approx([(1 / 3 + 1 / 5) / 2] * 4)


def test_dice_is_kornias() -> None:
    """kornia averages over classes of an image; the batch stands for its pixels."""
    z, y = answers(24, 5), torch.arange(24) % 5

    def oracle(z: Tensor, y: Tensor) -> Tensor:
        found: Tensor = kornia.losses.dice_loss(z.T[None, :, :, None], y[None, :, None], average="macro", eps=1e-9)
        return found

    assert_equals(spec({"kind": "dice", "smooth": 1e-9}), oracle, z, y)


@pytest.mark.parametrize(
    ("value", "oracle"),
    [("mse", nn.MSELoss()), ("mae", nn.L1Loss()), ({"kind": "huber", "delta": 0.7}, nn.HuberLoss(delta=0.7))],
)
def test_losses_of_numbers_are_pytorchs(value: Any, oracle: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert_equals(spec(value), oracle, answers(20, 3, scale=1.0), answers(20, 3, seed=2, scale=1.0).double())


def test_a_sum_is_the_sum_of_its_terms() -> None:
    ours = make_loss(spec({"cross_entropy": 0.7, "focal": {"gamma": 1.0, "weight": 0.3}}))
    entropy, focal = make_loss(spec("cross_entropy")), make_loss(spec({"kind": "focal", "gamma": 1.0}))
    assert torch.equal(ours(Z, Y), 0.7 * entropy(Z, Y) + 0.3 * focal(Z, Y))


@pytest.mark.parametrize("value", FOR_CLASSES.values(), ids=FOR_CLASSES)
def test_large_logits_are_finite(value: Any) -> None:
    z = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [0.0, 0.0, 0.0], [1e4, 0.0, 0.0]])
    for y in (torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 0, 0])):
        losses, gradient = value_and_gradient(make_loss(spec(value)), z, y)
        assert losses.isfinite().all()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("value", FOR_CLASSES.values(), ids=FOR_CLASSES)
def test_gradients_are_the_derivatives(value: Any) -> None:
    loss = make_loss(spec(value))
    y = torch.softmax(answers(7, 3, seed=6), -1).double()
    z = answers(7, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, y), z)


def slope_of(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the plain cross-entropy and its slope, which must leave the answers as they are."""
    slope = make_loss(spec("cross_entropy")).slope
    assert slope is not None
    before = z.clone()
    found = slope(z, y)
    assert same_bits({"z": z}, {"z": before})
    return found


@pytest.mark.parametrize("classes", [2, 3, 10, 33])
@pytest.mark.parametrize("kind", ["indices", "one-hot", "shares"])
def test_the_slope_is_what_autograd_finds(classes: int, kind: str) -> None:
    z, y = answers(5, 21, classes).double(), labels(5, 21, classes=classes)
    z[0, 0] = torch.linspace(-1e4, 1e4, classes)
    if kind != "indices":
        y = F.one_hot(y, classes).double()
    if kind == "shares":
        y = 0.3 * y + 0.7 * y.roll(1, 0)
    losses, gradient = value_and_gradient(make_loss(spec("cross_entropy")), z, y)
    found, slope = slope_of(z, y)
    torch.testing.assert_close(found, losses, rtol=1e-12, atol=0)
    torch.testing.assert_close(slope / 21, gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("classes", [2, 3, 10, 33])
def test_bits_of_the_slope_are_a_members_own(classes: int) -> None:
    for batch in (1, 2, 7, 64, 65):
        z, y = answers(13, batch, classes), labels(13, batch, classes=classes)
        z[0, 0, 0] = 3e38
        losses, slope = slope_of(z, y)
        hot = slope_of(z, F.one_hot(y, classes).float())
        assert torch.equal(hot[0], losses)
        assert torch.equal(hot[1], slope)
        for some in ([0], [5], [12], [1, 3, 8]):
            few, part = slope_of(z[some], y[some])
            assert torch.equal(few, losses[some])
            assert torch.equal(part, slope[some])


def test_only_the_plain_cross_entropy_has_a_slope() -> None:
    for name, value in [*FOR_CLASSES.items(), *FOR_NUMBERS.items()]:
        assert (make_loss(spec(value)).slope is not None) is (name == "cross_entropy")
    assert make_loss(spec("cross_entropy"), pixels=True).slope is None


def test_balanced_weights_are_scikit_learns() -> None:
    y = np.repeat([0, 1, 2], [50, 30, 7])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    assert balanced_weights([50, 30, 7]) == pytest.approx(expected.tolist())
    assert balanced_weights([4, 0]) == (0.5, 2.0)


def test_balanced_is_resolved_also_inside_a_sum() -> None:
    plain, focal = spec("cross_entropy"), spec("focal")
    assert with_balanced_weights(plain, [1, 3]) == plain
    balanced = spec({"kind": "focal", "class_weights": "balanced"})
    assert with_balanced_weights(balanced, [1, 3]) == focal.model_copy(update={"class_weights": (2.0, 2 / 3)})
    total = with_balanced_weights(spec({"focal": {"class_weights": "balanced"}, "dice": 1}), [1, 3])
    assert isinstance(total, SumSpec)
    assert total.terms[0].loss.model_dump()["class_weights"] == (2.0, 2 / 3)
    with pytest.raises(ValueError, match="'balanced' are not numbers yet"):
        make_loss(balanced)


def test_curves_report_no_smoothing() -> None:
    assert measured(spec({"kind": "cross_entropy", "smoothing": 0.2})) == spec("cross_entropy")
    total = spec({"cross_entropy": {"weight": 0.7, "smoothing": 0.2}, "dice": 0.3})
    assert measured(total) == spec({"cross_entropy": 0.7, "dice": 0.3})
    assert measured(spec("mae")) == spec("mae")


def test_what_suits_what() -> None:
    for value in FOR_CLASSES.values():
        assert suits(spec(value), "classification", 3) is None
        assert suits(spec(value), "regression", 0) == "mse, mae or huber for numbers"
    for value in FOR_NUMBERS.values():
        assert suits(spec(value), "regression", 0) is None
        assert str(suits(spec(value), "classification", 3)).startswith("cross_entropy for classes")
    assert suits(spec("hinge"), "classification", 2) is None
    assert suits(spec("hinge"), "classification", 3) == "multiclass_hinge for 3 classes, as hinge takes two"
    wrong = ADAPTER.validate_python({"kind": "focal", "class_weights": [1, 2]})
    assert suits(wrong, "classification", 3) == "3 class weights, one a class, and not 2"
    assert suits(spec({"dice": 1, "mse": 1}), "classification", 3) is not None


def test_which_depend_on_their_batch() -> None:
    def of_batch(value: Any) -> bool:
        return make_loss(spec(value)).of_batch

    assert {name for name, value in FOR_CLASSES.items() if of_batch(value)} == {
        "weighted",
        "weighted and smoothed",
        "dice",
        "focal weighted",
        "sum",
    }
    assert isinstance(make_loss(spec("mse")), Loss)


def test_probabilities_sum_to_one() -> None:
    z = answers(9, 4).double()
    assert torch.equal(probabilities(spec("cross_entropy"), z), z.softmax(-1))
    ours = probabilities(spec("binary_cross_entropy"), z)
    torch.testing.assert_close(ours, z.sigmoid() / z.sigmoid().sum(-1, keepdim=True))
    far = probabilities(spec("binary_cross_entropy"), torch.tensor([-1e4, -1e4 + 1]))
    torch.testing.assert_close(far, torch.tensor([0.0, 1.0]).sub(torch.tensor([1, -1]) * -1 / (1 + math.e)).abs())
    assert torch.equal(probabilities(spec({"dice": 1, "binary_cross_entropy": 1}), z), z.softmax(-1))


def test_probabilities_one_against_the_rest_are_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = answers(60, 4).numpy(), labels(60, classes=3).numpy()
    fitted = OneVsRestClassifier(LogisticRegression()).fit(x, y)
    z = torch.tensor(np.stack([one.decision_function(x) for one in fitted.estimators_], 1))
    ours = probabilities(spec("binary_cross_entropy"), z)
    np.testing.assert_allclose(ours.numpy(), fitted.predict_proba(x), rtol=1e-6)


def recipe(**fields: Any) -> Recipe:
    from wellfit.recipe_errors import validate

    return validate(Recipe, {"data": "digits", **fields})


@pytest.mark.parametrize(
    "value",
    [
        {"cross_entropy": 0.7, "dice": 0.3},
        {"cross_entropy": {"weight": 0.7}, "dice": {"weight": 0.3}},
        {"terms": [{"loss": "cross_entropy", "weight": 0.7}, {"loss": {"kind": "dice"}, "weight": 0.3}]},
        {"kind": "sum", "terms": [{"loss": "cross_entropy", "weight": 0.7}, {"loss": "dice", "weight": 0.3}]},
    ],
)
def test_a_sum_can_be_written_by_weights(value: Any) -> None:
    made = recipe(loss=value)
    assert make_loss(made.loss or spec("mse"))(Z, Y).shape == (24,)
    assert made == recipe(loss={"cross_entropy": 0.7, "dice": 0.3})
    assert Recipe.model_validate(json.loads(json.dumps(made.to_dict()))) == made


def test_a_patch_may_change_one_number_or_the_whole_loss() -> None:
    from wellfit.recipe.patch import apply_patch

    base = recipe(loss={"kind": "focal", "gamma": 1.0, "class_weights": "balanced"})
    changed = apply_patch(base, {"loss": {"gamma": 3.0}}, where="a")
    assert changed.loss == spec({"kind": "focal", "gamma": 3.0, "class_weights": "balanced"})
    assert apply_patch(base, {"loss": "dice"}, where="a").loss == spec("dice")
    total = {"cross_entropy": 0.7, "dice": 0.3}
    assert apply_patch(base, {"loss": total}, where="a").loss == spec(total)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("hing", r"loss.kind: received 'hing'; expected 'hinge' \(nearest\)"),
        ({"kind": "huber", "delta": 0}, "loss.delta: received 0; expected more than 0"),
        ({"kind": "cross_entropy", "smoothing": 1.0}, r"loss.smoothing: received 1.0; expected less than 1"),
        ({"kind": "focal", "gamma": -1}, "loss.gamma: received -1; expected at least 0"),
        ({"kind": "focal", "class_weights": "even"}, "loss.class_weights: received 'even'; expected 'balanced', or"),
        ({"kind": "focal", "class_weights": [1, -1]}, r"loss.class_weights: received \[1, -1\]; expected 'balanced'"),
        ({"kind": "hinge", "p": 3}, "loss.p: received 3"),
        ({"smoothing": 0.1}, r"loss: received .*; expected a name, a mapping with 'kind', or weights by name"),
        ({"cross_entropy": -1.0}, "weight: received -1.0; expected more than 0"),
        ({"terms": []}, r"loss.terms: received \[\]; expected at least 1 of them"),
    ],
)
def test_a_bad_value_is_named(value: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        recipe(loss=value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cls", [*OneLoss.__args__, SumSpec], ids=lambda cls: cls.__name__)
def test_card_is_whole(cls: Any) -> None:
    card = cls.__doc__ or ""
    for heading in ("Formula:", "Range:", "Source:"):
        assert heading in card
    assert re.search(r"Does (nothing|little) for:", card)
    assert re.search(r"Source: .*\d{4}", card, re.DOTALL)
    for field in cls.model_fields:
        assert field == "kind" or f"``{field}``" in card
