from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

import wellfit
from wellfit.random import Name, derive, generator

NAMES = st.lists(st.integers(0, 50) | st.sampled_from(["order", "init", "noise", "0", "1"]), max_size=3)


def test_the_seed_is_the_hash_that_the_docstring_says() -> None:
    digest = hashlib.blake2b(b"int:7\x1fstr:order\x1fint:3", digest_size=8).digest()
    assert derive(7, "order", 3) == int.from_bytes(digest, "little") // 2


def test_the_seed_is_the_same_in_every_process() -> None:
    """Results of a study may be compared with those of another day: these values must never change."""
    assert derive(0, "order", 3) == ORDER_3
    command = "from wellfit.random import derive; print(derive(0, 'order', 3))"
    source = str(Path(wellfit.__file__).parents[1])
    found = subprocess.run(
        [sys.executable, "-c", command],
        env={"PYTHONPATH": source, "PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
    )
    assert int(found.stdout) == ORDER_3


ORDER_3 = 1855528780364446383


@given(NAMES, NAMES, st.integers(0, 5), st.integers(0, 5))
def test_other_names_or_seeds_give_other_draws(one: list[Name], other: list[Name], seed: int, second: int) -> None:
    same = (seed, one) == (second, other)
    assert (derive(seed, *one) == derive(second, *other)) == same


def test_a_number_and_its_text_are_different_names() -> None:
    assert derive(0, "1") != derive(0, 1)
    assert derive(0, "a", "b") != derive(0, "ab") != derive(0, "b", "a")


@given(st.integers(0, 2**63 - 1), NAMES)
def test_the_seed_fits_a_generator_of_torch(seed: int, names: list[Name]) -> None:
    assert 0 <= derive(seed, *names) < 2**63
    assert generator(seed, *names).initial_seed() == derive(seed, *names)


def test_generators_of_one_name_draw_alike_and_independently_of_all_else() -> None:
    first = torch.rand(5, generator=generator(3, "noise", "dropout", 1))
    torch.rand(100)
    torch.rand(100, generator=generator(3, "noise", "dropout", 2))
    assert torch.equal(first, torch.rand(5, generator=generator(3, "noise", "dropout", 1)))
    assert not torch.equal(first, torch.rand(5, generator=generator(4, "noise", "dropout", 1)))


def test_neighboring_seeds_are_not_correlated() -> None:
    draws = torch.stack([torch.randn(4000, generator=generator(seed, "noise")) for seed in range(6)])
    correlation = torch.corrcoef(draws) - torch.eye(6)
    assert correlation.abs().max() < 5 / 4000**0.5  # five standard errors
