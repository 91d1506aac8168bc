"""The rearranged layers answer what the network answers, bit for bit."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from wellfit.models.cnn import cnn
from wellfit.train.convolution import layouts, pool_first, with_channels_last


def same(layer: nn.Module) -> nn.Sequential:
    """A ReLU that is called twice."""
    return nn.Sequential(nn.Conv2d(1, 4, 3), layer, nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), layer, nn.MaxPool2d(2))


def gradients(module: nn.Module, x: Tensor) -> list[Tensor]:
    z = module(x)
    weights = torch.linspace(-1, 1, z.numel()).view(z.shape)
    return [z.detach(), *torch.autograd.grad((z * weights).sum(), list(module.parameters()))]


def test_the_pool_first_changes_no_bit() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.Sequential(nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
    )
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(p.mul(4).round())  # many windows with several greatest numbers, and many without a positive one
    x = torch.randint(-2, 3, (6, 1, 18, 18), generator=torch.Generator().manual_seed(1)).float()
    expected = gradients(module, x)
    changed = copy.deepcopy(module)
    pool_first(changed, ())
    assert [type(layer) for layer in changed[1].children()] == [nn.MaxPool2d, nn.ReLU]
    assert [type(layer) for layer in changed[3:5]] == [nn.MaxPool2d, nn.ReLU]
    for ours, theirs in zip(gradients(changed, x), expected, strict=True):
        assert torch.equal(ours, theirs)


class Own(nn.Sequential):
    """A sequence that may call its layers in any order."""


HOOKED = cnn((1, 8, 8), [4], [], 2)
HOOKED[1].register_forward_hook(lambda *_: None)
LEFT_ALONE: dict[str, tuple[nn.Module, tuple[str, ...]]] = {
    "looked at": (cnn((1, 8, 8), [4], [], 2), ("1",)),
    "looked at within": (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))), ("1.0",)),
    "hooked": (HOOKED, ()),
    "called twice": (same(nn.ReLU()), ()),
    "a forward of its own": (Own(nn.ReLU(), nn.MaxPool2d(2)), ()),
    "another activation": (cnn((1, 8, 8), [4], [], 2, activation="tanh"), ()),
    "a pool that tells where": (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, return_indices=True)), ()),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_stays_in_its_place(name: str) -> None:
    module, sites = LEFT_ALONE[name]
    before = [(name, type(layer)) for name, layer in module.named_modules()]
    pool_first(module, sites)
    assert [(name, type(layer)) for name, layer in module.named_modules()] == before


@pytest.mark.parametrize("channels", [1, 3])
def test_the_strides_say_that_channels_are_last(channels: int) -> None:
    x = torch.rand(2, channels, 5, 4)
    ours = with_channels_last(x)
    assert torch.equal(ours, x)
    assert ours.stride() == (20 * channels, 1, 4 * channels, channels)
    assert nn.Conv2d(channels, 6, 3)(ours).is_contiguous(memory_format=torch.channels_last)
    assert ours.data_ptr() != x.data_ptr()


def test_vectors_have_no_channels() -> None:
    x = torch.rand(2, 5)
    assert with_channels_last(x) is x


class Viewed(nn.Module):
    """A network that takes it for granted that channels are first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, ...)."""
        z: Tensor = self.conv(x)
        return z.view(len(z), -1)


def test_layouts_worth_measuring() -> None:
    assert layouts(cnn((2, 8, 8), [4], [], 2), (2, 8, 8)) == (True, False)
    assert layouts(Viewed(), (2, 8, 8)) == (False,)
    assert layouts(nn.Sequential(nn.Flatten(), nn.Linear(128, 2)), (2, 8, 8)) == (False,)
    assert layouts(cnn((16, 3), [4], [], 2), (16, 3)) == (False,)


def test_looking_for_layouts_leaves_the_module_as_it_is() -> None:
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    layouts(module, (2, 8, 8))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
