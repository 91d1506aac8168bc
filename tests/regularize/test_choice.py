"""One of several augmentations for each image: the same pixels as each alone, fair draws, and errors with a place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
import scipy.stats
import torch
from torch import Tensor

from wellfit.errors import RecipeError
from wellfit.regularize.batch.choice import apply_chosen, draw_all
from wellfit.regularize.batch.rand_augment import MOST, STRONGEST, RandAugment, operations
from wellfit.regularize.batch.random_choice import RandomChoice
from wellfit.regularize.batch.table import IMAGES
from wellfit.regularize.catalogue import check, make
from wellfit.regularize.stages import Augmentation

SHAPE = (3, 9, 7)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 40, *, shape: Sequence[int] = SHAPE) -> Tensor:
    return torch.rand(n, *shape, generator=draws())


def choice(among: Mapping[str, Any], probability: float = 1.0) -> RandomChoice:
    return RandomChoice.model_validate({"probability": probability, "among": among})


class Counting(Augmentation):
    """Paints what it is given white, and counts it; draws more than one number for a sample."""

    off: ClassVar[Mapping[str, float]] = {}
    seen: ClassVar[list[int]] = []

    @property
    def is_off(self) -> bool:
        return False

    def draw(self, n: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        return torch.rand(n, 2, *shape[1:], generator=generator)

    def apply(self, x: Tensor, u: Tensor) -> Tensor:
        assert u.shape == (len(x), 2, *x.shape[2:])
        self.seen.append(len(x))
        return torch.ones_like(x)


def test_each_sample_is_touched_once_and_by_its_own_choice() -> None:
    x, methods = pictures(6), (Counting(), IMAGES["brightness"](), Counting())
    u = draw_all(methods, 6, SHAPE, draws())
    Counting.seen.clear()
    y = apply_chosen(x, torch.tensor([0, 2, 1, -1, 3, 2]), methods, u)
    assert Counting.seen == [1, 2]
    assert bool((y[[0, 1, 5]] == 1).all())
    assert torch.equal(y[[3, 4]], x[[3, 4]])
    assert torch.equal(y[2], methods[1].apply(x[2:3], u[2:3, 2 * 9 * 7])[0])


def test_a_choice_among_all_image_augmentations_gives_the_pixels_of_each_alone() -> None:
    method = choice({name: {} for name in IMAGES}, 0.8)
    candidates = method.among.methods
    assert [type(one) for one in candidates] == list(IMAGES.values())
    x = pictures(120)
    u = method.draw(120, SHAPE, draws())
    y = method.apply(x, u)
    generator, n = draws(), 120
    torch.rand(n, 2, generator=generator)  # whether and which
    alone = [one.apply(x, one.draw(n, SHAPE, generator)) for one in candidates]
    chosen = set()
    for i in range(n):
        if float(u[i, 0]) >= 0.8:
            assert torch.equal(y[i], x[i])
        else:
            which = int(float(u[i, 1]) * len(candidates))
            chosen.add(which)
            assert torch.allclose(y[i], alone[which][i], atol=1e-5), list(IMAGES)[which]
    assert len(chosen) == len(IMAGES)


def test_choices_are_uniform_and_as_probable_as_stated() -> None:
    method = choice(
        {"cutout": {"side": 1.0}, "salt_and_pepper": {"fraction": 1.0}, "brightness": {"strength": 0.0}}, 0.6
    )
    x = torch.full((4000, 1, 2, 2), 0.5)
    y = method.apply(x, method.draw(4000, (1, 2, 2), draws()))
    noisy = int((y == 1).any(dim=(1, 2, 3)).sum())  # 15 of 16: of four pixels at least one is white
    same = int((y == x).all(dim=(1, 2, 3)).sum())
    expected = [0.2 * 15 / 16, 0.6, 0.2 + 0.2 / 16]
    counted = [noisy, same, 4000 - noisy - same]
    assert scipy.stats.chisquare(counted, [4000 * share for share in expected]).pvalue > 1e-3


def test_off_and_candidates_that_are_off_change_no_bit() -> None:
    x = pictures()
    for method in (
        RandomChoice(probability=0.0),
        choice({name: dict(cls.off) for name, cls in IMAGES.items()}),
        RandAugment(magnitude=0.0),
        RandAugment(count=0),
    ):
        assert torch.equal(method.apply(x, method.draw(len(x), SHAPE, draws())), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("method", [RandomChoice(), RandAugment(count=3)])
def test_a_picture_stays_one_and_depends_on_no_other(method: Augmentation, dtype: torch.dtype) -> None:
    for shape in (SHAPE, (1, 8, 8)):
        x = pictures(shape=shape).to(dtype)
        before, u = x.clone(), method.draw(40, shape, draws())
        y = method.apply(x, u)
        assert y.dtype == dtype
        assert y.shape == x.shape
        assert torch.equal(x, before)
        assert not torch.equal(y, x)
        for i in range(40):
            assert torch.equal(method.apply(x[i : i + 1], u[i : i + 1])[0], y[i])


def test_draws_are_the_same_whatever_the_parameters() -> None:
    ours = choice({"rotation": {}, "blur": {"sigma": 3.0}}).draw(5, SHAPE, draws(4))
    assert torch.equal(ours, choice({"blur": {}, "rotation": {"degrees": 90}}, 0.2).draw(5, SHAPE, draws(4)))
    ours = RandAugment(magnitude=0.3, count=2).draw(5, SHAPE, draws(4))
    assert torch.equal(ours, RandAugment(magnitude=0.0, count=8).draw(5, SHAPE, draws(4)))
    assert ours.dtype == torch.float32
    assert ours.shape == (5, MOST + MOST * sum(operations(1.0)[i].draw(1, SHAPE, draws()).numel() for i in range(7)))


def test_a_choice_is_a_value_that_survives_json_in_any_order() -> None:
    given = {"among": {"blur": None, "rotation": {"degrees": 30}}}
    method = make("random_choice", given)
    assert method.model_dump() == {
        "probability": 1.0,
        "among": {"rotation": {"degrees": 30.0}, "blur": {"sigma": 1.0, "probability": 0.5}},
    }
    again = make("random_choice", json.loads(json.dumps(method.model_dump(), sort_keys=True)))
    assert again == method
    assert repr(again) == repr(method)
    assert hash(again) == hash(method)
    assert repr(make("random_choice", {"among": {"blur": {}, "rotation": {"degrees": 31}}})) != repr(method)
    assert check("random_choice", {})["among"].keys() == {"rotation", "brightness", "contrast", "blur", "sharpness"}


@pytest.mark.parametrize(
    ("among", "message"),
    [
        ({"rotation": {"degrees": -1}}, r"among\.rotation\.degrees: received -1; expected at least 0"),
        ({"rotation": {"degree": 1}}, r"among\.rotation\.degree: unknown key; expected 'degrees' \(nearest\)"),
        ({"rotatoin": {}}, r"among\.rotatoin: unknown key; expected 'rotation' \(nearest\)"),
        ({"mixup": {}}, r"among\.mixup: unknown key; expected "),
        ({"cutout": 5}, r"among\.cutout: received 5; expected a mapping"),
        ({}, r"among: received \{\}; expected at least one augmentation"),
        (["rotation"], r"among: received \['rotation'\]; expected a mapping"),
        ({"random_erasing": {"min_area": 1.0}}, r"among\.random_erasing: received .*; expected min_area \(1\) at most"),
    ],
)
def test_errors_name_the_place(among: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=r"^arms\.x\.random_choice\." + message) as caught:
        make("random_choice", {"among": among}, where="arms.x")
    assert "\n" not in str(caught.value)


def test_rand_augment_does_count_operations_in_a_row() -> None:
    """Each sample's operations, written out: which slot draws what, and that the second sees the first's picture."""
    x = pictures(60)
    methods = operations(0.4)
    widths = [one.draw(1, SHAPE, draws()).numel() for one in methods]
    u = RandAugment().draw(60, SHAPE, draws())
    for count in (1, 2, MOST):
        y = RandAugment(magnitude=0.4, count=count).apply(x, u)
        for i in range(60):
            expected = x[i : i + 1]
            slots = u[i, MOST:].view(MOST, sum(widths))
            for slot in range(count):
                which = int(float(u[i, slot]) * 8)
                if which < len(methods):
                    own = torch.split(slots[slot : slot + 1], widths, dim=1)[which]
                    expected = methods[which].apply(expected, own if widths[which] > 1 else own[:, 0])
            assert torch.equal(y[i], expected[0])


def test_rand_augment_has_one_magnitude_for_all() -> None:
    strongest, weak = operations(1.0), operations(0.1)
    for (name, (field, most)), full, tenth in zip(STRONGEST.items(), strongest, weak, strict=True):
        assert getattr(full, field) == pytest.approx(most), name
        assert getattr(tenth, field) == pytest.approx(most / 10), name
    x = pictures(200)
    u = RandAugment().draw(200, SHAPE, draws())
    off = [float((RandAugment(magnitude=m).apply(x, u) - x).abs().mean()) for m in (0.05, 0.3, 1.0)]
    assert 0 < off[0] < off[1] < off[2]
    same = int((RandAugment(count=1, magnitude=1.0).apply(x, u) == x).all(dim=(1, 2, 3)).sum())
    assert scipy.stats.binomtest(same, 200, 1 / 8).pvalue > 1e-3, "one draw in eight leaves a picture as it is"
    with pytest.raises(RecipeError, match=r"rand_augment\.count: received 9; expected at most 8"):
        make("rand_augment", {"count": 9})
    with pytest.raises(RecipeError, match=r"rand_augment\.count: received 1\.5; expected a whole number"):
        make("rand_augment", {"count": 1.5})
