"""Sizes, and nested parts of the train samples."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from tests.support import tiny_images, tiny_vectors
from wellfit.errors import InputError
from wellfit.examine.nested import in_samples, nested_order, part_of, read_sizes
from wellfit.recipe import DataSpec
from wellfit.train.replicate import Replicate, make_replicate

SPEC = DataSpec(source="tiny")


def samples(text: str, whole: int = 1000) -> list[int]:
    return in_samples(read_sizes(text), whole, least=2, why="to fit anything")


def test_sizes() -> None:
    assert samples("10,20,50,100") == [100, 200, 500, 1000]
    assert samples("100, 10, 20%") == [100, 200, 1000]
    assert samples("50,200,1000") == [50, 200, 1000]
    assert samples("10%,300") == [100, 300]
    assert in_samples(read_sizes([5, 50]), 80, least=2, why="") == [4, 40]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,10", "more than 0"),
        ("-5,10", "more than 0"),
        ("50,150%", "at most 100 %"),
        ("ten,20", "numbers with commas"),
        ("10", "2 to 20"),
        ("", "numbers with commas"),
        ("nan,10", "numbers with commas"),
        ("200.5,300", "whole number"),
        ("10,2000", "at most 1,000"),
        ("0.1,50", "at least 2"),
        ("10,10", "sizes that differ"),
    ],
)
def test_bad_sizes_are_one_line(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        samples(text)
    assert "\n" not in str(caught.value)


def imbalanced() -> Replicate:
    data = tiny_images(300)
    y = torch.tensor([0] * 200 + [1] * 90 + [2] * 10)
    return make_replicate(replace(data, y=y), SPEC, 3)


@pytest.mark.parametrize("size", [3, 10, 37, 100, 150])
def test_every_beginning_has_its_share_of_each_class(size: int) -> None:
    replicate = imbalanced()
    order, y = nested_order(replicate, "stratified"), replicate.dataset.y
    assert sorted(order.tolist()) == sorted(replicate.split.train.tolist())
    counts = torch.bincount(y[order], minlength=3)
    found = torch.bincount(y[order[:size]], minlength=3)
    assert int(found.min()) >= 1
    assert float((found - size * counts / counts.sum()).abs().max()) <= 2


def test_an_order_belongs_to_its_seed() -> None:
    replicate = imbalanced()
    assert torch.equal(nested_order(replicate, "stratified"), nested_order(replicate, "stratified"))


def test_groups_come_whole_and_time_from_its_end() -> None:
    data = replace(tiny_vectors(60), groups=torch.arange(60) // 6, order=torch.arange(60))
    grouped = make_replicate(data, DataSpec.model_validate({"source": "t", "split": {"kind": "grouped"}}), 0)
    groups = data.groups[nested_order(grouped, "grouped")].tolist()  # type: ignore[index]
    assert len([1 for a, b in pairwise(groups) if a != b]) == len(set(groups)) - 1
    timed = make_replicate(data, DataSpec.model_validate({"source": "t", "split": {"kind": "time"}}), 0)
    order = nested_order(timed, "time").tolist()
    assert order == sorted(order, reverse=True)


def test_a_part_is_repeated_and_prepared_by_itself_alone() -> None:
    replicate = make_replicate(tiny_vectors(200), SPEC, 0)
    order = nested_order(replicate, "stratified")
    part = part_of(replicate, SPEC, order, 20, len(order))
    rows = part.split.train
    assert len(rows) == len(order)
    assert sorted(set(rows.tolist())) == sorted(order[:20].tolist())
    assert torch.bincount(rows)[order[:20]].max() - torch.bincount(rows)[order[:20]].min() <= 1
    assert set(part.probe.tolist()) <= set(rows.tolist())
    assert len(part.probe) == len(replicate.probe)
    own = replicate.dataset.x[order[:20]]
    torch.testing.assert_close(part.scaler.mean.flatten(), own.mean(0))  # type: ignore[union-attr]
    assert part.target_scaler is replicate.target_scaler
    assert torch.equal(part.split.validation, replicate.split.validation)


def test_all_samples_are_the_replicate_itself() -> None:
    replicate = make_replicate(tiny_images(), SPEC, 0)
    order = nested_order(replicate, "stratified")
    part = part_of(replicate, SPEC, order, len(order), len(order))
    assert torch.equal(part.split.train, replicate.split.train)
