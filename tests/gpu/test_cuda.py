"""On a CUDA device every method does what it does on the CPU; run with ``make test-gpu``."""

from __future__ import annotations

import pytest
import torch

from tests.contract.benches import bench, strong
from tests.support import deviation, member, train
from wellfit.regularize.catalogue import CATALOGUE

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
TOLERANCE = 1e-2
"""After three epochs; products on a GPU sum in another order."""


@pytest.mark.parametrize("name", CATALOGUE)
def test_methods(name: str) -> None:
    place = bench(name)
    members = [
        member(f"{name} {seed}", seed, regularizers={name: strong(name)}, **place.changes) for seed in (0, 1)
    ] + [member("plain", 0, **place.changes)]
    here = train(members, place.dataset)
    there = train(members, place.dataset, device=torch.device("cuda"))
    for one in members:
        assert deviation(here[one.key].weights, there[one.key].weights) < TOLERANCE
        assert all(w.device.type == "cpu" for w in there[one.key].weights.values())


@pytest.mark.parametrize("kind", ["sgd", "nesterov", "adam", "nadam", "lion", "rmsprop"])
def test_optimizers_and_schedules(kind: str) -> None:
    one = member(kind, optimizer={"kind": kind, "lr": 0.002}, schedule={"kind": "cosine", "warmup": 1})
    dataset = bench("l2").dataset
    there = train([one], dataset, device=torch.device("cuda"))
    assert deviation(train([one], dataset)[one.key].weights, there[one.key].weights) < TOLERANCE
