"""Networks from the data's shape, and users' own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from wellfit.errors import ModelError
from wellfit.models import build, describe, resolve_model
from wellfit.recipe import CnnSpec, ImportSpec, MlpSpec, RnnSpec, UnetSpec
from wellfit.train.stacked import can_stack


def own(path: str, **arguments: object) -> ImportSpec:
    return ImportSpec.model_validate({"import": path, "args": arguments})


def test_mlp_has_the_widths_of_its_spec() -> None:
    module = build(MlpSpec(hidden=(128, 64)), shape=(1, 28, 28), outputs=10, seed=0)
    shapes = [tuple(p.shape) for p in module.parameters() if p.ndim == 2]
    assert shapes == [(128, 784), (64, 128), (10, 64)]
    assert sum(p.numel() for p in module.parameters()) == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10


def test_without_hidden_layers_it_is_linear() -> None:
    module = build(MlpSpec(hidden=()), shape=(4,), outputs=2, seed=0)
    x = torch.randn(3, 4)
    linear = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    assert torch.equal(module(x), linear(x))


@pytest.mark.parametrize(("shape", "features"), [((3, 32, 32), 8 * 8 * 8), ((1, 9, 5), 8 * 2 * 1)])
def test_cnn_halves_the_image(shape: tuple[int, ...], features: int) -> None:
    module = build(CnnSpec(channels=(4, 8)), shape=shape, outputs=7, seed=0)
    assert module(torch.zeros(2, *shape)).shape == (2, 7)
    head = [p for p in module.parameters() if p.ndim == 2]
    assert tuple(head[0].shape) == (7, features)


def test_cnn_of_sequences_convolves_along_time() -> None:
    module = build(CnnSpec(channels=(4,), hidden=()), shape=(7, 3), outputs=2, seed=0)
    x = torch.randn(5, 7, 3)
    own = dict(module.named_parameters())
    (kernel, bias), (head, offset) = [(own[f"{i}.weight"], own[f"{i}.bias"]) for i in (1, 5)]
    assert kernel.shape == (4, 3, 3)
    padded = nn.functional.pad(x, (0, 0, 1, 1))
    steps = torch.stack([torch.einsum("bkc,ock->bo", padded[:, t : t + 3], kernel) + bias for t in range(7)], 2).relu()
    pooled = torch.stack([steps[:, :, 2 * t : 2 * t + 2].amax(2) for t in range(3)], 2)
    torch.testing.assert_close(module(x), pooled.flatten(1) @ head.T + offset, atol=1e-5, rtol=0)


@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "group"])
def test_cnn_of_sequences_takes_the_norms_of_images(norm: str) -> None:
    spec = CnnSpec.model_validate({"channels": [8, 16], "hidden": [16], "norm": norm})
    assert build(spec, shape=(9, 2), outputs=2, seed=0)(torch.randn(3, 9, 2)).shape == (3, 2)


@pytest.mark.parametrize(
    ("shape", "blocks", "said"),
    [
        ((5,), 3, "a cnn for vectors of 5 features; expected 'mlp', or images or sequences"),
        ((1, 8, 8), 4, "4 blocks, each halving the image, leave nothing of 8x8; expected at most 3 blocks"),
        ((7, 3), 3, "3 blocks, each halving the sequence, leave nothing of 7 time steps; expected at most 2 blocks"),
        ((1, 3), 1, "leave nothing of 1 time steps; expected another kind of network, such as 'mlp'"),
    ],
)
def test_what_a_cnn_does_not_take(shape: tuple[int, ...], blocks: int, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        build(CnnSpec(channels=(4,) * blocks), shape=shape, outputs=2, seed=0)


def test_the_seed_makes_the_start_and_the_global_generator_is_left_alone() -> None:
    state = torch.get_rng_state()
    first = build(MlpSpec(), shape=(6,), outputs=2, seed=1)
    again = build(MlpSpec(), shape=(6,), outputs=2, seed=1)
    other = build(MlpSpec(), shape=(6,), outputs=2, seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    pairs = [list(module.parameters()) for module in (first, again, other)]
    assert all(torch.equal(a, b) for a, b in zip(pairs[0], pairs[1], strict=True))
    assert not torch.equal(pairs[0][0], pairs[2][0])


def test_the_kind_of_data_chooses() -> None:
    assert resolve_model(None, "vector") == MlpSpec()
    assert resolve_model(None, "image") == CnnSpec()
    assert resolve_model(None, "sequence", "regression") == RnnSpec()
    assert resolve_model(None, "image", "segmentation") == UnetSpec()
    assert resolve_model(CnnSpec(), "image", "segmentation") == CnnSpec()
    assert resolve_model(MlpSpec(hidden=(3,)), "image") == MlpSpec(hidden=(3,))
    assert describe(MlpSpec(hidden=(3, 4))) == "mlp 3-4"


def test_a_users_module_by_name_and_by_file(tmp_path: Path) -> None:
    module = build(own("torch.nn.Linear", in_features=4, out_features=2), shape=(4,), outputs=2, seed=0)
    assert isinstance(module, nn.Linear)
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch.nn as nn\nclass Net(nn.Sequential):\n    def __init__(self, h):\n"
        "        super().__init__(nn.Linear(4, h), nn.ReLU(), nn.Linear(h, 2))\n"
    )
    assert build(own(f"{path}:Net", h=3), shape=(4,), outputs=2, seed=0)(torch.zeros(1, 4)).shape == (1, 2)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (own("nowhere.Net"), "importing 'nowhere' failed: ModuleNotFoundError"),
        (own("torch.nn.Linnear"), "'torch.nn' has no 'Linnear'"),
        (own("Net"), "received 'Net'; expected package.module.Name or file.py:Name"),
        (own("missing.py:Net"), "no such file: missing.py"),
        (own("torch.nn.Linear", wrong=1), r"torch.nn.Linear\(\{'wrong': 1\}\) failed: TypeError"),
        (own("builtins.dict"), "returned a dict; expected an nn.Module"),
        (own("torch.nn.ReLU"), "has no trainable parameters"),
        (own("torch.nn.Linear", in_features=4, out_features=3), r"returns shape \(2, 3\) for a batch of 2; expected"),
        (own("torch.nn.Linear", in_features=9, out_features=2), r"fails on a batch of shape \(2, 4\)"),
        (own("torch.nn.LSTM", input_size=4, hidden_size=2), "returns a tuple; expected a tensor"),
    ],
)
def test_what_is_wrong_with_a_users_module_is_said_in_one_line(spec: ImportSpec, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        build(spec, shape=(4,), outputs=2, seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "stackable"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), True),
        (nn.Sequential(nn.Linear(4, 2)), True),
        (nn.Sequential(nn.Linear(4, 3), nn.Dropout(), nn.Linear(3, 2)), False),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)), True),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2)), False),
        (nn.Linear(4, 2), False),
    ],
)
def test_what_can_be_stacked_by_hand(module: nn.Module, stackable: bool) -> None:
    assert can_stack(module) is stackable
