"""A study from spec to folder: what is in the result, what is read, what happens the second time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats as scipy_stats

from wellfit.data import load
from wellfit.errors import InterruptedStudyError, RecipeError
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study, read_study
from wellfit.study.run import run_study
from wellfit.study.store import Store
from wellfit.study.trained import find_card, load_model
from wellfit.train.events import EpochEnded, Event, MemberFinished

VALUES = ("val_loss", "val_accuracy", "train_loss", "train_accuracy", "gap", "test_loss", "test_accuracy")


def small(**study: Any) -> StudySpec:
    """Digits, 300 samples, 4 arms x 3 seeds x 4 epochs."""
    values = {
        "data": {"source": "digits", "limit": 300},
        "model": {"hidden": [16]},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 32,
        "epochs": 4,
        "study": {"seeds": 3, "factors": {"dropout": {"rate": 0.3}, "l2": {"strength": 0.01}}} | study,
    }
    return parse_study(values, name="small")


def numbers(result: dict[str, Any]) -> dict[str, Any]:
    """What two runs of one study must share: everything but times."""
    return {
        "arms": [{key: value for key, value in arm.items() if key != "seconds"} for arm in result["arms"]],
        **{key: result[key] for key in ("contrasts", "interactions", "main_effects", "best", "seeds", "status")},
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("study") / "small"
    return run_study(small(), folder, certificates=2), folder


def test_the_result_is_the_designs(done: tuple[dict[str, Any], Path]) -> None:
    result, folder = done
    assert json.loads((folder / "result.json").read_text()).keys() == result.keys()
    assert set(result) >= {
        *("name", "status", "data", "metric", "control", "seeds", "arms", "contrasts", "interactions"),
        *("best", "plan", "certificate", "environment", "seconds"),
    }
    assert (result["name"], result["status"], result["control"]) == ("small", "complete", "plain")
    assert [arm["name"] for arm in result["arms"]] == ["plain", "dropout", "l2", "dropout+l2"]
    for arm in result["arms"]:
        assert arm["epochs_run"] == [4, 4, 4]
        for metric in VALUES:
            values = arm[metric]["values"]
            assert len(values) == 3
            assert arm[metric]["mean"] == pytest.approx(np.mean(values))
            low, high = scipy_stats.t.interval(0.95, 2, np.mean(values), scipy_stats.sem(values))
            assert arm[metric]["ci95"] == pytest.approx([low, high])
        assert arm["gap"]["values"] == pytest.approx(
            [v - t for v, t in zip(arm["val_loss"]["values"], arm["train_loss"]["values"], strict=True)]
        )
    assert len(result["interactions"]) == 4  # one pair of factors, four metrics


def test_contrasts_are_scipys_paired_t(done: tuple[dict[str, Any], Path]) -> None:
    result, _ = done
    arms = {arm["name"]: arm for arm in result["arms"]}
    for contrast in result["contrasts"]:
        a, b = arms[contrast["arm"]][contrast["metric"]]["values"], arms["plain"][contrast["metric"]]["values"]
        if np.ptp(np.subtract(a, b)) == 0:
            continue  # accuracies on few samples may tie on every seed
        assert contrast["difference"] == pytest.approx(np.mean(np.subtract(a, b)))
        assert contrast["p"] == pytest.approx(scipy_stats.ttest_rel(a, b).pvalue)
        assert contrast["p_holm"] >= contrast["p"]
        assert contrast["seeds_needed"] >= 2


def test_the_test_set_is_read_once_and_never_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wellfit.study.sealed as sealed

    order: list[str] = []
    seen = sealed._score

    def noted(*arguments: Any, **options: Any) -> Any:
        order.append("test")
        return seen(*arguments, **options)

    monkeypatch.setattr(sealed, "_score", noted)
    result = run_study(
        small(seeds=2), tmp_path / "s", listen=lambda e: order.append("end") if isinstance(e, MemberFinished) else None
    )
    assert order == ["end"] * 8 + ["test"] * 8
    assert result["data"]["test_reads"] == 1
    run_study(small(seeds=2), tmp_path / "s")
    with Store.open(tmp_path / "s" / "results.db", "small") as store:
        assert store.test_reads() == 1


def test_the_certificate_is_exact(done: tuple[dict[str, Any], Path]) -> None:
    certificate = done[0]["certificate"]
    assert len(certificate["members"]) == 2
    assert certificate["largest"] == 0.0


def test_the_best_model_predicts_as_the_study_measured(done: tuple[dict[str, Any], Path]) -> None:
    result, folder = done
    best = result["best"]
    assert (folder / best["model"]).exists()
    model = load_model(find_card(folder))
    assert (model.arm, model.seed) == (best["arm"], best["seed"])
    spec = small()
    dataset = load(spec.recipe.data)
    from wellfit.data import split

    rows = split(dataset, spec.recipe.data.split, seed=model.seed).test
    chance = model.predict(dataset.x[rows])
    arm = next(arm for arm in result["arms"] if arm["name"] == best["arm"])
    accuracy = float((chance.argmax(1) == dataset.y[rows]).float().mean())
    assert accuracy == pytest.approx(arm["test_accuracy"]["values"][result["seeds"].index(model.seed)])
    assert torch.allclose(chance.sum(1), torch.ones(len(rows)), atol=1e-5)


def test_the_effective_study_is_written_and_read_back(done: tuple[dict[str, Any], Path]) -> None:
    assert read_study(done[1] / "study.yaml") == small()


def test_a_second_call_runs_nothing(done: tuple[dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    result, folder = done
    monkeypatch.setattr("wellfit.study.run.prepare", None)  # it would fail if anything were loaded
    assert numbers(run_study(small(), folder)) == numbers(json.loads(json.dumps(result)))


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def interrupt_after(epochs: int, how: type[BaseException]) -> Callable[[Event], None]:
    left = [epochs]

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded):
            left[0] -= 1
            if left[0] == 0:
                raise how

    return listen


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_interrupted_goes_on_to_the_same_result(done: tuple[dict[str, Any], Path], tmp_path: Path, after: int) -> None:
    with pytest.raises(InterruptedStudyError, match="the same command goes on from here"):
        run_study(small(), tmp_path, listen=interrupt_after(after, KeyboardInterrupt))
    said = json.loads((tmp_path / "result.json").read_text())
    assert said["status"] == "interrupted"
    assert all(arm["test_loss"] is None for arm in said["arms"])
    epochs: list[int] = []
    result = run_study(
        small(), tmp_path, listen=lambda e: epochs.append(e.epoch) if isinstance(e, EpochEnded) else None
    )
    assert epochs == list(range(after, 5)), "only the epoch under way was lost"
    assert numbers(result) == numbers(done[0])


def test_killed_goes_on_to_the_same_result(done: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    for after in (1, 2, 1):
        with pytest.raises(Killed):
            run_study(small(), tmp_path, listen=interrupt_after(after, Killed))
    assert numbers(run_study(small(), tmp_path)) == numbers(done[0])
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_more_seeds_and_arms_keep_what_is_done(done: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    run_study(small(seeds=2), tmp_path)
    ran: list[tuple[str, int]] = []
    more = small(arms={"wide": {"model": {"hidden": [32]}}})
    result = run_study(
        more,
        tmp_path,
        listen=lambda e: ran.append((e.record.arm, e.record.seed)) if isinstance(e, MemberFinished) else None,
    )
    assert set(ran) == {(arm, 2) for arm in ("plain", "dropout", "l2", "dropout+l2")} | {("wide", s) for s in range(3)}
    assert numbers(result)["arms"][:4] == [
        arm | {"verdict": found["verdict"], "findings": found["findings"], "words": found["words"]}
        for arm, found in zip(numbers(done[0])["arms"], result["arms"], strict=False)
    ]
    assert result["data"]["test_reads"] == 2, "a later reading is counted"


def test_another_recipe_in_the_same_folder_is_refused(done: tuple[dict[str, Any], Path]) -> None:
    other = small(seeds=4).model_copy(update={"recipe": small().recipe.model_copy(update={"batch_size": 16})})
    with pytest.raises(RecipeError, match=r"batch_size: is 16 now and was 32 .*--fresh"):
        run_study(other, done[1])


def test_other_data_is_refused(tmp_path: Path) -> None:
    def write(shift: float) -> None:
        x = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32) + np.float32(shift)
        np.savez(tmp_path / "d.npz", x=x, y=(x[:, 0] > x[:, 0].mean()).astype(np.int64))

    values = {"data": str(tmp_path / "d.npz"), "epochs": 1, "batch_size": 16, "model": {"hidden": [4]}}
    write(0)
    run_study(parse_study(values), tmp_path / "out")
    write(1)
    with pytest.raises(RecipeError, match="has changed since this study was begun"):
        run_study(parse_study(values | {"study": {"seeds": 2}}), tmp_path / "out")
    assert run_study(parse_study(values), tmp_path / "out", fresh=True)["status"] == "complete"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch_size": 5000}, r"arm plain, batch_size: received 5000, larger than the \d+ train samples"),
        ({"loss": "mse"}, "arm plain, loss: mse for classification; expected cross_entropy for classes"),
        ({"model": {"kind": "cnn", "channels": [4, 4, 4, 4]}}, "model.channels: 4 blocks, each halving the image"),
        (
            {"regularizers": {"dropout": {"rate": -0.1}}},
            r"regularizers\.dropout\.rate: received -0\.1; expected at least 0",
        ),
        ({"regularizers": {"l3": {}}}, "unknown regularizer; expected 'l2'|expected 'l1'"),
    ],
)
def test_bad_recipes_stop_before_anything_is_written(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    values = {"data": {"source": "digits", "limit": 300}, "model": {"hidden": [4]}} | change
    with pytest.raises(Exception, match=said) as caught:
        run_study(parse_study(values), tmp_path / "out")
    assert getattr(caught.value, "exit_code", None) == 2
    assert not (tmp_path / "out").exists()


def test_a_study_in_which_an_arm_diverges(tmp_path: Path) -> None:
    spec = small(arms={"wild": {"optimizer": {"lr": 1e30}}})
    result = run_study(spec, tmp_path)
    wild = next(arm for arm in result["arms"] if arm["name"] == "wild")
    assert wild["verdict"] == "diverged"
    assert wild["val_loss"] is None
    assert wild["best_epoch"] == [0, 0, 0]
    assert result["best"]["arm"] != "wild"
    contrast = next(c for c in result["contrasts"] if c["arm"] == "wild")
    assert contrast["difference"] is None
    assert not (tmp_path / "models" / "wild").exists()
    assert all(math.isfinite(arm["val_loss"]["mean"]) for arm in result["arms"] if arm["name"] != "wild")


def test_regression_from_a_table(tmp_path: Path) -> None:
    from sklearn.datasets import load_diabetes

    frame = load_diabetes(as_frame=True).frame
    frame.to_csv(tmp_path / "d.csv", index=False)
    values = {
        "data": {"source": str(tmp_path / "d.csv"), "target": "target", "task": "regression"},
        "model": {"hidden": [16]},
        "optimizer": {"kind": "adam", "lr": 0.005},
        "epochs": 15,
        "study": {"seeds": 2, "factors": {"dropout": {"rate": 0.2}}},
    }
    result = run_study(parse_study(values), tmp_path / "out")
    plain = result["arms"][0]
    assert plain["val_accuracy"] is None
    assert plain["test_loss"]["mean"] < 0.75, "in variances of the target: the mean alone gives 1"
    model = load_model(find_card(tmp_path / "out"))
    x = torch.tensor(frame.drop(columns="target").to_numpy(), dtype=torch.float32)
    answers = model.predict(x)[:, 0].numpy()
    assert np.corrcoef(answers, frame["target"])[0, 1] > 0.6
    assert abs(answers.mean() - frame["target"].mean()) < 25, "back in the target's own units"


def test_an_epoch_that_ends_on_a_batch_of_one_is_refused_for_batch_norm(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch.nn as nn\n"
        "def net(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))\n"
    )
    values = {"data": {"source": "digits", "limit": 300}, "model": {"import": f"{tmp_path}/net.py:net"}, "epochs": 1}
    said = "of 270 train samples the last batch has 1, which the network refuses"
    with pytest.raises(RecipeError, match=said):
        run_study(parse_study(values | {"batch_size": 269}), tmp_path / "out")
    assert run_study(parse_study(values | {"batch_size": 135}), tmp_path / "out")["status"] == "complete"


def test_a_checkpoint_of_another_recipe_is_not_taken_up(tmp_path: Path) -> None:
    """Two studies of one folder, the first interrupted: arms and seeds have the same names, but not the same recipe."""
    slow = parse_study(small().to_dict() | {"name": "slow", "optimizer": {"kind": "sgd", "lr": 0.001}})
    alone = run_study(slow, tmp_path / "alone")
    with pytest.raises(InterruptedStudyError):
        run_study(small(), tmp_path / "both", listen=interrupt_after(2, KeyboardInterrupt))
    assert numbers(run_study(slow, tmp_path / "both")) == numbers(alone)


def test_a_result_of_another_study_in_the_folder_is_not_returned(tmp_path: Path) -> None:
    first, other = small(seeds=1), parse_study(small(seeds=1).to_dict() | {"name": "other"})
    run_study(first, tmp_path)
    run_study(other, tmp_path)
    assert run_study(first, tmp_path)["name"] == "small"
    more = small(seeds=2)
    with pytest.raises(InterruptedStudyError):
        run_study(more, tmp_path, listen=interrupt_after(1, KeyboardInterrupt))
    again = run_study(first, tmp_path)
    assert (again["status"], again["seeds"]) == ("complete", [0])


def test_a_certificate_can_be_asked_for_later(tmp_path: Path) -> None:
    assert run_study(small(seeds=1), tmp_path)["certificate"] is None
    certificate = run_study(small(seeds=1), tmp_path, certificates=1)["certificate"]
    assert certificate["largest"] == 0.0
    assert certificate["largest_loss"] < 1e-5


def test_a_network_that_answers_nan_is_never_the_best(tmp_path: Path) -> None:
    values = small(arms={"wild": {"optimizer": {"lr": 1e30}}}, metric="val_accuracy").to_dict()
    result = run_study(parse_study(values | {"monitor": "val_accuracy"}), tmp_path)
    wild = next(arm for arm in result["arms"] if arm["name"] == "wild")
    assert wild["best_epoch"] == [0, 0, 0]
    assert wild["val_accuracy"] is None


def test_tied_weights_and_passing_buffers_are_saved_and_read(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nimport torch.nn as nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a, self.b, self.c = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)\n"
        "        self.act = nn.ReLU()\n"
        "        self.b.weight = self.a.weight\n"
        "        self.register_buffer('shift', torch.full((64,), 0.1), persistent=False)\n"
        "    def forward(self, x):\n"
        "        return self.c(self.act(self.b(self.act(self.a(x.flatten(1) + self.shift)))))\n"
    )
    values = {"data": {"source": "digits", "limit": 300}, "model": {"import": f"{tmp_path}/net.py:Net"}, "epochs": 2}
    result = run_study(parse_study(values), tmp_path / "out", certificates=1)
    assert result["status"] == "complete"
    assert result["certificate"]["largest_loss"] < 1e-5
    assert load_model(find_card(tmp_path / "out")).predict(torch.zeros(3, 1, 8, 8, dtype=torch.uint8)).shape == (3, 10)
