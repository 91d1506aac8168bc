"""Recurrent networks, against PyTorch's layers put together by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wellfit.errors import ModelError
from wellfit.models import build, describe
from wellfit.models.init import initialize
from wellfit.models.recurrent import Recurrent
from wellfit.models.statistics import activation_statistics
from wellfit.recipe import MlpSpec, RnnSpec, merge
from wellfit.recipe.init import OrthogonalSpec, ZerosSpec
from wellfit.recipe.model import implied_kind
from wellfit.train.sites import SiteHooks, find_sites

SHAPE = (7, 3)
X = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(1))


def made(**fields: Any) -> nn.Sequential:
    module = build(RnnSpec.model_validate(fields), shape=SHAPE, outputs=4, seed=0)
    assert isinstance(module, nn.Sequential)
    return module


def test_an_lstm_is_its_published_equations() -> None:
    module = made(hidden=[6], read="last")
    own = {name: p.detach().double().numpy() for name, p in module.named_parameters()}
    w, u = own["recurrent1.cell.weight_ih_l0"], own["recurrent1.cell.weight_hh_l0"]
    bias = own["recurrent1.cell.bias_ih_l0"] + own["recurrent1.cell.bias_hh_l0"]

    def sigmoid(values: Any) -> Any:
        return 1 / (1 + np.exp(-values))

    h, c = np.zeros((5, 6)), np.zeros((5, 6))
    for step in range(SHAPE[0]):
        i, f, g, o = np.split(X[:, step].double().numpy() @ w.T + h @ u.T + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    expected = h @ own["head.weight"].T + own["head.bias"]
    np.testing.assert_allclose(module(X).detach().numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("ways", [1, 2])
@pytest.mark.parametrize("read", ["last", "mean", "both"])
def test_layers_of_one_width_are_a_stacked_layer_of_pytorch(cell: str, ways: int, read: str) -> None:
    module = made(cell=cell, hidden=[6, 6], bidirectional=ways == 2, read=read)
    kinds: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
    oracle = kinds[cell](3, 6, num_layers=2, batch_first=True, bidirectional=ways == 2)
    parts = dict(module.named_parameters())
    with torch.no_grad():
        for name, p in oracle.named_parameters():
            p.copy_(parts[f"recurrent{int(name.split('_l')[1][0]) + 1}.cell.{name.replace('_l1', '_l0')}"])
    steps, last = oracle(X)
    last = last[0] if cell == "lstm" else last
    ends = torch.cat([*last[-ways:]], 1)
    read_out = {"last": ends, "mean": steps.mean(1), "both": torch.cat([ends, steps.mean(1)], 1)}[read]
    expected = read_out @ parts["head.weight"].T + parts["head.bias"]
    torch.testing.assert_close(module(X), expected, atol=1e-6, rtol=0)


def test_forget_gates_start_open_whatever_the_initialization() -> None:
    for bias in (1.0, 0.0, 2.5):
        module = made(hidden=[6], forget_bias=bias, bidirectional=True)
        for spec in (None, ZerosSpec(), OrthogonalSpec()):
            if spec is not None:
                initialize(module, spec, 0)
            own = dict(module.named_parameters())
            for way in ("", "_reverse"):
                both = own[f"recurrent1.cell.bias_ih_l0{way}"] + own[f"recurrent1.cell.bias_hh_l0{way}"]
                assert (both[6:12] == bias).all()
                assert spec is None or (both[:6] == 0).all()
    gru = dict(made(cell="gru", hidden=[6]).named_parameters())
    assert gru["recurrent1.cell.bias_ih_l0"].abs().max() < 1 / 6**0.5


def test_orthogonal_recurrent_weights() -> None:
    module = made(hidden=[6])
    initialize(module, OrthogonalSpec(), 0)
    gates = module.get_parameter("recurrent1.cell.weight_hh_l0").detach().view(4, 6, 6)
    torch.testing.assert_close(gates @ gates.transpose(1, 2), torch.eye(6).expand(4, 6, 6), atol=1e-5, rtol=0)
    assert not torch.equal(gates[0], gates[1])


def test_methods_act_on_what_is_read_of_each_layer() -> None:
    module = made(hidden=[6, 5], bidirectional=True)
    sites = find_sites(module, SHAPE)
    assert sites.hidden == ("recurrent1", "recurrent2")
    assert [sites.shapes[site] for site in sites.hidden] == [(12, 7), (20,)]
    hooks = SiteHooks(module, ["recurrent2"], lambda _, h: torch.zeros_like(h))
    hooks.begin()
    assert torch.equal(module(X), module.get_parameter("head.bias").expand(5, 4))


def test_what_its_layers_look_like() -> None:
    first, second = activation_statistics(made(hidden=[6, 5]), X)
    assert (first.site, first.kind, first.units, first.layer) == ("recurrent1", "Recurrent", 6, "recurrent1")
    assert (second.units, second.distinct) == (10, 10)
    cell = made(hidden=[6, 5]).get_submodule("recurrent1.cell")
    weights = [p.detach().flatten() for name, p in cell.named_parameters() if name.startswith("weight")]
    expected = torch.cat(weights).std(correction=0)
    assert first.weight_std == pytest.approx(float(expected), rel=1e-5)


def test_layer_norm_stands_after_each_layer() -> None:
    module = made(hidden=[6, 5], norm="layer", read="mean")
    h = module[1](module[0](X))
    assert isinstance(module[0], Recurrent)
    torch.testing.assert_close(h.mean(1), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(module[0](X).mean(1), torch.zeros(5, 7), atol=1e-5, rtol=0)


@pytest.mark.parametrize("norm", ["batch", "instance", {"groups": 2}])
def test_other_norms_are_refused(norm: Any) -> None:
    said = "in a recurrent network, whose time steps are normalized one by one; expected 'layer'"
    with pytest.raises(ModelError, match=said):
        made(norm=norm)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((5,), "an rnn for vectors of 5 features; expected 'mlp', or sequences"),
        ((1, 8, 8), r"an rnn for images of shape \(1, 8, 8\); expected 'cnn', or sequences"),
    ],
)
def test_what_is_no_sequence_is_refused(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        build(RnnSpec(), shape=shape, outputs=2, seed=0)


def test_one_step_and_many() -> None:
    for length in (1, 1000):
        module = build(RnnSpec(), shape=(length, 1), outputs=2, seed=0)
        assert module(torch.zeros(3, length, 1)).shape == (3, 2)


def test_names() -> None:
    assert describe(RnnSpec()) == "lstm 64"
    spec = RnnSpec.model_validate({"cell": "gru", "hidden": [8, 4], "bidirectional": True, "norm": "layer"})
    assert describe(spec) == "bidirectional gru 8-4 with layer norm"
    assert implied_kind({"cell": "gru"}) == implied_kind({"read": "last"}) == "rnn"
    assert implied_kind({"hidden": [8]}) is None
    assert merge({"model": {"kind": "mlp", "hidden": [8]}}, {"model": {"cell": "gru"}}) == {"model": {"cell": "gru"}}
    kept = merge({"model": {"kind": "rnn", "hidden": [8]}}, {"model": {"cell": "gru"}})
    assert kept == {"model": {"kind": "rnn", "hidden": [8], "cell": "gru"}}
    assert build(MlpSpec(hidden=(4,)), shape=SHAPE, outputs=2, seed=0)(X).shape == (5, 2)  # an mlp may be asked for
