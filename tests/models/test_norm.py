"""Normalization as an option of a network, and put into a user's own."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wellfit.errors import ModelError, RecipeError
from wellfit.models import build, describe
from wellfit.models.insert import CHILD
from wellfit.recipe import CnnSpec, ImportSpec, MlpSpec, validate
from wellfit.recipe.norm import NORMS

NETS = """
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(1, 6, 3), nn.ReLU(inplace=True)
        self.fc, self.bent, self.last, self.out = nn.Linear(6 * 36, 9), nn.PReLU(), nn.Linear(9, 2), nn.Tanh()
    def forward(self, x):
        return self.out(self.last(self.bent(self.fc(self.act(self.conv(x)).flatten(1)))))

class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(64, 9), nn.Linear(9, 2)
    def forward(self, x):
        return self.b(F.relu(self.a(x.flatten(1))))

def shared():
    act = nn.ReLU()
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 9), act, nn.Linear(9, 9), act, nn.Linear(9, 2))

class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act, self.b = nn.Linear(8, 9), nn.GELU(), nn.Sequential(nn.Linear(9, 2))
    def forward(self, x):
        return self.b(self.act(self.a(x[:, 0])).mean(1))

class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.b = nn.LSTM(8, 5, batch_first=True), nn.Linear(5, 2)
    def forward(self, x):
        return self.b(self.rnn(x[:, 0])[0][:, -1])
"""


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return path


def own(path: Path, name: str, **changes: Any) -> nn.Module:
    spec = ImportSpec.model_validate({"import": f"{path}:{name}", **changes})
    return build(spec, shape=(1, 8, 8), outputs=2, seed=0)


def mlp(hidden: tuple[int, ...] = (12, 8), **changes: Any) -> nn.Module:
    return build(MlpSpec.model_validate({"hidden": hidden, **changes}), shape=(5,), outputs=2, seed=0)


def cnn(**changes: Any) -> nn.Module:
    spec = CnnSpec.model_validate({"channels": (4, 8), **changes})
    return build(spec, shape=(1, 8, 8), outputs=2, seed=0)


def kinds(module: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in module.children()]


def test_it_stands_between_a_layer_and_its_activation() -> None:
    block = ["Linear", "BatchNorm1d", "ReLU"]
    assert kinds(mlp(norm="batch")) == ["Flatten", *block, *block, "Linear"]
    head = ["Flatten", "Linear", "LayerNorm", "ReLU", "Linear"]
    blocks = ["Conv2d", "GroupNorm", "ReLU", "MaxPool2d"] * 2
    assert kinds(cnn(norm="layer", hidden=(6,))) == [*blocks, *head]


@pytest.mark.parametrize("norm", ["batch", "layer", {"kind": "group", "groups": 4}])
def test_the_layers_start_as_they_do_without_it(norm: Any) -> None:
    plain, normed = mlp(), mlp(norm=norm)
    assert list(plain.state_dict()) == [f"{i}.{kind}" for i in (1, 3, 5) for kind in ("weight", "bias")]
    for a, b in zip(
        *([layer for layer in net.children() if isinstance(layer, nn.Linear)] for net in (plain, normed)), strict=True
    ):
        assert torch.equal(a.weight, b.weight)
        assert torch.equal(a.bias, b.bias)


@pytest.mark.parametrize(
    ("norm", "over"),
    [
        ("batch", (0, 2, 3)),
        ("layer", (1, 2, 3)),
        ("instance", (2, 3)),
        ({"kind": "group", "groups": 4}, None),
    ],
)
def test_what_the_mean_is_taken_over(norm: Any, over: tuple[int, ...] | None) -> None:
    layer = cnn(norm=norm)[1]  # type: ignore[index]
    x = torch.randn(6, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * 3 + 1
    shaped = x.numpy().astype(np.float64)
    if over is None:  # channels 0 and 1 are each a group of their own with 4 groups of 4 channels
        over = (2, 3)
    mean, var = shaped.mean(over, keepdims=True), shaped.var(over, keepdims=True)
    expected = (shaped - mean) / np.sqrt(var + 1e-5)
    np.testing.assert_allclose(layer.train()(x).detach().numpy(), expected, atol=1e-5)
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
    assert layer.weight.shape == (4,)


def test_groups_of_channels_are_consecutive() -> None:
    layer = cnn(norm={"kind": "group", "groups": 2})[1]  # type: ignore[index]
    x = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0)) + torch.arange(4).view(1, 4, 1, 1) * 5
    grouped = x.double().reshape(3, 2, -1)
    expected = (grouped - grouped.mean(-1, keepdim=True)) / (grouped.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
    assert torch.allclose(layer(x).double(), expected.reshape(x.shape), atol=1e-5)


def test_the_head_of_a_cnn_with_instance_norm_is_left_without() -> None:
    assert kinds(cnn(norm="instance", hidden=(6,))).count("InstanceNorm2d") == 2
    assert kinds(cnn(norm="instance", hidden=(6,)))[-4:] == ["Flatten", "Linear", "ReLU", "Linear"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: mlp(norm="instance"), "'instance' for vectors: a unit has one number per sample"),
        (lambda: mlp(norm="group"), r"groups: received 8; expected a divisor of the widths \(12, 8\), such as 4"),
        (lambda: mlp((12,), norm={"groups": 12}), "received 12, which leaves one unit per group; .* such as 6"),
        (
            lambda: mlp((12, 7), norm={"groups": 3}),
            r"3; expected a divisor of the widths \(12, 7\), such as 1",
        ),
        (lambda: mlp((12, 1), norm={"groups": 1}), "a layer with one unit, which has no variance"),
        (lambda: mlp((1,), norm="layer"), "'layer' for a layer of one unit, which has no variance"),
        (lambda: cnn(norm={"groups": 3}), r"received 3; expected a divisor of the widths \(4, 8\), such as 2"),
    ],
)
def test_what_does_not_suit_the_widths(make: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        make()


def test_the_option_is_checked_and_survives_json() -> None:
    spec = MlpSpec.model_validate({"norm": {"groups": 4}})
    assert MlpSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert describe(spec) == "mlp 128-128 with group norm"
    assert describe(MlpSpec()) == "mlp 128-128"
    with pytest.raises(RecipeError, match=r"model.norm.kind: received 'btch'; expected 'batch' \(nearest\)"):
        validate(MlpSpec, {"norm": "btch"}, where="model")
    with pytest.raises(RecipeError, match=r"model.norm.groups: received 0; expected at least 1"):
        validate(MlpSpec, {"norm": {"groups": 0}}, where="model")


@pytest.mark.parametrize("name", NORMS)
def test_its_card_is_whole(name: str) -> None:
    card = NORMS[name].__doc__ or ""
    for heading in ("Formula:", "Range:", "Does nothing for:", "Source:"):
        assert heading in card
    assert re.search(r"Source: .*20\d\d", card, re.DOTALL)
    for field in set(NORMS[name].model_fields) - {"kind"}:
        assert f"``{field}``" in card


def test_before_every_hidden_activation_of_a_users_network(nets: Path) -> None:
    plain, normed = own(nets, "Net"), own(nets, "Net", norm="batch")
    added = {name for name, m in normed.named_modules() if name.endswith(CHILD)}
    assert added == {f"act.{CHILD}", f"bent.{CHILD}"}  # the Tanh answers
    assert isinstance(normed.get_submodule(f"act.{CHILD}"), nn.BatchNorm2d)
    assert isinstance(normed.get_submodule(f"bent.{CHILD}"), nn.BatchNorm1d)
    names = list(plain.state_dict())
    assert [name for name in normed.state_dict() if CHILD not in name] == names
    assert all(torch.equal(plain.state_dict()[name], normed.state_dict()[name]) for name in names)


def by_hand(net: Any, x: Tensor, norms: list[nn.Module]) -> Tensor:
    """The forward pass of ``Net`` with normalizations written into it."""
    h = torch.relu(norms[0](net.conv(x))).flatten(1)
    weight = net.bent.weight
    h = norms[1](net.fc(h))
    answer: Tensor = torch.tanh(net.last(torch.where(h > 0, h, weight * h)))
    return answer


def test_it_does_what_writing_it_into_the_network_would(nets: Path) -> None:
    plain, normed = own(nets, "Net"), own(nets, "Net", norm="batch")
    written: list[nn.Module] = [nn.BatchNorm2d(6), nn.BatchNorm1d(9)]
    for step in range(3):
        x = torch.randn(7, 1, 8, 8, generator=torch.Generator().manual_seed(step))
        assert torch.allclose(normed.train()(x), by_hand(plain, x, written), atol=1e-6)
    ours, theirs = normed.get_submodule(f"act.{CHILD}"), written[0]
    assert torch.allclose(ours.running_mean, theirs.running_mean)  # type: ignore[arg-type]
    [m.eval() for m in written]
    assert torch.allclose(normed.eval()(x), by_hand(plain, x, written), atol=1e-6)


def test_a_copy_has_its_own(nets: Path) -> None:
    normed = own(nets, "Net", norm="batch").train()
    twin = copy.deepcopy(normed)
    normed(torch.randn(7, 1, 8, 8))
    counts = [net.get_submodule(f"act.{CHILD}").num_batches_tracked for net in (normed, twin)]
    assert [int(count) for count in counts] == [1, 0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "changes", "kind"),
    [
        ("Net", {"norm": "instance", "norm_at": "conv"}, nn.InstanceNorm2d),
        ("Net", {"norm": {"groups": 3}, "norm_at": ["co*"]}, nn.GroupNorm),
        ("Functional", {"norm": "batch", "norm_at": ["a"]}, nn.BatchNorm1d),
        ("Tokens", {"norm": "layer"}, nn.LayerNorm),
        ("Tokens", {"norm": "batch", "norm_at": ["b"]}, nn.BatchNorm1d),
    ],
)
def test_at_named_modules(nets: Path, name: str, changes: dict[str, Any], kind: type[nn.Module]) -> None:
    plain, normed = own(nets, name), own(nets, name, **changes).train()
    (added,) = [m for n, m in normed.named_modules() if n.endswith(CHILD)]
    assert type(added) is kind
    calls: list[Tensor] = []
    added.register_forward_hook(lambda module, inputs, output: calls.append(output.detach().clone()))
    x = torch.randn(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(normed(x), plain(x))
    (output,) = calls  # called once, and what it says has mean 0 over anything that it normalizes
    assert float(output.mean()) == pytest.approx(0, abs=1e-6)
    assert float(output.square().mean()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (
            "Functional",
            {"norm": "batch"},
            "no hidden activation module .*functional.* model.norm_at .*: a, b",
        ),
        ("Net", {"norm": "batch", "norm_at": "d*"}, "is named 'd\\*'; expected one of conv, act, fc, bent, last, out"),
        ("Net", {"norm_at": "fc"}, "model.norm_at: there is no normalization to place"),
        ("Net", {"norm": "instance"}, "at 'bent': 'instance' for vectors"),
        ("Net", {"norm": {"groups": 4}}, r"at 'act': received 4; expected a divisor of the widths \(6\), such as 3"),
        ("shared", {"norm": "batch"}, "'2' is called more than once .* others: 0, 1, 3, 5"),
        ("Tokens", {"norm": "batch"}, r"at 'act': 'batch' for features along the last axis, of shape \(B, 8, 9\)"),
        ("Recurrent", {"norm": "batch", "norm_at": "rnn"}, r"at 'rnn': there is no tensor \(B, ...\) to normalize"),
    ],
)
def test_where_it_cannot_stand(nets: Path, name: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        own(nets, name, **changes)
    assert "\n" not in str(caught.value)
