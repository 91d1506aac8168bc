"""A network that no machine can hold is refused before any of it is made."""

from __future__ import annotations

import pytest
import torch

from wellfit.errors import ModelError
from wellfit.models import build
from wellfit.recipe import MlpSpec


@pytest.mark.parametrize("hidden", [(200_000, 200_000), (999_999_999_999,), (10**18, 10**18)])
def test_a_network_larger_than_memory(hidden: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"GiB of memory, this machine has \d+; expected a smaller network"):
        build(MlpSpec(hidden=hidden), shape=(4,), outputs=2, seed=0)


def test_asking_for_the_size_draws_nothing() -> None:
    before = torch.get_rng_state()
    one, two = (build(MlpSpec(), shape=(4,), outputs=2, seed=0) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
