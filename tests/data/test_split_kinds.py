"""Splits by group, by time and into folds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, StratifiedKFold, TimeSeriesSplit
from torch import Tensor

from tests.data.test_split import check_partition, classified, regression
from wellfit.data.dataset import Dataset, Split
from wellfit.data.split import limit_samples, split
from wellfit.data.split_folds import stratified_folds
from wellfit.data.split_groups import group_folds
from wellfit.errors import DataError
from wellfit.random import generator
from wellfit.recipe import DataSpec, SplitSpec


def grouped(sizes: list[int], *, classes: int = 1) -> Dataset:
    """Samples of shuffled groups; with classes, each group holds all of them in turn."""
    groups = torch.repeat_interleave(torch.arange(len(sizes)) * 7 + 3, torch.tensor(sizes))
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(0))
    data = regression(len(groups))
    if classes > 1:
        names = tuple(f"class{i}" for i in range(classes))
        data = replace(data, task="classification", y=(torch.arange(len(groups)) % classes)[order], classes=names)
    return replace(data, groups=groups[order])


def groups_of(data: Dataset, rows: Tensor) -> set[int]:
    assert data.groups is not None
    return set(data.groups[rows].tolist())


def check_leak_free(data: Dataset, found: Split) -> None:
    train, validation, test = (groups_of(data, part) for part in (found.train, found.validation, found.test))
    assert train
    assert validation
    assert test
    assert not train & validation
    assert not train & test
    assert not validation & test


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=3, max_size=25),
    validation=st.floats(0.02, 0.9),
    test=st.floats(0.02, 0.9),
    seed=st.integers(0, 2**31),
)
def test_no_group_stands_in_two_parts(sizes: list[int], validation: float, test: float, seed: int) -> None:
    data, spec = grouped(sizes), SplitSpec(kind="grouped", validation=validation, test=test)
    found = split(data, spec, seed=seed)
    check_partition(data, found)
    check_leak_free(data, found)
    assert torch.equal(found.test, split(data, spec, seed=seed + 1).test)
    assert torch.equal(found.validation, split(data, spec, seed=seed).validation)


def test_groups_come_near_the_wished_sizes_and_balance() -> None:
    data = grouped([10] * 40, classes=2)
    found = split(data, SplitSpec(kind="grouped", validation=0.25, test=0.2), seed=1)
    assert (len(found.train), len(found.validation), len(found.test)) == (240, 80, 80)
    for part in (found.train, found.validation, found.test):
        share = torch.bincount(data.y[part]) / len(part)
        assert abs(float(share[0]) - 0.5) < 0.05
    others = [split(data, SplitSpec(kind="grouped"), seed=seed).validation.tolist() for seed in range(4)]
    assert len({tuple(one) for one in others}) == 4
    fixed = SplitSpec(kind="grouped", resplit=False)
    assert torch.equal(split(data, fixed, seed=1).validation, split(data, fixed, seed=2).validation)


def test_groups_at_fault() -> None:
    spec = SplitSpec(kind="grouped")
    with pytest.raises(DataError, match=r"data\.split\.kind: received grouped, but the data has no groups"):
        split(regression(20), spec, seed=0)
    with pytest.raises(DataError, match="has 2 groups; expected at least 3"):
        split(grouped([5, 5]), spec, seed=0)
    data = replace(grouped([5, 5, 5]), given_test=torch.arange(3))
    with pytest.raises(DataError, match="3 samples of the given test belong to groups that train has too"):
        split(data, spec, seed=0)
    assert data.groups is not None
    apart = replace(data, given_test=(data.groups == 3).nonzero().squeeze(1))
    check_leak_free(apart, split(apart, spec, seed=0))
    single = replace(grouped([9, 9, 9]), task="classification", classes=("a", "b"))
    assert single.groups is not None
    single = replace(single, y=(single.groups == 3).long())
    with pytest.raises(DataError, match=r"no train sample of the class '[ab]' is left"):
        split(single, spec, seed=0)


@settings(max_examples=40, deadline=None)
@given(times=st.lists(st.integers(0, 12), min_size=4, max_size=60), validation=st.floats(0.05, 0.9))
def test_train_is_before_validation_before_test(times: list[int], validation: float) -> None:
    data, order = regression(len(times)), torch.tensor(times)
    spec = SplitSpec(kind="time", validation=validation, test=0.25)
    if len(set(times)) < 3:
        with pytest.raises(DataError, match="too few different times"):
            split(replace(data, order=order), spec, seed=0)
        return
    found = split(replace(data, order=order), spec, seed=0)
    check_partition(data, found)
    assert int(order[found.train].max()) < int(order[found.validation].min())
    assert int(order[found.validation].max()) < int(order[found.test].min())
    assert torch.equal(found.train, split(replace(data, order=order), spec, seed=9).train)


def test_time_is_the_order_of_rows_where_none_is_given() -> None:
    found = split(regression(100), SplitSpec(kind="time", validation=0.25, test=0.2), seed=0)
    assert found.train.tolist() == list(range(60))
    assert found.validation.tolist() == list(range(60, 80))
    assert found.test.tolist() == list(range(80, 100))
    train, test = list(TimeSeriesSplit(n_splits=4, test_size=20).split(np.zeros(100)))[-1]
    assert (found.test.tolist(), [*found.train, *found.validation]) == (test.tolist(), train.tolist())


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(1, 40), min_size=2, max_size=6), folds=st.integers(2, 7), seed=st.integers(0, 99))
def test_folds_are_balanced_as_those_of_scikit_learn(counts: list[int], folds: int, seed: int) -> None:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    found = stratified_folds(labels, folds, draw=generator(seed, "folds"))
    assert max(torch.bincount(found, minlength=folds)) - min(torch.bincount(found, minlength=folds)) <= 1
    for label in range(len(counts)):
        each = torch.bincount(found[labels == label], minlength=folds)
        assert int(each.max() - each.min()) <= 1
    if min(counts) >= folds:
        theirs = [sorted(len(test) for _, test in StratifiedKFold(folds).split(labels, labels))]
        assert theirs == [sorted(torch.bincount(found, minlength=folds).tolist())]


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=5, max_size=25), folds=st.integers(2, 5), seed=st.integers(0, 99))
def test_folds_of_groups(sizes: list[int], folds: int, seed: int) -> None:
    data = grouped(sizes)
    assert data.groups is not None
    labels = torch.zeros(len(data), dtype=torch.int64)
    found = group_folds(data.groups, labels, folds, draw=generator(seed, "folds"))
    for group in data.groups.unique():  # type: ignore[no-untyped-call]
        assert len(set(found[data.groups == group].tolist())) == 1
    mine = torch.bincount(found, minlength=folds)
    theirs = [len(test) for _, test in GroupKFold(folds).split(labels, labels, data.groups)]
    assert sorted(mine.tolist()) == sorted(theirs)  # both put the largest group left on the lightest fold


@pytest.mark.parametrize("by_group", [False, True])
def test_seeds_walk_through_the_folds(by_group: bool) -> None:
    data, spec = grouped([7] * 15, classes=3), SplitSpec(kind="k_fold", folds=4)
    data = data if by_group else replace(data, groups=None)
    found = [split(data, spec, seed=seed) for seed in range(8)]
    for one in found:
        check_partition(data, one)
        assert torch.equal(one.test, found[0].test)
        if by_group:
            check_leak_free(data, one)
    rest = sorted(torch.cat([found[0].train, found[0].validation]).tolist())
    for repetition in (found[:4], found[4:]):
        assert sorted(torch.cat([one.validation for one in repetition]).tolist()) == rest
    assert {tuple(one.validation.tolist()) for one in found[:4]} != {
        tuple(one.validation.tolist()) for one in found[4:]
    }
    fixed = SplitSpec(kind="k_fold", folds=4, resplit=False)
    assert torch.equal(split(data, fixed, seed=3).validation, found[0].validation)


def test_folds_with_a_given_test_and_too_few_samples() -> None:
    data = classified([20, 20], torch.tensor([3, 7, 11]))
    found = [split(data, SplitSpec(kind="k_fold", folds=5), seed=seed) for seed in range(5)]
    assert all(one.test.tolist() == [3, 7, 11] for one in found)
    assert len(torch.cat([one.validation for one in found])) == 37
    with pytest.raises(DataError, match="expected at least 9 for this split"):
        split(classified([5, 5]), SplitSpec(kind="k_fold", folds=9), seed=0)
    with pytest.raises(DataError, match="has 4 groups; expected at least 6"):
        split(grouped([5] * 4), SplitSpec(kind="k_fold"), seed=0)


def test_draws_of_groups_and_folds_are_the_same_on_every_machine() -> None:
    """Fixed by value: a change here would change every published split."""
    data = grouped([2, 3, 4, 2, 3], classes=2)
    found = split(data, SplitSpec(kind="grouped"), seed=7)
    assert (found.test.tolist(), found.validation.tolist()) == ([0, 1, 4], [8, 13])
    folds = split(classified([12, 8]), SplitSpec(kind="k_fold", folds=4), seed=6)
    assert (folds.test.tolist(), folds.validation.tolist()) == ([4, 6, 12, 16], [3, 11, 15, 17])


def test_a_limit_keeps_groups_and_order() -> None:
    data = replace(grouped([10] * 10), order=torch.arange(100))
    for kind in ("grouped", "time", "k_fold"):
        spec = SplitSpec.model_validate({"kind": kind})
        small = limit_samples(data, 40, spec)
        assert small.groups is not None
        assert small.order is not None
        assert data.groups is not None
        rows = small.x[:, 0].long()
        assert torch.equal(small.groups, data.groups[rows])
        assert torch.equal(small.order, rows)
        assert torch.equal(rows[split(small, spec, seed=0).test], split(data, spec, seed=0).test)


def test_a_recipe_of_before_keeps_its_form() -> None:
    plain = DataSpec(source="digits").model_dump(mode="json")
    assert plain["split"] == {"validation": 0.1, "test": 0.2, "seed": 0, "resplit": True}
    assert not {"group", "time", "id", "length", "rate", "features", "label_from"} & plain.keys()
    spec = DataSpec(source="a.csv", group="g", split=SplitSpec(kind="k_fold", folds=3))
    assert DataSpec.model_validate(spec.model_dump(mode="json")) == spec
