"""Folds and groups give seeds of unequal train sizes: they train apart, and are compared as one study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from wellfit.data import load
from wellfit.errors import InterruptedStudyError
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study
from wellfit.study.run import run_study
from wellfit.train.events import EpochEnded, Event, PopulationStarted
from wellfit.train.replicate import make_replicate

GROUPS = (31, 7, 22, 13, 40, 18, 9, 27)
"""Rows of each group: no two ways to choose whole groups need leave the same number for train."""


def write_groups(path: Path) -> None:
    draw = np.random.default_rng(3)
    who = np.repeat(np.arange(len(GROUPS)), GROUPS)
    kind = np.arange(len(who)) % 2
    x = draw.normal(size=(len(who), 3)) + kind[:, None] + who[:, None] / 10
    table = {f"x{i}": x[:, i] for i in range(3)} | {"who": [f"p{w}" for w in who], "kind": np.where(kind, "b", "a")}
    pd.DataFrame(table).to_csv(path, index=False)


def study(data: Mapping[str, Any], **changes: Any) -> StudySpec:
    values = {
        "data": dict(data),
        "model": {"kind": "mlp", "hidden": [8]},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 16,
        "epochs": 3,
        "study": {"seeds": 3, "factors": {"dropout": {"rate": 0.3}, "l2": {"strength": 0.01}}} | changes,
    }
    return parse_study(values, name="unequal")


@pytest.fixture(scope="module", params=["k_fold", "grouped"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if request.param == "k_fold":  # 241 samples beside the test: folds of 81, 80 and 80
        return {"source": "digits", "limit": 241, "split": {"kind": "k_fold", "folds": 3}}
    path = tmp_path_factory.mktemp("groups") / "groups.csv"
    write_groups(path)
    return {"source": str(path), "target": "kind", "group": "who", "split": {"kind": "grouped", "validation": 0.25}}


@pytest.fixture(scope="module")
def done(data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[Event]]:
    """The result of the study, and what happened."""
    events: list[Event] = []
    folder = tmp_path_factory.mktemp("done")
    return run_study(study(data), folder, certificates=4, listen=events.append), events


def values(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in arm.items() if key != "seconds"} for arm in result["arms"]]


def test_seeds_of_one_size_train_together(data: dict[str, Any], done: tuple[dict[str, Any], list[Event]]) -> None:
    spec = study(data).recipe.data
    dataset = load(spec)
    sizes = {}
    for seed in range(3):
        parts = make_replicate(dataset, spec, seed).split
        sizes[seed] = len(parts.train), len(parts.validation)
    assert len(set(sizes.values())) > 1
    started = [event.members for event in done[1] if isinstance(event, PopulationStarted)]
    assert sorted(key for members in started for key in members) == sorted(
        (arm, seed) for arm in ("plain", "dropout", "l2", "dropout+l2") for seed in range(3)
    )
    assert [len({sizes[seed] for _, seed in members}) for members in started] == [1] * len(set(sizes.values()))


def test_the_certificate_is_exact(done: tuple[dict[str, Any], list[Event]]) -> None:
    certificate = done[0]["certificate"]
    assert len(certificate["members"]) == 4
    assert certificate["largest"] == 0.0
    assert certificate["largest_loss"] < 1e-5


def test_arms_are_paired_by_seed(done: tuple[dict[str, Any], list[Event]]) -> None:
    result = done[0]
    arms = {arm["name"]: arm for arm in result["arms"]}
    assert all(arm["seeds"] == [0, 1, 2] for arm in result["arms"])
    compared = [one for one in result["contrasts"] if one["metric"] in ("val_loss", "test_loss")]
    assert len(compared) == 6
    for one in compared:
        a, b = (arms[name][one["metric"]]["values"] for name in (one["arm"], "plain"))
        assert one["n"] == 3
        assert one["difference"] == pytest.approx(np.mean(np.subtract(a, b)))
        assert one["p"] == pytest.approx(scipy_stats.ttest_rel(a, b).pvalue)


def test_a_seed_is_the_same_without_the_others(
    data: dict[str, Any], done: tuple[dict[str, Any], list[Event]], tmp_path: Path
) -> None:
    for seed in (2, 0):
        alone = run_study(study(data, seeds=[seed]), tmp_path / str(seed))
        for arm, whole in zip(alone["arms"], done[0]["arms"], strict=True):
            assert arm["val_loss"]["values"] == [whole["val_loss"]["values"][seed]]
            assert arm["test_loss"]["values"] == [whole["test_loss"]["values"][seed]]


def test_interrupted_in_each_population_it_goes_on_to_the_same_result(
    data: dict[str, Any], done: tuple[dict[str, Any], list[Event]], tmp_path: Path
) -> None:
    def interrupted_at(epochs: int) -> None:
        left = [epochs]

        def listen(event: Event) -> None:
            if isinstance(event, EpochEnded):
                left[0] -= 1
                if not left[0]:
                    raise KeyboardInterrupt

        with pytest.raises(InterruptedStudyError):
            run_study(study(data), tmp_path, listen=listen)

    interrupted_at(2)
    interrupted_at(4)  # one epoch was lost: two more of the first population, and two of the second
    result = run_study(study(data), tmp_path)
    assert values(result) == values(done[0])
    assert result["contrasts"] == done[0]["contrasts"]
    assert not list((tmp_path / "checkpoints").iterdir())
