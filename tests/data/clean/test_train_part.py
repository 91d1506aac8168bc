"""A plan for the train samples of a seed: the same as a cleaned copy, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wellfit.data import Dataset, load, split
from wellfit.data.audit import read_subject
from wellfit.data.clean import Action, Plan, apply_plan
from wellfit.data.clean.by_row import RowChanges, row_changes
from wellfit.data.clean.train_part import Do, TrainPart, train_part
from wellfit.errors import DataError
from wellfit.recipe import CleanSpec, DataSpec
from wellfit.train.replicate import make_replicate

ACTIONS = (
    Action(action="drop", where=("train sample 3", "train sample 8", "train sample 30")),
    Action(action="deduplicate", where=("train sample 1", "train sample 2", "train sample 90")),
    Action(action="relabel", where=("train sample 4", "train sample 8", "train sample 61"), to="2"),
)


def archive(folder: Path, *, actions: tuple[Action, ...] = ACTIONS) -> tuple[DataSpec, Plan]:
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 150), ("test", 30)):
        y = np.arange(count) % 3
        arrays |= {f"x_{part}": (draw.normal(size=(count, 5)) + y[:, None]).astype(np.float32), f"y_{part}": y}
    np.savez(folder / "a.npz", **arrays)
    plan = Plan(
        source="a.npz", fingerprint=read_subject(DataSpec(source=str(folder / "a.npz"))).fingerprint, actions=actions
    )
    (folder / "plan.yaml").write_text(plan.to_yaml())
    return DataSpec(source=str(folder / "a.npz"), clean=CleanSpec(plan=str(folder / "plan.yaml"))), plan


def prepared(folder: Path, *, actions: tuple[Action, ...] = ACTIONS) -> tuple[Dataset, DataSpec, RowChanges]:
    spec, _ = archive(folder, actions=actions)
    dataset = load(spec)
    return dataset, spec, row_changes(dataset, spec)


def test_all_samples_but_test_are_cleaned_as_a_copy_is(tmp_path: Path) -> None:
    spec, plan = archive(tmp_path)
    dataset = load(spec)
    done = apply_plan(spec.source, plan, tmp_path / "copy.npz")
    copy = load(str(tmp_path / "copy.npz"))
    found = train_part(dataset, torch.arange(150), row_changes(dataset, spec), do="clean", seed=0)
    assert copy.given_test is not None
    assert torch.equal(found.dataset.x[found.train], copy.x[: len(copy) - 30])
    assert torch.equal(found.dataset.y[found.train], copy.y[: len(copy) - 30])
    assert (found.dropped, len(found.train)) == (done.before - done.after, done.after - 30)
    assert found.relabeled == 2, "train sample 8 is left out; 4 was a 1, 61 a 1"


@pytest.mark.parametrize("seed", range(3))
def test_what_is_not_train_stays(seed: int, tmp_path: Path) -> None:
    dataset, spec, changes = prepared(tmp_path)
    y = dataset.y.clone()
    parts = split(dataset, spec.split, seed=seed)
    found = train_part(dataset, parts.train, changes, do="clean", seed=seed)
    rest = torch.cat([parts.validation, parts.test])
    assert torch.equal(found.dataset.y[rest], y[rest])
    assert torch.equal(dataset.y, y), "the data set itself is shared by all seeds"
    assert found.dataset.x is dataset.x
    named = set(changes.dropped.nonzero().squeeze(1).tolist())
    assert set(parts.train.tolist()) - set(found.train.tolist()) == named & set(parts.train.tolist())


def three(dataset: Dataset, train: torch.Tensor, changes: RowChanges, seed: int = 0) -> dict[Do, TrainPart]:
    ways: tuple[Do, ...] = ("keep", "clean", "random")
    return {do: train_part(dataset, train, changes, do=do, seed=seed) for do in ways}


def test_random_leaves_out_as_many_and_keep_none(tmp_path: Path) -> None:
    dataset, spec, changes = prepared(tmp_path)
    gone = set()
    for seed in range(5):
        train = split(dataset, spec.split, seed=seed).train
        made = three(dataset, train, changes, seed)
        assert len(made["random"].train) == len(made["clean"].train) == len(train) - made["clean"].dropped
        assert torch.equal(made["keep"].train, train)
        for do in ("keep", "random"):
            assert made[do].dataset is dataset
            assert made[do].relabeled == 0
        again = train_part(dataset, train, changes, do="random", seed=seed)
        assert torch.equal(again.train, made["random"].train)
        gone.add(tuple(sorted(set(train.tolist()) - set(made["random"].train.tolist()))))
    assert len(gone) == 5, "each seed draws its own"


def test_the_shared_samples_are_the_same_in_all_arms(tmp_path: Path) -> None:
    dataset, spec, changes = prepared(tmp_path)
    train = split(dataset, spec.split, seed=1).train
    made = three(dataset, train, changes, 1)
    common = set(train.tolist())
    for part in made.values():
        assert torch.equal(part.shared, made["keep"].shared)
        common &= set(part.train.tolist())
    common -= set(changes.relabeled.nonzero().squeeze(1).tolist())
    assert sorted(common) == train[made["keep"].shared].tolist()


def test_random_is_even(tmp_path: Path) -> None:
    """Each sample is left out with the same probability: 6 of 150, over 2,000 seeds."""
    dataset, _, changes = prepared(tmp_path)
    counts = torch.zeros(150)
    for seed in range(2000):
        left = train_part(dataset, torch.arange(150), changes, do="random", seed=seed).train
        counts += 1
        counts[left] -= 1
    assert counts.sum() == 2000 * 5
    assert abs(float(counts.var()) / (2000 * 5 / 150 * (1 - 5 / 150)) - 1) < 0.35


def test_a_class_must_stay(tmp_path: Path) -> None:
    zeros = tuple(f"train sample {i}" for i in range(0, 150, 3))
    dataset, _, changes = prepared(tmp_path, actions=(Action(action="drop", where=zeros),))
    with pytest.raises(DataError, match="no train sample of the class '0' is left with seed 0"):
        train_part(dataset, torch.arange(150), changes, do="clean", seed=0)


def test_replicates_differ_in_the_train_samples_alone(tmp_path: Path) -> None:
    dataset, spec, changes = prepared(tmp_path)
    bare = make_replicate(dataset, spec.model_copy(update={"clean": None}), 3)
    made = {}
    for do in ("keep", "clean", "random"):
        own = spec.model_copy(update={"clean": CleanSpec(plan="plan.yaml", do=do)})
        made[do] = make_replicate(dataset, own, 3, changes)
        assert torch.equal(made[do].split.validation, bare.split.validation)
        assert torch.equal(made[do].split.test, bare.split.test)
        assert torch.equal(made[do].probe, made["keep"].probe)
        assert torch.equal(made[do].drawn, bare.split.train)
        assert set(made[do].probe.tolist()) <= set(made[do].split.train.tolist())
        rows = made[do].split.train
        x = made[do].scale(made[do].raw(rows))
        assert torch.allclose(x.mean(0), torch.zeros(5), atol=1e-5), "scaled by what is trained on"
    assert torch.equal(made["keep"].split.train, bare.split.train)
    assert set(made["keep"].probe.tolist()) < set(bare.probe.tolist())
    assert len({one.dataset.fingerprint for one in (*made.values(), bare)}) == 2, "the plan is part of the data"


def test_targets_of_a_regression_have_one_scale(tmp_path: Path) -> None:
    """Else the arm without the outliers would have its loss in a smaller unit."""
    path = tmp_path / "t.csv"
    x = np.random.default_rng(1).normal(size=60).tolist()
    rows = [f"{a:.5f},{3 * a + (500 if i in (7, 8, 9) else 0):.5f}" for i, a in enumerate(x)]
    path.write_text("x,y\n" + "\n".join(rows) + "\n")
    spec = DataSpec(source=str(path), target="y")
    action = Action(action="drop", where=("line 9", "line 10", "line 11"))
    plan = Plan(source="t", fingerprint=read_subject(spec).fingerprint, target="y", actions=(action,))
    (tmp_path / "plan.yaml").write_text(plan.to_yaml())
    spec = spec.model_copy(update={"clean": CleanSpec(plan=str(tmp_path / "plan.yaml"))})
    dataset = load(spec)
    clean = make_replicate(dataset, spec, 0, row_changes(dataset, spec))
    plain = make_replicate(dataset, spec.model_copy(update={"clean": None}), 0)
    assert clean.cleaned is not None
    assert clean.cleaned.dropped > 0
    assert clean.target_scaler is not None
    assert plain.target_scaler is not None
    assert torch.equal(clean.target_scaler.std, plain.target_scaler.std)
    assert torch.equal(clean.target_scaler.mean, plain.target_scaler.mean)


def test_cells_are_filled_in_for_train_alone_and_inputs_stay_equal(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    draw = np.random.default_rng(1)
    values = draw.normal(size=(60, 2)).tolist()
    rows = [f"{a:.5f},{'' if i % 5 == 0 else round(b, 4)},{'ab'[i % 2]}" for i, (a, b) in enumerate(values)]
    path.write_text("x,z,y\n" + "\n".join(rows) + "\n")
    spec = DataSpec(source=str(path), target="y", impute="mean", indicate=True)
    empty = tuple(f"line {i + 2}" for i in range(0, 60, 5))
    action = Action(action="impute", column="z", where=empty, to=9)
    plan = Plan(source="t", fingerprint=read_subject(spec).fingerprint, target="y", actions=(action,))
    (tmp_path / "plan.yaml").write_text(plan.to_yaml())
    spec = spec.model_copy(update={"clean": CleanSpec(plan=str(tmp_path / "plan.yaml"))})
    dataset = load(spec)
    made = make_replicate(dataset, spec, 0, row_changes(dataset, spec))
    plain = make_replicate(dataset, spec.model_copy(update={"clean": None}), 0)
    missing = dataset.x[:, 1].isnan()
    train = torch.zeros(60, dtype=torch.bool)
    train[made.split.train] = True
    assert bool((made.dataset.x[missing & train, 1] == 9).all())
    assert bool(made.dataset.x[missing & ~train, 1].isnan().all())
    assert made.cleaned is not None
    assert made.cleaned.imputed == int((missing & train).sum()) > 0
    assert made.shape == plain.shape == (3,)
    assert made.encoder is not None
    assert plain.encoder is not None
    assert made.encoder.fill == plain.encoder.fill, "fitted on values that were there"
