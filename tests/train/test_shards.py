"""Shards: however a population is cut, and whoever leaves, a member's bits are its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import CPU, Trained, member, replicates, same_bits, tiny_images, tiny_masks, tiny_vectors
from wellfit.data import Dataset
from wellfit.train.events import EpochEnded, MemberFinished
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.plan import Plan
from wellfit.train.shards import Shards, cut, make_shards, start_population

PLANS = [Plan(width=1, workers=1, threads=1), Plan(workers=2, threads=1), Plan(width=2, workers=3, threads=1)]


def trained(
    members: Sequence[Member], dataset: Dataset, plan: Plan, *, checkpoint: Path | None = None, until: int = 0
) -> dict[tuple[str, int], Trained]:
    """Train by a plan; with ``until``, leave after so many epochs."""
    done = {}
    for event in fit(members, replicates(dataset, members), device=CPU, plan=plan, checkpoint=checkpoint):
        if isinstance(event, MemberFinished):
            done[event.record.arm, event.record.seed] = Trained(event.record, event.weights)
        if until and isinstance(event, EpochEnded) and event.epoch == until + 1:  # the checkpoint of the last one stands
            break
    return done


def assert_same(found: Mapping[Any, Trained], expected: Mapping[Any, Trained], what: object = "") -> None:
    assert found.keys() == expected.keys()
    for key, one in expected.items():
        assert same_bits(found[key].weights, one.weights), (key, what)
        curves = [[(row.train_loss, row.val_loss, row.grad_norm) for row in run.record.curves] for run in (found[key], one)]
        assert repr(curves[0]) == repr(curves[1]), (key, what)


SGD = {"kind": "sgd", "lr": 0.1}
MIXED: dict[str, list[dict[str, Any]]] = {
    "sgd": [
        {"optimizer": SGD},
        {"optimizer": SGD, "regularizers": {"l2": {"strength": 0.01}, "dropout": {"rate": 0.5}}},
        {"optimizer": SGD, "regularizers": {"weight_decay": {"strength": 0.01}, "max_norm": {"limit": 0.8}}},
        {"optimizer": SGD, "regularizers": {"l1": {"strength": 0.001}, "ema": {"decay": 0.9}}},
        {"optimizer": {"kind": "momentum", "lr": 0.05}},
        {"optimizer": {"kind": "nesterov", "lr": 0.05}, "regularizers": {"swa": {}}},
        {"optimizer": SGD, "regularizers": {"dropout": {"rate": 0.3, "at": "1"}, "hidden_noise": {"std": 0.1}}},
        {"optimizer": SGD, "regularizers": {"sam": {}}},
        {"optimizer": SGD, "regularizers": {"drop_connect": {"rate": 0.3}}},
        {"optimizer": SGD, "regularizers": {"freezing": {"plan": {"1.*": 1}}}},
        {"optimizer": SGD, "regularizers": {"pruning": {}}},
        {"optimizer": SGD, "regularizers": {"dropout": {"rate": 0.0}}},
        {"optimizer": SGD | {"lr": 1e18}},
        {"optimizer": SGD, "epochs": 1},
    ],
    "adam": [
        {"optimizer": {"kind": "adam"}},
        {"optimizer": {"kind": "amsgrad"}},
        {"optimizer": {"kind": "adamw"}, "regularizers": {"weight_decay": {"strength": 0.01}}},
        {"optimizer": {"kind": "adam"}, "regularizers": {"clip_norm": {"limit": 0.2}, "gradient_noise": {}}},
        {"optimizer": {"kind": "adam", "lr": 0.1}, "epochs": 5, "regularizers": {"early_stopping": {"patience": 1}}},
        {"optimizer": {"kind": "adam"}, "regularizers": {"freezing": {"plan": {"3.*": 1}}, "ema": {}}},
    ],
}


@pytest.mark.parametrize("kind", MIXED)
def test_bits_do_not_depend_on_the_cut(kind: str) -> None:
    members = [member(str(i), seed, **given) for i, given in enumerate(MIXED[kind]) for seed in (0, 1)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    assert whole.keys() == {one.key for one in members}
    for plan in PLANS:
        assert_same(trained(members, tiny_images(), plan), whole, plan)
