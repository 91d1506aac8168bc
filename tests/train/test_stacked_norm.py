"""Normalization in a population: torch's modules one by one, and the plain loop, are the oracles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support import deviation, member, replicates, same_bits, tiny_images, tiny_vectors, train
from wellfit.train.events import PopulationStarted
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.reference import train_reference
from wellfit.train.stacked import can_stack
from wellfit.train.stacked_norm import apply_norm, batch_norm

Make = Callable[[], nn.Module]
LAYERS: dict[str, Make] = {
    "batch": lambda: nn.BatchNorm1d(12),
    "batch, mean of all batches": lambda: nn.BatchNorm1d(12, momentum=None),
    "batch without weights": lambda: nn.BatchNorm1d(12, affine=False, momentum=0.3, eps=1e-3),
    "batch without statistics": lambda: nn.BatchNorm1d(12, track_running_stats=False),
    "layer": lambda: nn.LayerNorm(12),
    "layer without bias": lambda: nn.LayerNorm(12, bias=False, eps=1e-3),
    "group": lambda: nn.GroupNorm(2, 12),
    "group without weights": lambda: nn.GroupNorm(3, 12, affine=False),
}


def stacked(modules: list[nn.Module], which: str) -> dict[str, Tensor]:
    each = [dict(getattr(module, which)()) for module in modules]
    return {f"n.{name}": torch.stack([own[name].detach().clone() for own in each]) for name in each[0]}


@pytest.mark.parametrize("name", LAYERS)
def test_each_member_is_torchs_module(name: str) -> None:
    draw = torch.Generator().manual_seed(0)
    modules = [LAYERS[name]() for _ in range(3)]
    for module in modules:
        for p in module.parameters():
            p.data = torch.randn(p.shape, generator=draw)
    leaves, buffers = stacked(modules, "named_parameters"), stacked(modules, "named_buffers")
    own = {key: leaf.requires_grad_() for key, leaf in leaves.items()}
    for _ in range(6):
        h = (torch.randn(3, 9, 12, generator=draw) * 3 + 2).requires_grad_()
        g = torch.randn(3, 9, 12, generator=draw)
        z = apply_norm("n", modules[0], h, own, buffers, train=True)
        found = torch.autograd.grad(z, [h, *own.values()], g)
        for i, module in enumerate(modules):
            x = h[i].detach().requires_grad_()
            answer = module.train()(x)
            expected = torch.autograd.grad(answer, [x, *module.parameters()], g[i])
            torch.testing.assert_close(z[i], answer, atol=2e-6, rtol=1e-5)
            for ours, theirs in zip(found, expected, strict=True):
                torch.testing.assert_close(ours[i], theirs, atol=5e-6, rtol=1e-4)
    before = {key: value.clone() for key, value in buffers.items()}
    z = apply_norm("n", modules[0], h, own, buffers, train=False)
    assert same_bits(before, buffers)
    for i, module in enumerate(modules):
        torch.testing.assert_close(z[i], module.eval()(h[i]), atol=2e-6, rtol=1e-5)
        for key, value in module.named_buffers():
            torch.testing.assert_close(buffers[f"n.{key}"][i], value, atol=1e-6, rtol=1e-6)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def one_member(members: int, layer: nn.Module, tensors: list[Tensor]) -> list[Tensor]:
    """The first member's numbers with so many in the stack: answer, gradients, running statistics, evaluation."""
    h, w, b, g = (value[:members].clone() for value in tensors)
    leaves = {"n.weight": w.requires_grad_(), "n.bias": b.requires_grad_()}
    buffers = {f"n.{name}": torch.stack([value.clone()] * members) for name, value in layer.named_buffers()}
    z = apply_norm("n", layer, h.requires_grad_(), leaves, buffers, train=True)
    gradients = torch.autograd.grad(z, [h, w, b], g)
    after = apply_norm("n", layer, h, leaves, buffers, train=False)
    return [value[0].detach() for value in (z, *gradients, *buffers.values(), after)]


@pytest.mark.parametrize("samples", [2, 37, 64])
@pytest.mark.parametrize("width", [3, 12, 33, 130, 600])
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.LayerNorm, nn.GroupNorm])
def test_neighbours_change_no_bit(kind: Any, width: int, samples: int, threads: int) -> None:
    layer = nn.GroupNorm(1, width) if kind is nn.GroupNorm else kind(width)
    draw = torch.Generator().manual_seed(samples * width)
    shapes = [(5, samples, width), (5, width), (5, width), (5, samples, width)]
    tensors = [torch.randn(shape, generator=draw) * 3 + 1 for shape in shapes]
    alone = one_member(1, layer, tensors)
    for members in (2, 5):
        assert all(torch.equal(a, b) for a, b in zip(alone, one_member(members, layer, tensors), strict=True))


def test_a_batch_of_one_cannot_train() -> None:
    layer = nn.BatchNorm1d(4)
    running = {name: value.unsqueeze(0) for name, value in layer.named_buffers()}
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        batch_norm(torch.randn(1, 1, 4), None, None, running, layer, train=True)
    assert batch_norm(torch.randn(1, 1, 4), None, None, running, layer, train=False).shape == (1, 1, 4)


def normed(norm: Any, **changes: Any) -> list[Member]:
    """Members that differ in learning rate, dropout and seed."""
    model = {"kind": "mlp", "hidden": [12, 8], "norm": norm}
    levels = {
        "plain": (0.05, {}),
        "dropout": (0.02, {"dropout": {"rate": 0.3}}),
        "l2": (0.05, {"l2": {"strength": 0.01}}),
    }
    return [
        member(name, seed, model=model, regularizers=given, optimizer={"kind": "momentum", "lr": lr}, **changes)
        for name, (lr, given) in levels.items()
        for seed in (0, 1)
    ]


@pytest.mark.parametrize("norm", ["batch", "layer", {"kind": "group", "groups": 2}])
def test_a_population_ends_where_the_plain_loop_ends(norm: Any) -> None:
    members, dataset = normed(norm, epochs=15), tiny_images()  # 105 steps
    started = next(fit(members, replicates(dataset, members), device=torch.device("cpu")))
    assert isinstance(started, PopulationStarted)
    assert started.how == "stacked"
    together = train(members, dataset)
    for m in members:
        alone = train_reference(m, replicates(dataset, [m])[m.seed])
        assert together[m.key].weights.keys() == alone.keys()
        assert deviation(together[m.key].weights, alone) < 1e-4
    if norm == "batch":
        assert {int(t.weights["2.num_batches_tracked"]) for t in together.values()} == {105}
        assert float(together["plain", 0].weights["2.running_var"].std()) > 0


@pytest.mark.parametrize("norm", ["batch", "layer", {"kind": "group", "groups": 2}])
def test_a_member_alone_has_the_bits_it_has_among_others(norm: Any) -> None:
    members, dataset = normed(norm), tiny_images()
    together, alone = train(members, dataset), train(members[3:4], dataset)
    key = members[3].key
    assert same_bits(together[key].weights, alone[key].weights)
    assert [r.val_loss for r in together[key].record.curves] == [r.val_loss for r in alone[key].record.curves]


def test_batch_norm_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    from wellfit.train.events import EpochEnded

    members, dataset = normed("batch"), tiny_images()
    path = tmp_path / "c.safetensors"
    for event in fit(members, replicates(dataset, members), device=torch.device("cpu"), checkpoint=path):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break
    whole, resumed = train(members, dataset), train(members, dataset, checkpoint=path)
    assert all(same_bits(trained.weights, resumed[key].weights) for key, trained in whole.items())


def test_every_sample_is_evaluated_by_the_running_statistics() -> None:
    """The row of an epoch is what torch's own modules say in evaluation mode about the weights handed over."""
    from wellfit.models import build, load_state

    members, dataset = normed("batch", epochs=2), tiny_images()
    done = train(members, dataset)
    for m in members:
        assert m.recipe.model is not None
        module = build(m.recipe.model, shape=dataset.shape, outputs=3, seed=0).eval()
        load_state(module, done[m.key].weights)
        replicate = replicates(dataset, [m])[m.seed]
        rows = replicate.split.validation
        with torch.no_grad():
            z = module(replicate.scale(replicate.gather(rows, device=torch.device("cpu"))))
        loss = nn.functional.cross_entropy(z, dataset.y[rows])
        assert done[m.key].record.curves[-1].val_loss == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        {"kind": "cnn", "channels": [4, 6], "hidden": [5], "norm": "batch"},
        {"kind": "cnn", "channels": [4, 6], "norm": {"kind": "group", "groups": 2}},
        {"import": "NETS:Net", "norm": "batch"},
        {"import": "NETS:Net", "norm": "layer"},
    ],
)
def test_other_networks_with_it(model: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "nets.py"
    path.write_text(
        "import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a, self.act, self.b = nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3)\n"
        "    def forward(self, x):\n        return self.b(self.act(self.a(x.flatten(1))))\n"
    )
    model = {key: value.replace("NETS", str(path)) if isinstance(value, str) else value for key, value in model.items()}
    members = [
        member(f"{rate}", seed, model=model, regularizers={"dropout": {"rate": rate}})
        for rate in (0, 0.3)
        for seed in (0, 1)
    ]
    done, dataset = train(members, tiny_images()), tiny_images()
    for m in members:
        alone = train_reference(m, replicates(dataset, [m])[m.seed])
        assert deviation(done[m.key].weights, alone) < 1e-4


def test_normalized_inputs_and_a_regression() -> None:
    """A norm before the first linear layer: the members of a seed still share their inputs there."""
    net = "tests.train.test_stacked_norm.normed_inputs"
    members = [
        member(f"{lr}", seed, model={"import": net}, loss="mse", optimizer={"kind": "sgd", "lr": lr})
        for lr in (0.01, 0.05)
        for seed in (0, 1)
    ]
    dataset = tiny_vectors()
    started = next(fit(members, replicates(dataset, members), device=torch.device("cpu")))
    assert isinstance(started, PopulationStarted)
    assert started.how == "stacked"
    done = train(members, dataset)
    for m in members:
        assert deviation(done[m.key].weights, train_reference(m, replicates(dataset, [m])[m.seed])) < 1e-4


def normed_inputs() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(5), nn.Linear(5, 7), nn.LayerNorm(7), nn.Tanh(), nn.Linear(7, 2))


def frozen_norm() -> nn.Sequential:
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    net[1].weight.requires_grad_(False)
    return net


@pytest.mark.parametrize(
    ("module", "stackable"),
    [
        (normed_inputs(), True),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)), True),
        (nn.Sequential(nn.Linear(4, 4), nn.GroupNorm(2, 4), nn.ReLU(), nn.Linear(4, 2)), True),
        (nn.Sequential(nn.Linear(4, 3), nn.InstanceNorm1d(3), nn.Linear(3, 2)), False),
        (nn.Sequential(nn.Linear(4, 3), nn.LayerNorm((2, 3)), nn.Linear(3, 2)), False),
        (nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2)), False),
        (frozen_norm(), False),
    ],
)
def test_which_norms_are_stacked_by_hand(module: nn.Module, stackable: bool) -> None:
    assert can_stack(module) is stackable
