"""Initializations against ``torch.nn.init``, closed forms, and what must be left alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import save_file
from torch import Tensor, nn

from wellfit.errors import ModelError, RecipeError
from wellfit.models.init import draw, initialize
from wellfit.models.state import state_of
from wellfit.random import generator
from wellfit.recipe.init import DefaultSpec, DrawnSpec, InitSpec, PretrainedSpec

ADAPTER: TypeAdapter[InitSpec] = TypeAdapter(InitSpec)
KINDS = [
    "zeros",
    "constant",
    "normal",
    "uniform",
    "xavier_uniform",
    "xavier_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal",
]


def spec(kind: str, **numbers: Any) -> Any:
    return ADAPTER.validate_python({"kind": kind, **numbers})


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


ORACLES: list[tuple[Any, Callable[[Tensor], Tensor]]] = [
    (spec("zeros"), nn.init.zeros_),
    (spec("constant", value=0.3), lambda w: nn.init.constant_(w, 0.3)),
    (spec("normal", mean=0.5, std=0.2), lambda w: nn.init.normal_(w, 0.5, 0.2, generator=gen())),
    (spec("uniform", bound=0.7), lambda w: nn.init.uniform_(w, -0.7, 0.7, generator=gen())),
    (spec("xavier_uniform", gain=2.0), lambda w: nn.init.xavier_uniform_(w, 2.0, generator=gen())),
    (spec("xavier_normal", gain=2.0), lambda w: nn.init.xavier_normal_(w, 2.0, generator=gen())),
    (spec("he_uniform"), lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu", generator=gen())),
    (
        spec("he_uniform", mode="fan_out"),
        lambda w: nn.init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu", generator=gen()),
    ),
    (spec("he_normal"), lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=gen())),
    (
        spec("he_normal", mode="fan_out"),
        lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu", generator=gen()),
    ),
    (spec("lecun_normal"), lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear", generator=gen())),
    (spec("lecun_uniform"), lambda w: nn.init.kaiming_uniform_(w, nonlinearity="linear", generator=gen())),
    (spec("orthogonal", gain=2.0), lambda w: nn.init.orthogonal_(w, 2.0, generator=gen())),
]


@pytest.mark.parametrize("shape", [(40, 30), (8, 5, 3, 3), (6, 4, 5)])
@pytest.mark.parametrize(("drawn", "oracle"), ORACLES, ids=lambda value: getattr(value, "kind", ""))
def test_draws_are_pytorchs(drawn: DrawnSpec, oracle: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    torch.testing.assert_close(draw(drawn, shape, gen()), oracle(torch.empty(shape)), rtol=1e-6, atol=0)


VARIANCES = [
    (spec("normal", std=0.2), 0.04),
    (spec("uniform", bound=0.3), 0.03),
    (spec("xavier_uniform"), 2 / (400 * 9 + 200 * 9)),
    (spec("xavier_normal", gain=3.0), 18 / (400 * 9 + 200 * 9)),
    (spec("he_uniform"), 2 / (200 * 9)),
    (spec("he_normal", mode="fan_out"), 2 / (400 * 9)),
    (spec("lecun_uniform"), 1 / (200 * 9)),
    (spec("lecun_normal"), 1 / (200 * 9)),
]


@pytest.mark.parametrize(("drawn", "variance"), VARIANCES, ids=lambda value: getattr(value, "kind", ""))
def test_variance_is_the_cards(drawn: DrawnSpec, variance: float) -> None:
    """400 units, 200 inputs, a 3 x 3 kernel: 720,000 weights, so that the variance is known to 0.3 %."""
    w = draw(drawn, (400, 200, 3, 3), gen())
    assert float(w.var()) == pytest.approx(variance, rel=0.01)
    assert abs(float(w.mean())) < 5 * math.sqrt(variance / w.numel())
    if "uniform" in drawn.kind:
        assert float(w.abs().max()) <= math.sqrt(3 * variance)
        assert float(w.abs().max()) > 0.999 * math.sqrt(3 * variance)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (8, 3, 3, 3)])
def test_orthogonal_changes_no_length(shape: tuple[int, ...]) -> None:
    w = draw(spec("orthogonal", gain=2.0), shape, gen()).flatten(1)
    short = w if w.shape[0] <= w.shape[1] else w.T
    torch.testing.assert_close(short @ short.T, 4 * torch.eye(len(short)), rtol=0, atol=1e-5)


def net() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.PReLU(), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 3)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_drawn_biases_zero_and_norms_left(kind: str) -> None:
    module = net()
    initialize(module, spec(kind), seed=1)
    for name, w in (("0.weight", module[0].weight), ("5.weight", module[5].weight)):
        assert isinstance(w, nn.Parameter)
        torch.testing.assert_close(w.data, draw(spec(kind), w.shape, generator(1, "init", name)), rtol=0, atol=0)
        assert w.requires_grad
    for name, value in module.named_parameters():
        if name.endswith("bias"):
            assert not value.any()
        elif value.ndim == 1:
            assert value.eq(0.25 if name == "2.weight" else 1.0).all()


def test_default_leaves_all_as_built() -> None:
    module, before = net(), net()
    initialize(module, DefaultSpec(), seed=1)
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), before.parameters(), strict=True))


def test_a_seed_and_a_name_make_the_draw() -> None:
    small, large = net(), nn.Sequential(*net(), nn.ReLU(), nn.Linear(3, 7))
    state = torch.get_rng_state()
    initialize(small, spec("he_normal"), seed=2)
    initialize(large, spec("he_normal"), seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in small.named_parameters():
        assert torch.equal(value, large.get_parameter(name))
    again, other = net(), net()
    initialize(again, spec("he_normal"), seed=2)
    initialize(other, spec("he_normal"), seed=3)
    assert torch.equal(again[5].weight, small[5].weight)  # type: ignore[arg-type]
    assert not torch.equal(other[5].weight, small[5].weight)  # type: ignore[arg-type]


def test_rules_of_one_distribution_differ_by_a_factor() -> None:
    he, lecun = nn.Linear(50, 20), nn.Linear(50, 20)
    initialize(he, spec("he_normal"), seed=4)
    initialize(lecun, spec("lecun_normal"), seed=4)
    torch.testing.assert_close(he.weight, lecun.weight * math.sqrt(2))


@pytest.mark.parametrize(("layer", "gates"), [(nn.LSTM(6, 5), 4), (nn.GRU(6, 5), 3), (nn.RNN(6, 5), 1)])
def test_recurrent_layers_by_gate(layer: nn.RNNBase, gates: int) -> None:
    initialize(layer, spec("orthogonal"), seed=0)
    recurrent = layer.get_parameter("weight_hh_l0")
    for gate in recurrent.chunk(gates):
        torch.testing.assert_close(gate @ gate.T, torch.eye(5), rtol=0, atol=1e-5)
    initialize(layer, spec("xavier_uniform"), seed=0)
    inputs = layer.get_parameter("weight_ih_l0")
    bound = math.sqrt(6 / (6 + 5))
    assert 0.8 * bound < float(inputs.detach().max()) <= bound
    assert not layer.get_parameter("bias_hh_l0").any()


def test_cells_and_attention_by_gate() -> None:
    cell, attention = nn.LSTMCell(3, 4), nn.MultiheadAttention(8, 2)
    initialize(nn.ModuleList([cell, attention]), spec("orthogonal"), seed=0)
    parts = [*cell.weight_hh.chunk(4), *attention.in_proj_weight.chunk(3), attention.out_proj.weight]
    for part in parts:
        torch.testing.assert_close(part @ part.T, torch.eye(len(part)), rtol=0, atol=1e-5)


def test_grouped_and_transposed_convolutions_have_their_own_fans() -> None:
    grouped, transposed = nn.Conv2d(64, 128, 3, groups=4), nn.ConvTranspose2d(96, 32, 3)
    initialize(nn.ModuleList([grouped, transposed]), spec("he_normal"), seed=0)
    assert float(grouped.weight.detach().var()) == pytest.approx(2 / (16 * 9), rel=0.03)
    assert float(transposed.weight.detach().var()) == pytest.approx(2 / (96 * 9), rel=0.03)
    initialize(nn.ModuleList([grouped, transposed]), spec("he_normal", mode="fan_out"), seed=0)
    assert float(grouped.weight.detach().var()) == pytest.approx(2 / (32 * 9), rel=0.03)
    assert float(transposed.weight.detach().var()) == pytest.approx(2 / (32 * 9), rel=0.03)
    initialize(grouped, spec("orthogonal"), seed=0)
    for group in grouped.weight.flatten(1).chunk(4):
        torch.testing.assert_close(group @ group.T, torch.eye(32), rtol=0, atol=1e-5)


def test_he_keeps_the_size_of_activations_through_relu() -> None:
    """And LeCun's halves the mean square in each of 20 layers."""
    x = torch.randn(200, 256, generator=gen())
    sizes = {}
    for kind in ("he_normal", "lecun_normal"):
        module = nn.Sequential(*[layer for _ in range(20) for layer in (nn.Linear(256, 256), nn.ReLU())])
        initialize(module, spec(kind), seed=0)
        sizes[kind] = float(module(x).detach().square().mean())
    assert 1 / 3 < sizes["he_normal"] < 3
    assert sizes["lecun_normal"] == pytest.approx(sizes["he_normal"] / 2**20, rel=1e-3)


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.ones(1, 4, 3))
        self.frozen = nn.Linear(3, 2).requires_grad_(False)
        self.table = nn.Embedding(5, 3, padding_idx=2)
        self.tied = nn.Linear(3, 5)
        self.tied.weight = self.table.weight
        self.mine = nn.Parameter(torch.ones(3, 3))
        self.line = nn.LayerNorm((2, 3))
        self.old = torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))


def test_what_is_no_weight_is_left_alone() -> None:
    module, before = Odd(), Odd()
    before.load_state_dict(module.state_dict())
    initialize(module, spec("he_normal"), seed=0)
    for name in ("token", "frozen.weight", "frozen.bias", "table.weight", "line.weight"):
        assert torch.equal(module.get_parameter(name), before.get_parameter(name)), name
    assert torch.equal(module.mine, draw(spec("he_normal"), (3, 3), generator(0, "init", "mine")))
    torch.testing.assert_close(module.old.weight, draw(spec("he_normal"), (4, 3), generator(0, "init", "old.weight")))
    initialize(module, spec("constant", value=0.5), seed=0)
    assert module.table.weight.detach().sum(1).tolist() == [1.5, 1.5, 0.0, 1.5, 1.5]
    assert torch.equal(module.frozen.weight, before.frozen.weight)


def test_dtype_is_kept() -> None:
    layer = nn.Linear(4, 3, dtype=torch.float64)
    initialize(layer, spec("he_normal"), seed=0)
    single = nn.Linear(4, 3)
    initialize(single, spec("he_normal"), seed=0)
    assert layer.weight.dtype == torch.float64
    assert torch.equal(layer.weight.float(), single.weight)


def saved(path: Path, module: nn.Module) -> str:
    save_file({name: value.detach().clone() for name, value in state_of(module).items()}, path)
    return str(path)


def test_a_file_gives_its_weights_and_statistics(tmp_path: Path) -> None:
    source, module = net(), net()
    initialize(source, spec("normal"), seed=9)
    source[1].running_mean.fill_(3.0)  # type: ignore[operator]
    path = saved(tmp_path / "w.safetensors", source)
    assert initialize(module, PretrainedSpec(path=path, strict=True), seed=0) == ()
    for name, value in state_of(source).items():
        assert torch.equal(state_of(module)[name], value)


def test_a_new_head_is_left_as_drawn_and_named(tmp_path: Path) -> None:
    source, module, before = net(), net(), net()
    initialize(source, spec("normal"), seed=9)
    module[5], before[5] = nn.Linear(16, 7), nn.Linear(16, 7)
    before.load_state_dict(module.state_dict())
    path = saved(tmp_path / "w.safetensors", source)
    assert initialize(module, PretrainedSpec(path=path), seed=0) == ("5.weight", "5.bias")
    assert torch.equal(module.get_parameter("5.weight"), before.get_parameter("5.weight"))
    assert torch.equal(module.get_parameter("0.weight"), source.get_parameter("0.weight"))
    with pytest.raises(
        ModelError, match=r"'5.weight' does not fit: \(7, 16\) here, \(3, 16\) in the file; expected all to fit, or"
    ):
        initialize(module, PretrainedSpec(path=path, strict=True), seed=0)


def test_a_file_that_is_of_no_use_is_named_in_one_line(tmp_path: Path) -> None:
    other, damaged, pickled = (tmp_path / name for name in ("o.safetensors", "d.safetensors", "p.pt"))
    save_file({"a": torch.zeros(2)}, other)
    damaged.write_bytes(b"not weights\nat all")
    torch.save({}, pickled)
    for path, said in [
        (tmp_path / "none.safetensors", "init.path: no such file: .*; expected weights in a .safetensors file"),
        (tmp_path, "is a folder"),
        (damaged, "cannot be read"),
        (pickled, "a pickled file may run code, and is not read"),
        (other, r"fits the network, neither 'a' \(2,\) there nor '0.weight' \(4, 1, 3, 3\) here"),
    ]:
        with pytest.raises(ModelError, match=said) as caught:
            initialize(net(), PretrainedSpec(path=str(path)), seed=0)
        assert "\n" not in str(caught.value)


def test_in_a_recipe_by_name_or_with_numbers() -> None:
    from wellfit.recipe.patch import apply_patch
    from wellfit.recipe.recipe import Recipe

    base = Recipe.model_validate({"data": "digits", "init": "he_normal"})
    assert base.init == spec("he_normal")
    assert apply_patch(base, {"init": {"mode": "fan_out"}}, where="a").init == spec("he_normal", mode="fan_out")
    assert apply_patch(base, {"init": "zeros"}, where="a").init == spec("zeros")
    assert apply_patch(base, {"init": {"kind": "normal", "std": 1.0}}, where="a").init == spec("normal", std=1.0)
    assert Recipe.model_validate(base.to_dict()) == base


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("he_norm", r"init.kind: received 'he_norm'; expected 'he_normal' \(nearest\)"),
        ({"kind": "normal", "std": -1}, "init.std: received -1; expected at least 0"),
        ({"kind": "xavier_normal", "gain": 0.0}, "init.gain: received 0.0; expected more than 0"),
        ({"kind": "constant", "value": float("nan")}, "init.value: received nan; expected a finite number"),
        ({"kind": "he_normal", "mode": "in"}, r"init.mode: received 'in'; expected 'fan_in' \(nearest\)"),
        ({"kind": "pretrained"}, "init.path: missing"),
    ],
)
def test_a_bad_value_is_named(value: Any, said: str) -> None:
    from wellfit.recipe.recipe import Recipe
    from wellfit.recipe_errors import validate

    with pytest.raises(RecipeError, match=said):
        validate(Recipe, {"data": "digits", "init": value})


@pytest.mark.parametrize("kind", ["default", *KINDS, "pretrained"])
def test_card_is_whole(kind: str) -> None:
    cls = type(spec(kind, **({"path": "w"} if kind == "pretrained" else {})))
    card = cls.__doc__ or ""
    for heading in ("Formula:", "Range:", "Source:"):
        assert heading in card
    assert re.search(r"Does (nothing|little) for:", card)
    assert re.search(r"Source: .*\d{4}", card, re.DOTALL)
    for field in cls.model_fields:
        assert field == "kind" or f"``{field}``" in card
