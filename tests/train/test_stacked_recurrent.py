"""Recurrent layers of a population: torch's modules one by one are the oracle."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support import deviation, member, replicates, same_bits, tiny_sequences, train
from wellfit.models import build
from wellfit.models.recurrent import Recurrent
from wellfit.recipe import RnnSpec
from wellfit.train.draws import Draws
from wellfit.train.events import EpochEnded, PopulationStarted
from wellfit.train.fit import fit
from wellfit.train.hidden import HiddenStage
from wellfit.train.losses import Loss
from wellfit.train.member import Member
from wellfit.train.network import Batch, Objective, group_index
from wellfit.train.stacked import Stacked, can_stack
from wellfit.train.stacked_activation import in_place
from wellfit.train.stacked_recurrent import remembered

CPU = torch.device("cpu")
SQUARES = Objective(Loss(lambda z, y: (z - y).square().sum(-1)))
NOTHING = HiddenStage({}, Draws([0], torch.zeros(1, dtype=torch.int64), CPU))


def modules(members: int, steps: int, channels: int = 3, *, width: int = 6, **fields: Any) -> list[nn.Sequential]:
    """Networks in double precision with weights and biases all over the place."""
    draw = torch.Generator().manual_seed(1)
    found = []
    for seed in range(members):
        spec = RnnSpec.model_validate({"hidden": [width], **fields})
        module = build(spec, shape=(steps, channels), outputs=4, seed=seed)
        assert isinstance(module, nn.Sequential)
        for p in module.parameters():
            p.data += torch.randn(p.shape, generator=draw) * 0.3
        found.append(module.double())
    return found


def stacked(each: list[nn.Sequential]) -> dict[str, Tensor]:
    own = [dict(module.named_parameters()) for module in each]
    return {name: torch.stack([one[name].detach() for one in own]) for name in own[0]}


def batch_of(members: int, steps: int, channels: int = 3, samples: int = 9) -> Batch:
    """Half of the members, rounded up, read one group's samples, the others another's."""
    draw = torch.Generator().manual_seed(2)
    half = -(-members // 2)
    slices = (slice(0, half), slice(half, members)) if members > half else (slice(0, members),)
    x = torch.randn(len(slices), samples, steps, channels, generator=draw, dtype=torch.float64)
    y = torch.randn(members, samples, 4, generator=draw, dtype=torch.float64)
    return Batch(x, y, slices, group_index(slices, CPU))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_member_is_torchs_layers(cell: str, bidirectional: bool) -> None:
    kinds = itertools.product(["last", "mean", "both"], ["none", "layer"], [[6], [5, 4]], [1, 2, 19])
    for read, norm, hidden, steps in kinds:
        fields: dict[str, Any] = {
            "cell": cell,
            "bidirectional": bidirectional,
            "read": read,
            "norm": norm,
            "hidden": hidden,
        }
        each, batch = modules(3, steps, **fields), batch_of(3, steps)
        network = Stacked(copy.deepcopy(each[0]), frozenset())
        leaves = stacked(each)
        losses, _, gradients = network.gradients(leaves, {}, batch, SQUARES, NOTHING)
        answers = network.answers(leaves, {}, batch)
        for i, module in enumerate(each):
            z = module(batch.for_members(batch.x)[i])
            torch.testing.assert_close(answers[i], z, atol=1e-9, rtol=1e-9)
            loss = (z - batch.y[i]).square().sum(-1).mean()
            torch.testing.assert_close(losses[i], loss, atol=1e-9, rtol=1e-9)
            for name, g in zip(leaves, torch.autograd.grad(loss, list(module.parameters())), strict=True):
                torch.testing.assert_close(gradients[name][i], g, atol=1e-8, rtol=1e-7, msg=f"{fields} {steps} {name}")


def test_each_parameter_has_a_gradient_of_its_own() -> None:
    """The biases of an LSTM have equal gradients; a change of one in place must not be a change of the other."""
    each = modules(2, 4)
    _, _, found = Stacked(each[0], frozenset()).gradients(stacked(each), {}, batch_of(2, 4), SQUARES, NOTHING)
    before = {name: g.clone() for name, g in found.items()}
    for name, g in found.items():
        g.zero_()
        assert all(torch.equal(found[other], before[other]) for other in found if other > name)
        g.copy_(before[name])


def test_memory_that_is_used_again_leaves_no_trace() -> None:
    each = modules(3, 7, hidden=[6, 5], bidirectional=True)
    leaves, used = stacked(each), Stacked(each[0], frozenset())
    small, large = batch_of(3, 7, samples=4), batch_of(3, 7, samples=9)
    for batch in (large, small, large):
        fresh = Stacked(each[0], frozenset())
        for name, g in fresh.gradients(leaves, {}, batch, SQUARES, NOTHING)[2].items():
            assert torch.equal(g, used.gradients(leaves, {}, batch, SQUARES, NOTHING)[2][name])
        assert torch.equal(fresh.answers(leaves, {}, batch), used.answers(leaves, {}, batch))


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("samples", [12, 64])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_neighbours_change_no_bit(cell: str, samples: int, threads: int) -> None:
    for width in (12, 32):
        each = [module.float() for module in modules(5, 3, cell=cell, width=width)]
        draw = torch.Generator().manual_seed(3)
        x, y = torch.randn(1, samples, 3, 3, generator=draw), torch.randn(1, samples, 4, generator=draw)
        found = []
        for members in (2, 3, 5):
            slices = (slice(0, members),)
            batch = Batch(x, y.expand(members, -1, -1), slices, group_index(slices, CPU))
            network, leaves = Stacked(each[0], frozenset()), stacked(each[:members])
            losses, _, gradients = network.gradients(leaves, {}, batch, SQUARES, NOTHING)
            found.append([losses[0], network.answers(leaves, {}, batch)[0], *(g[0] for g in gradients.values())])
        for other in found[1:]:
            assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("shape", [(64, 64), (12, 33)])
def test_sigmoid_and_tanh_in_place(shape: tuple[int, int], threads: int) -> None:
    """The values, and the same bits wherever a member stands in the stack, whole or as a block."""
    x = torch.linspace(-200, 200, shape[0] * shape[1]).view(1, *shape).repeat(7, 1, 1)
    wide = torch.cat([x, x, x], -1)
    sigmoid_, tanh = in_place(wide, shape[0] * shape[1])
    for values in (x.clone(), wide.clone()[..., : shape[1]]):
        s = sigmoid_(values.clone() if values.is_contiguous() else values)
        torch.testing.assert_close(s[0].double(), torch.sigmoid(x[0].double()), atol=2e-7, rtol=0)
        assert torch.equal(s, s[:1].expand_as(s))
    t = tanh(x, torch.empty_like(x))
    torch.testing.assert_close(t[0].double(), torch.tanh(x[0].double()), atol=3e-7, rtol=0)
    assert torch.equal(t, t[:1].expand_as(t))


def recurrent(cell: str = "lstm", **changes: Any) -> list[Member]:
    model = {"kind": "rnn", "cell": cell, "hidden": [6, 5], "norm": "layer"}
    levels: dict[str, dict[str, Any]] = {
        "plain": {},
        "dropout": {"dropout": {"rate": 0.3}},
        "l2": {"l2": {"strength": 0.01}},
    }
    return [
        member(name, seed, model=model, regularizers=given, **changes)
        for name, given in levels.items()
        for seed in (0, 1)
    ]


def how(members: list[Member]) -> str:
    started = next(fit(members, replicates(tiny_sequences(), members), device=CPU))
    assert isinstance(started, PopulationStarted)
    return started.how


def test_a_single_lstm_has_the_bits_it_has_beside_others() -> None:
    assert {how(recurrent(cell)[:count]) for cell in ("lstm", "gru", "rnn") for count in (1, 2)} == {"stacked"}
    members, dataset = recurrent("lstm"), tiny_sequences()
    alone, beside = train(members[2:3], dataset), train(members, dataset)
    assert deviation(alone[members[2].key].weights, beside[members[2].key].weights) == 0


def test_long_sequences_are_not_remembered_for_all_members_at_once() -> None:
    found = {}
    for cell in ("lstm", "gru", "rnn"):
        module = modules(1, 64, 28, cell=cell, width=64)[0]
        found[cell] = remembered(module, 64, 64) / (64 * 64 * 4)
    assert found == {"lstm": 93 + 6 * 64, "gru": 93 + 5 * 64, "rnn": 93 + 64}
    hows = {
        size: how([member("a", seed, model={"kind": "rnn", "hidden": [90]}, batch_size=size) for seed in (0, 1)])
        for size in (64, 4096)
    }
    assert hows == {64: "stacked", 4096: "one by one (recurrent layers)"}


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_members_that_leave_change_no_bit_of_the_others(cell: str) -> None:
    members, dataset = recurrent(cell, epochs=4), tiny_sequences()
    wild = member(
        "wild", 0, model=members[0].recipe.to_dict()["model"], epochs=4, optimizer={"kind": "sgd", "lr": 1e30}
    )
    short = member("short", 1, model=members[0].recipe.to_dict()["model"], epochs=2)
    together, others = train([*members, wild, short], dataset), train(members[:3], dataset)
    assert together[wild.key].record.status == "diverged"
    assert together[short.key].record.epochs_run == 2
    for m in members[:3]:
        assert same_bits(together[m.key].weights, others[m.key].weights)
        ours, theirs = (done[m.key].record.curves for done in (together, others))
        assert [row.val_loss for row in ours] == [row.val_loss for row in theirs]


def test_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    members, dataset = recurrent(), tiny_sequences()
    path = tmp_path / "c.safetensors"
    for event in fit(members, replicates(dataset, members), device=CPU, checkpoint=path):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break
    whole, resumed = train(members, dataset), train(members, dataset, checkpoint=path)
    assert all(same_bits(trained.weights, resumed[key].weights) for key, trained in whole.items())


def layer(cell: nn.Module, **changes: Any) -> Recurrent:
    fields: dict[str, Any] = {"read": "last", "first": True, **changes}
    return Recurrent(cell, **fields)  # type: ignore[arg-type]


def hooked() -> nn.Sequential:
    net = nn.Sequential(layer(nn.GRU(3, 4, batch_first=True)), nn.Linear(4, 2))
    net[0].get_submodule("cell").register_forward_hook(lambda module, inputs, output: None)
    return net


@pytest.mark.parametrize(
    ("module", "stackable"),
    [
        (nn.Sequential(layer(nn.GRU(3, 4, batch_first=True)), nn.Linear(4, 2)), True),
        (nn.Sequential(layer(nn.GRU(3, 4, batch_first=True)), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2)), True),
        (nn.Sequential(layer(nn.RNN(3, 4, batch_first=True, nonlinearity="relu")), nn.Linear(4, 2)), False),
        (nn.Sequential(layer(nn.LSTM(3, 4, 2, batch_first=True)), nn.Linear(4, 2)), False),
        (nn.Sequential(layer(nn.LSTM(3, 4, batch_first=True, proj_size=2)), nn.Linear(2, 2)), False),
        (nn.Sequential(layer(nn.GRU(3, 4, batch_first=True, bias=False)), nn.Linear(4, 2)), False),
        (nn.Sequential(layer(nn.GRU(3, 4)), nn.Linear(4, 2)), False),
        (nn.Sequential(layer(nn.GRU(3, 4, batch_first=True), norm=nn.BatchNorm1d(4)), nn.Linear(4, 2)), False),
        (nn.Sequential(layer(nn.GRU(3, 4, batch_first=True), read="all"), nn.Linear(4, 2)), False),
        (nn.Sequential(nn.Linear(3, 3), layer(nn.GRU(3, 4, batch_first=True)), nn.Linear(4, 2)), False),
        (hooked(), False),
    ],
)
def test_which_are_stacked_by_hand(module: nn.Module, stackable: bool) -> None:
    assert can_stack(module) is stackable
