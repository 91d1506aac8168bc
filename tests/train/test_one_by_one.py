"""Members one by one: the forms they can have, what they draw by themselves, two networks at a time."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from benchmarks.convolution import filters_with_channels_last
from torch import Tensor, nn

from tests.train.stepping import Members
from wellfit.errors import ModelError
from wellfit.models.cnn import cnn
from wellfit.recipe.norm import BatchNormSpec
from wellfit.regularize.activations.dropout import Dropout
from wellfit.train.hidden import Acting
from wellfit.train.network import Leaves
from wellfit.train.one_by_one import OneByOne
from wellfit.train.precision import Precision

FORMS: list[tuple[bool, Precision]] = [(False, "fp32"), (True, "fp32"), (False, "bf16"), (True, "bf16")]
CLASSES = 3


def images(count: int, channels: int = 1) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(5)
    return torch.randn(count, channels, 10, 10, generator=draw), torch.arange(count) % CLASSES


def normed(seed: int, channels: int = 1) -> nn.Sequential:
    torch.manual_seed(seed)
    return cnn((channels, 10, 10), [8, 16], [12], CLASSES, norm=BatchNormSpec())


def network(module: nn.Module, form: tuple[bool, Precision], sites: Sequence[str] = ()) -> OneByOne:
    return OneByOne(copy.deepcopy(module), sites, why="", channels_last=form[0], precision=form[1])


def plain(module: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], lr: float) -> dict[str, Tensor]:
    """The loop that everybody writes."""
    module = copy.deepcopy(module).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=lr)
    for x, y in batches:
        optimizer.zero_grad()
        torch.autograd.backward(F.cross_entropy(module(x), y))
        optimizer.step()
    return module.state_dict()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form_trains_as_the_plain_loop(form: tuple[bool, Precision], channels: int) -> None:
    modules = [normed(seed, channels) for seed in (0, 1)]
    x, y = images(60, channels)
    batches = list(zip(x.chunk(3), y.chunk(3), strict=True))
    members = Members(modules)
    members.train(network(modules[0], form), batches, 0.05)
    tolerance = 1e-5 if form[1] == "fp32" else 0.03
    for member, module in enumerate(modules):
        for name, expected in plain(module, batches, 0.05).items():
            ours = {**members.leaves, **members.buffers}[name][member]
            assert ours.dtype == expected.dtype
            torch.testing.assert_close(ours, expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_no_bit_depends_on_the_other_members(form: tuple[bool, Precision]) -> None:
    modules = [normed(seed) for seed in (0, 1, 2)]
    x, y = images(40)
    batches = [(x[:20], y[:20]), (x[20:], y[20:])]
    together, alone = Members(modules), Members(modules[1:2])
    both = network(modules[0], form), network(modules[0], form)
    losses = together.train(both[0], batches, 0.05)
    assert torch.equal(losses[:, 1:2], alone.train(both[1], batches, 0.05))
    for name, w in {**alone.leaves, **alone.buffers}.items():
        assert torch.equal({**together.leaves, **together.buffers}[name][1:2], w), name
    answers = [n.answers(m.leaves, m.buffers, m.batch(x, y)) for n, m in zip(both, (together, alone), strict=True)]
    assert torch.equal(answers[0][1:2], answers[1])


@pytest.mark.parametrize("channels_last", [False, True])
def test_bf16_answers_and_gradients_are_float32_and_methods_read_float32(channels_last: bool) -> None:
    seen: list[torch.dtype] = []

    class Read(Dropout):
        @staticmethod
        def apply(h: Tensor, u: Tensor, numbers: Leaves) -> Tensor:  # type: ignore[override]
            seen.append(h.dtype)
            return Dropout.apply(h, u, numbers)

    module = normed(0)
    acting = Acting("dropout", Read, {"rate": torch.tensor([0.3])})
    members = Members([module], {"2": [acting]})
    x, y = images(20)
    ours = network(module, (channels_last, "bf16"), ["2"])
    losses, g = members.gradients(ours, x, y)
    expected, _ = Members([module], {"2": [acting]}).gradients(network(module, (False, "fp32"), ["2"]), x, y)
    assert seen == [torch.float32, torch.float32]
    assert {losses.dtype, *(one.dtype for one in g.values())} == {torch.float32}
    assert not torch.equal(losses, expected)
    torch.testing.assert_close(losses, expected, atol=0.02, rtol=0)
    assert ours.answers(members.leaves, members.buffers, members.batch(x, y)).dtype == torch.float32


class Greedy(nn.Module):
    """Changes its input, and puts another buffer in the place of its own."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, CLASSES, 10)
        self.register_buffer("mean", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, CLASSES)."""
        self.mean = 0.9 * self.mean + 0.1 * self.conv.weight.mean()
        z: Tensor = self.conv(x.mul_(0.5)).flatten(1) - self.mean.detach()
        return z


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_module_that_changes_what_it_is_given(channels_last: bool) -> None:
    torch.manual_seed(0)
    modules = [Greedy(), Greedy()]
    x, y = images(20)
    before = x.clone()
    members = Members(modules)
    members.train(network(modules[0], (channels_last, "fp32")), [(x, y)] * 2, 0.05)
    assert torch.equal(x, before)
    for member, module in enumerate(modules):
        expected = plain(module, [(before.clone(), y), (before.clone(), y)], 0.05)
        for name, value in {**members.leaves, **members.buffers}.items():
            torch.testing.assert_close(value[member], expected[name], atol=1e-6, rtol=0)
    assert not members.buffers["mean"].requires_grad


class Growing(nn.Module):
    """Keeps all that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, CLASSES, 10)
        self.register_buffer("seen", torch.zeros(0))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, CLASSES)."""
        z: Tensor = self.conv(x).flatten(1)
        self.seen = torch.cat([self.get_buffer("seen"), z.detach().flatten()])
        return z


def test_a_buffer_that_grows_is_refused() -> None:
    members = Members([Growing()])
    with pytest.raises(ModelError, match="'seen' of shape"):
        members.gradients(OneByOne(Growing(), (), why=""), *images(4))


class Dropping(nn.Module):
    """Draws by itself, and no module of it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, CLASSES, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, CLASSES)."""
        z: Tensor = self.conv(F.dropout(x, 0.3, self.training)).flatten(1)
        return z


@pytest.mark.parametrize(("make", "draws"), [(lambda: normed(0), False), (Dropping, True)])
def test_it_is_found_out_who_draws_by_himself(make: type[nn.Module], draws: bool) -> None:
    torch.manual_seed(0)
    module = make()
    ours, members, (x, y) = OneByOne(module, (), why=""), Members([module]), images(20)
    state = torch.get_rng_state()
    assert ours.draws_by_itself  # nothing is known yet
    for _ in range(2):
        members.gradients(ours, x, y)
        assert ours.draws_by_itself is draws
        ours.answers(members.leaves, members.buffers, members.batch(x, y))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("make", [lambda: normed(0), Dropping])
def test_two_networks_at_a_time_are_as_each_alone(make: type[nn.Module], precision: Precision) -> None:
    torch.manual_seed(0)
    module = make()
    x, y = images(40)
    batches = list(zip(x.chunk(5), y.chunk(5), strict=True)) * 4

    def train(into: list[Members]) -> None:
        members = Members([module])
        members.train(network(module, (True, precision)), batches, 0.05)
        into.append(members)

    found: list[Members] = []
    train(found)
    threads = [threading.Thread(target=train, args=(found,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for name, w in found[0].leaves.items():
        assert all(torch.equal(other.leaves[name], w) for other in found[1:])


def test_the_gradients_hold_until_the_next_call_and_follow_the_number_of_members() -> None:
    modules = [normed(seed) for seed in (0, 1, 2)]
    ours, (x, y) = network(modules[0], (True, "fp32")), images(20)
    _, first = Members(modules).gradients(ours, x, y)
    room = {name: g.data_ptr() for name, g in first.items()}
    kept = first["0.weight"].clone()
    _, second = Members(modules).gradients(ours, x, y)
    assert {name: g.data_ptr() for name, g in second.items()} == room
    assert torch.equal(second["0.weight"], kept)
    _, fewer = Members(modules[:2]).gradients(ours, x, y)
    assert torch.equal(fewer["0.weight"], kept[:2])


def test_filters_may_have_their_channels_last_and_so_do_their_gradients() -> None:
    modules = [normed(seed, 3) for seed in (0, 1)]
    x, y = images(40, 3)
    batches = [(x[:20], y[:20]), (x[20:], y[20:])]
    usual, turned = Members(modules), Members(modules)
    turned.leaves = {name: filters_with_channels_last(w) for name, w in turned.leaves.items()}
    assert turned.leaves["0.weight"].stride() == (8 * 27, 27, 1, 9, 3)
    assert all(torch.equal(w, usual.leaves[name]) for name, w in turned.leaves.items())
    ours = network(modules[0], (True, "fp32"))
    turned.train(ours, batches, 0.05)
    _, g = turned.gradients(ours, x, y)
    assert {name: one.stride() for name, one in g.items()} == {n: w.stride() for n, w in turned.leaves.items()}
    usual.train(network(modules[0], (True, "fp32")), batches, 0.05)
    for name, w in usual.leaves.items():
        torch.testing.assert_close(turned.leaves[name], w, atol=1e-5, rtol=0)
