from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wellfit.data.dataset import Dataset, Split
from wellfit.data.split import allocate, limit_samples, split, test_indices
from wellfit.errors import DataError
from wellfit.recipe import SplitSpec

test_indices.__test__ = False  # type: ignore[attr-defined]  # not a test


def classified(counts: list[int], given_test: Tensor | None = None) -> Dataset:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    y = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))]
    x = torch.arange(len(y), dtype=torch.float32)[:, None]
    names = tuple(f"class{i}" for i in range(len(counts)))
    return Dataset("toy", "classification", "vector", x, y, names, given_test)


def regression(n: int) -> Dataset:
    x = torch.arange(n, dtype=torch.float32)[:, None]
    return Dataset("toy", "regression", "vector", x, x.clone(), (), None)


def parts(found: Split) -> tuple[Tensor, Tensor, Tensor]:
    return found.train, found.validation, found.test


def check_partition(data: Dataset, found: Split) -> None:
    everything = torch.cat(parts(found))
    assert everything.dtype == torch.int64
    assert everything.sort().values.tolist() == list(range(len(data)))


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(3, 60), min_size=2, max_size=8),
    validation=st.floats(0.01, 0.9),
    test=st.floats(0.01, 0.9),
    seed=st.integers(0, 2**31),
)
def test_every_class_is_in_every_part(counts: list[int], validation: float, test: float, seed: int) -> None:
    data, spec = classified(counts), SplitSpec(validation=validation, test=test)
    found = split(data, spec, seed=seed)
    check_partition(data, found)
    for part in parts(found):
        assert (torch.bincount(data.y[part], minlength=len(counts)) >= 1).all()
    assert [len(part) for part in parts(found)] == [len(part) for part in parts(split(data, spec, seed=seed + 1))]


def test_shares_are_exact_and_stratified() -> None:
    data = classified([700, 200, 100])
    found = split(data, SplitSpec(validation=0.25, test=0.2), seed=3)
    counts = [torch.bincount(data.y[part]).tolist() for part in parts(found)]
    assert counts == [[420, 120, 60], [140, 40, 20], [140, 40, 20]]
    # 70.35 + 20.1 + 10.05 of 101, rounded by the largest remainder
    odd = split(classified([70, 21, 11]), SplitSpec(validation=0.1, test=0.1), seed=0)
    assert len(odd.test) == round(0.1 * 102)
    assert len(odd.validation) == round(0.1 * (102 - len(odd.test)))


def test_the_test_set_never_moves() -> None:
    data = classified([50, 40])
    first, second = (split(data, SplitSpec(), seed=seed) for seed in (1, 2))
    assert torch.equal(first.test, second.test)
    assert not torch.equal(first.validation, second.validation)
    assert not torch.equal(first.test, split(data, SplitSpec(seed=5), seed=1).test)
    assert torch.equal(first.validation, split(data, SplitSpec(), seed=1).validation)


def test_without_resplit_all_seeds_share_one_split() -> None:
    data, spec = classified([50, 40]), SplitSpec(resplit=False)
    first, second = split(data, spec, seed=1), split(data, spec, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(parts(first), parts(second), strict=True))
    other = split(data, SplitSpec(resplit=False, seed=1), seed=1)
    assert not torch.equal(first.validation, other.validation)


def test_draws_are_the_same_on_every_machine() -> None:
    """Fixed by value: a change here would change every published split."""
    found = split(classified([12, 8]), SplitSpec(), seed=7)
    assert found.test.tolist() == [4, 6, 12, 16]
    assert found.validation.tolist() == [7, 11]


def test_a_given_test_is_respected() -> None:
    given_test = torch.tensor([7, 3, 11])
    data = classified([20, 20], given_test)
    found = split(data, SplitSpec(test=0.9, validation=0.5), seed=0)
    assert found.test.tolist() == [3, 7, 11]
    check_partition(data, found)
    assert len(found.validation) == 18


def test_too_few_samples_of_a_class() -> None:
    with pytest.raises(DataError, match=r"toy: the class 'class1' has 2 samples; expected at least 3"):
        split(classified([10, 2]), SplitSpec(), seed=0)
    with pytest.raises(DataError, match="the class 'class1' has 1 sample; expected at least 3"):
        split(classified([10, 1]), SplitSpec(), seed=0)
    assert len(split(classified([10, 3]), SplitSpec(), seed=0).train) > 0
    data = classified([10, 2], torch.tensor([]).long())
    only = (data.y == 1).nonzero()[:1, 0]
    with pytest.raises(DataError, match="the class 'class1' has 1 sample; expected at least 2"):
        split(replace(data, given_test=only), SplitSpec(), seed=0)
    assert split(data, SplitSpec(), seed=0).test.tolist() == []
    with pytest.raises(DataError, match="the class 'extra' has 0 samples"):
        split(replace(classified([9, 9]), classes=("class0", "class1", "extra")), SplitSpec(), seed=0)


def test_regression() -> None:
    data = regression(10)
    found = split(data, SplitSpec(validation=0.25, test=0.2), seed=0)
    check_partition(data, found)
    assert [len(part) for part in parts(found)] == [6, 2, 2]
    assert [len(part) for part in parts(split(regression(3), SplitSpec(), seed=0))] == [1, 1, 1]
    with pytest.raises(DataError, match="toy: the data has 2 samples"):
        split(regression(2), SplitSpec(), seed=0)


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(3, 90), min_size=1, max_size=9), share=st.floats(0, 1))
def test_allocate_keeps_its_bounds(counts: list[int], share: float) -> None:
    total = round(share * sum(counts))
    found = allocate(counts, total, least=1, leave=1)
    assert all(1 <= got <= count - 1 for got, count in zip(found, counts, strict=True))
    lowest, highest = len(counts), sum(counts) - len(counts)
    assert sum(found) == min(max(total, lowest), highest)
    quotas = [total * count / sum(counts) for count in counts]
    if all(int(quota) >= 1 and quota + 1 <= count - 1 for quota, count in zip(quotas, counts, strict=True)):
        assert all(abs(got - quota) < 1 for got, quota in zip(found, quotas, strict=True))


@pytest.mark.parametrize("is_given", [True, False])
def test_limit_keeps_the_test_set(is_given: bool) -> None:
    data = classified([60, 40], torch.arange(10) if is_given else None)
    spec = SplitSpec(seed=4)
    small = limit_samples(data, 20, spec)
    whole = split(data, spec, seed=0)
    found = split(small, spec, seed=0)
    assert torch.equal(small.x[found.test], data.x[whole.test])
    assert len(found.train) + len(found.validation) == 20
    kept = torch.cat([found.train, found.validation])
    share = torch.bincount(torch.cat([data.y[whole.train], data.y[whole.validation]])) / (len(data) - len(whole.test))
    assert ((torch.bincount(small.y[kept]) - 20 * share).abs() < 1).all()
    assert torch.equal(small.y, data.y[small.x[:, 0].long()])
    again = limit_samples(data, 20, spec)
    assert torch.equal(again.x, small.x)
    assert not torch.equal(limit_samples(data, 20, SplitSpec(seed=5)).x, small.x)


def test_limit_at_its_ends() -> None:
    data = classified([60, 40])
    assert limit_samples(data, 80, SplitSpec()) is data
    smallest = split(limit_samples(data, 4, SplitSpec()), SplitSpec(), seed=0)
    assert (len(smallest.train), len(smallest.validation)) == (2, 2)
    with pytest.raises(DataError, match=r"data.limit: 3 samples for 2 classes; expected at least 4"):
        limit_samples(data, 3, SplitSpec())
    rare = limit_samples(classified([500, 4]), 10, SplitSpec())
    assert (torch.bincount(rare.y[split(rare, SplitSpec(), seed=0).train]) >= 1).all()
    assert len(limit_samples(regression(50), 7, SplitSpec())) == 7 + 10
