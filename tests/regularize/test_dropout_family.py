"""The dropout family: textbooks' numbers by enumeration of all masks, torch's and torchvision's own layers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision import ops

from wellfit.errors import RecipeError
from wellfit.regularize.activations.classic_dropout import ClassicDropout
from wellfit.regularize.activations.drop_connect import DropConnect
from wellfit.regularize.activations.dropout import Dropout
from wellfit.regularize.activations.hidden_noise import HiddenNoise
from wellfit.regularize.activations.spatial_dropout import SpatialDropout
from wellfit.regularize.activations.stochastic_depth import StochasticDepth
from wellfit.regularize.catalogue import make
from wellfit.regularize.stages import Activation

SILENCING = [Dropout, ClassicDropout, SpatialDropout, StochasticDepth]
KEEP = 0.6
RATE = {"rate": torch.tensor(1 - KEEP, dtype=torch.float64)}


def masks(count: int) -> Iterator[tuple[Tensor, float]]:
    """Every mask of ``count`` units as draws (0 below any rate, 1 above), with its probability."""
    for kept in itertools.product((0.0, 1.0), repeat=count):
        yield torch.tensor(kept, dtype=torch.float64), math.prod(KEEP if k else 1 - KEEP for k in kept)


def expected(answer: Callable[[Tensor], Tensor], count: int) -> Tensor:
    return torch.stack([answer(u) * chance for u, chance in masks(count)]).sum(0)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_unit_of_two_inputs_expects_p_times_its_sum_in_the_classic_form() -> None:
    x, w = torch.tensor([2.0, -3.0], dtype=torch.float64), torch.tensor([0.5, 1.5], dtype=torch.float64)
    by_hand = KEEP * (0.5 * 2.0 + 1.5 * -3.0)  # p (w1 x1 + w2 x2) = -2.1
    assert float(expected(lambda u: ClassicDropout.apply(x, u, RATE) @ w, 2)) == pytest.approx(by_hand, abs=1e-12)
    assert float(ClassicDropout.evaluate(x, RATE) @ w) == pytest.approx(by_hand, abs=1e-12)


def test_a_unit_of_two_inputs_keeps_its_sum_in_the_inverted_form() -> None:
    x, w = torch.tensor([2.0, -3.0], dtype=torch.float64), torch.tensor([0.5, 1.5], dtype=torch.float64)
    by_hand = 0.5 * 2.0 + 1.5 * -3.0
    assert float(expected(lambda u: Dropout.apply(x, u, RATE) @ w, 2)) == pytest.approx(by_hand, abs=1e-12)
    assert float(Dropout.evaluate(x, RATE) @ w) == by_hand
    answers = sorted(float(Dropout.apply(x, u, RATE) @ w) for u, _ in masks(2))
    assert answers == pytest.approx(sorted([0.0, 1.0 / KEEP, -4.5 / KEEP, -3.5 / KEEP]))


def test_scaling_activations_is_scaling_the_outgoing_weights() -> None:
    """Srivastava 2014, section 4: W_test = p W."""
    h, w = torch.randn(5, 4, generator=seeded()), torch.randn(4, 3, generator=seeded(1))
    numbers = {"rate": torch.tensor(1 - KEEP)}
    assert torch.allclose(ClassicDropout.evaluate(h, numbers) @ w, h @ (KEEP * w), atol=1e-6)


def test_classic_training_does_not_scale_what_is_kept() -> None:
    h = torch.randn(6, 4, generator=seeded())
    u = Dropout.draw(h.shape, seeded(1))
    numbers = {"rate": torch.tensor(0.5)}
    classic, inverted = ClassicDropout.apply(h, u, numbers), Dropout.apply(h, u, numbers)
    assert set((classic / h).flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(inverted, classic * 2)
    assert [cls.scales_evaluation for cls in SILENCING] == [False, True, False, False]


def torchs_draws(mask: Tensor) -> Tensor:
    """The draws by which our methods silence what torch's layer did."""
    return (mask != 0).float()


def test_dropout_is_torchs() -> None:
    h = torch.randn(20, 30, generator=seeded())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        mask = F.dropout(torch.ones_like(h), 0.3)
        torch.manual_seed(3)
        theirs = F.dropout(h, 0.3)
    ours = Dropout.apply(h, torchs_draws(mask), {"rate": torch.tensor(0.3)})
    assert torch.allclose(ours, theirs, rtol=1e-6)


def test_spatial_dropout_is_torchs_dropout2d() -> None:
    h = torch.randn(20, 6, 4, 5, generator=seeded())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        mask = F.dropout2d(torch.ones_like(h), 0.3)
        torch.manual_seed(3)
        theirs = F.dropout2d(h, 0.3)
    u = torchs_draws(mask)[:, :, :1, :1]
    assert u.shape == SpatialDropout.draw(h.shape, seeded()).shape
    assert torch.allclose(SpatialDropout.apply(h, u, {"rate": torch.tensor(0.3)}), theirs, rtol=1e-6)


def test_stochastic_depth_is_torchvisions_by_row() -> None:
    h = torch.randn(20, 6, 4, generator=seeded())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        mask = ops.stochastic_depth(torch.ones_like(h), 0.3, "row")
        torch.manual_seed(3)
        theirs = ops.stochastic_depth(h, 0.3, "row")
    u = torchs_draws(mask)[:, :1, :1]
    assert u.shape == StochasticDepth.draw(h.shape, seeded()).shape
    assert torch.allclose(StochasticDepth.apply(h, u, {"rate": torch.tensor(0.3)}), theirs, rtol=1e-6)


@pytest.mark.parametrize("method", SILENCING)
def test_the_rate_is_the_fraction_that_is_silenced(method: type[Activation]) -> None:
    shape = (4000, 8, 2, 2)
    h, u = torch.ones(shape), method.draw(shape, seeded(5))
    silenced = float((method.apply(h, u, {"rate": torch.tensor(0.3)}) == 0).float().mean())
    draws = u.numel()
    assert silenced == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / draws))  # four standard deviations


@pytest.mark.parametrize(("shape", "acts"), [((4, 8), False), ((4, 8, 5), True), ((4, 8, 5, 5), True)])
def test_spatial_dropout_acts_on_channels_only(shape: tuple[int, ...], acts: bool) -> None:
    assert SpatialDropout.suits(shape) is acts
    assert Dropout.suits(shape)


def test_drop_connect_expects_the_plain_answer_and_its_gradient_passes_through_the_mask() -> None:
    x, w = torch.tensor([2.0, -3.0], dtype=torch.float64), torch.tensor([[0.5, 1.5], [1.0, -2.0]], dtype=torch.float64)
    beside = {"rate": RATE["rate"].view(1, 1, 1)}
    mean = expected(lambda u: (w * DropConnect.factor(u.view(1, 2, 2), beside)[0]) @ x, 4)
    assert torch.allclose(mean, w @ x, atol=1e-12)
    u = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    leaf = w.clone().requires_grad_()
    ((leaf * DropConnect.factor(u, beside)[0]) @ x).sum().backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    assert leaf.grad.flatten().tolist() == pytest.approx([2.0 / KEEP, 0.0, 0.0, -3.0 / KEEP])


def test_drop_connect_draws_a_number_for_each_weight() -> None:
    assert DropConnect.draw((3, 4, 5, 5), seeded()).shape == (3, 4, 5, 5)
    factor = DropConnect.factor(
        DropConnect.draw((200, 200), seeded()).unsqueeze(0), {"rate": torch.full((1, 1, 1), 0.4)}
    )
    assert float((factor == 0).float().mean()) == pytest.approx(0.4, abs=4 * math.sqrt(0.24 / 40_000))
    assert sorted(set(factor.flatten().tolist())) == pytest.approx([0.0, 1 / 0.6])


def test_hidden_noise_has_its_deviation_in_units_of_the_activation() -> None:
    h = torch.full((400, 100), 7.0)
    noise = HiddenNoise.apply(h, HiddenNoise.draw(h.shape, seeded()), {"std": torch.tensor(0.25)}) - h
    assert float(noise.mean()) == pytest.approx(0, abs=4 * 0.25 / 200)
    assert float(noise.std()) == pytest.approx(0.25, rel=4 / math.sqrt(2 * 40_000))
    assert torch.equal(HiddenNoise.evaluate(h, {"std": torch.tensor(0.25)}), h)


def bits(x: Tensor) -> Tensor:
    return x.view(torch.int32)


@pytest.mark.parametrize("method", [*SILENCING, HiddenNoise])
def test_a_member_without_it_keeps_its_bits_beside_one_with_it(method: type[Activation]) -> None:
    h = torch.randn(2, 3, 4, 2, generator=seeded())
    h[:, 0, 0, 0], h[:, 0, 1, 0], h[:, 1, 0, 0], h[:, 1, 1, 0] = -0.0, math.inf, math.nan, 1e-42
    u = method.draw(h.shape[1:], seeded(1))
    u.view(-1)[0] = 0.0
    u = u.expand(2, *u.shape)
    (field,) = method.number_fields()
    strength = torch.tensor([0.0, 0.5]).view(2, 1, 1, 1)
    changed = method.apply(h, u, {field: strength})
    assert torch.equal(bits(changed[0]), bits(h[0]))
    assert not torch.equal(bits(changed[1]), bits(h[1]))
    assert torch.equal(bits(method.evaluate(h, {field: strength})[0]), bits(h[0]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("method", [*SILENCING, HiddenNoise])
def test_the_activations_keep_their_dtype(method: type[Activation], dtype: torch.dtype) -> None:
    h = torch.randn(3, 4, 2, generator=seeded()).to(dtype)
    (field,) = method.number_fields()
    for numbers in ({field: torch.tensor(0.5)}, {field: torch.full((1, 1, 1), 0.5)}):
        assert method.apply(h, method.draw(h.shape, seeded()), numbers).dtype == dtype
        assert method.evaluate(h, numbers).dtype == dtype


def test_stochastic_depth_looks_for_branches() -> None:
    assert StochasticDepth().at == ("branch", "*.branch")
    assert make("stochastic_depth", {"rate": 0.3, "at": "blocks.*.residual"}) == StochasticDepth(
        rate=0.3, at=("blocks.*.residual",)
    )


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("classic_dropout", {"rate": 1.0}, "classic_dropout.rate: received 1.0; expected less than 1"),
        ("spatial_dropout", {"rate": 2}, "spatial_dropout.rate: received 2; expected less than 1"),
        ("drop_connect", {"rate": 1}, "drop_connect.rate: received 1; expected less than 1"),
        ("stochastic_depth", {"at": [""]}, "stochastic_depth.at.0: received ''; expected a text that is not empty"),
        ("hidden_noise", {"std": math.inf}, "hidden_noise.std: received inf; expected a finite number"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(name: str, parameters: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make(name, parameters)
    assert said in str(caught.value)
