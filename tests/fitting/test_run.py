"""A fit from recipe to folder: what is decided, what is read, what happens after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fitting.conftest import small
from wellfit.diagnosis import Diagnosis
from wellfit.errors import InputError, InterruptedStudyError, RecipeError
from wellfit.fitting import run_fit
from wellfit.fitting.events import FitEvent, Step
from wellfit.fitting.gains import Sealed
from wellfit.recipe_file import read_study
from wellfit.stats.crossed import crossed_difference
from wellfit.study.run import run_study
from wellfit.study.store import Store
from wellfit.study.trained import find_card, load_model
from wellfit.train.events import EpochEnded, MemberFinished

AMPLE = 3600.0


def numbers(value: Any) -> Any:
    """What two runs of one fit must share: all but times."""
    if isinstance(value, dict):
        return {key: numbers(each) for key, each in value.items() if key not in ("seconds", "environment")}
    return [numbers(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, list[FitEvent]]:
    patch = pytest.MonkeyPatch()
    from tests.fitting import standin

    patch.setattr("wellfit.fitting.trials.candidates", standin.candidates)
    patch.setattr("wellfit.fitting.search.look_at_labels", lambda session: {"label_noise": None, "plan": None})
    folder = tmp_path_factory.mktemp("fit") / "small"
    events: list[FitEvent] = []
    result = run_fit(small(), folder, budget=AMPLE, listen=events.append)
    patch.undo()
    return result, folder, events


Done = tuple[dict[str, Any], Path, list[FitEvent]]


def test_the_result_is_a_studys_with_a_block_of_its_own(done: Done) -> None:
    result, folder, _ = done
    assert json.loads((folder / "result.json").read_text()) == json.loads(json.dumps(result))
    assert result["status"] == "complete"
    assert result["control"] == "plain"
    assert result["seeds"] == [0, 1, 2]
    block = result["fit"]
    assert set(block) >= {"rounds", "baseline", "final", "simple", "ended", "budget", "words", "advice"}
    first = block["rounds"][0]
    assert first["control"] == "plain"
    assert [each["name"] for each in first["remedies"][:3]] == ["lr=0.3", "epochs=8", "dropout=0.5"]
    keys = {
        "arm",
        "name",
        "finding",
        "change",
        "reason",
        "source",
        "harm",
        "patch",
        "seeds",
        "left",
        "validation",
        "test",
    }
    for remedy in first["remedies"]:
        assert set(remedy) >= keys | {"metric", "verdict_after", "outcome"}
        assert set(remedy["validation"]) == {"difference", "ci95", "p_holm"}
    trained = {arm["name"] for arm in result["arms"]}
    assert trained == {"plain", *(each["arm"] for r in block["rounds"] for each in r["remedies"])}
    assert block["simple"]["kind"] == "logistic regression"
    assert block["words"].startswith("The baseline is")


def test_what_helps_on_validation_is_taken_and_gone_on_from(done: Done) -> None:
    result, folder, _ = done
    block = result["fit"]
    arms = {arm["name"]: arm for arm in result["arms"]}
    first, second = block["rounds"][0], block["rounds"][1]
    means = {name: arm["val_loss"]["mean"] for name, arm in arms.items()}
    tried = [each["arm"] for each in first["remedies"]]
    assert first["winner"] == min(tried, key=lambda name: means[name]) == "lr=0.3 + epochs=8"
    assert [each["name"] for each in second["remedies"]] == ["weight_decay=0.01"]
    assert second["control"] == first["winner"]
    assert block["final"]["arm"] == result["best"]["arm"]
    assert means[block["final"]["arm"]] < means["plain"] / 1.5
    assert (folder / result["best"]["model"]).exists()
    model = load_model(find_card(folder))
    assert model.arm == block["final"]["arm"]
    assert model.predict(torch.zeros(2, 4)).shape == (2, 3)


def test_gains_are_measured_on_the_sealed_set_by_pairs(done: Done) -> None:
    result, folder, _ = done
    sealed = Sealed(folder, "val_loss")
    arms = {arm["name"]: arm for arm in result["arms"]}
    remedies = result["fit"]["rounds"][0]["remedies"]
    count = sum(len(each["remedies"]) for each in result["fit"]["rounds"])
    assert count > len(remedies)
    for remedy in remedies:
        rows = []
        for at, seed in enumerate(result["seeds"]):
            each, control = sealed.read((remedy["arm"], seed)), sealed.read(("plain", seed))
            assert each is not None
            assert control is not None
            assert -each.mean() == pytest.approx(arms[remedy["arm"]]["test_loss"]["values"][at], rel=1e-6)
            rows.append(each - control)
        expected = crossed_difference(np.stack(rows), simultaneous=count)
        assert expected is not None
        assert remedy["test"]["difference"] == pytest.approx(expected.difference)
        assert remedy["test"]["ci95"] == pytest.approx(list(expected.ci95))  # type: ignore[arg-type]
    whole = result["fit"]["final"]["gain"]
    losses = [block["test_loss"]["mean"] for block in (result["fit"]["baseline"], result["fit"]["final"])]
    assert whole["difference"] == pytest.approx(losses[0] - losses[1], rel=1e-6)


def test_the_test_set_is_read_once_when_all_is_decided(done: Done) -> None:
    result, _folder, events = done
    assert result["data"]["test_reads"] == 1
    reading = next(at for at, each in enumerate(events) if isinstance(each, Step) and "sealed test set" in each.words)
    assert not any(isinstance(each, EpochEnded) for each in events[reading:])


def test_combinations_are_both_changes_at_once(done: Done) -> None:
    result, _, _ = done
    arms = {arm["name"]: arm["recipe"] for arm in result["arms"]}
    together = [name for name in arms if " + " in name]
    assert together
    for name in together:
        assert ("epochs=8" in name) == (arms[name]["epochs"] == 8)
        assert ("weight_decay" in name) == ("weight_decay" in arms[name]["regularizers"])
        assert ("lr=0.3" in name) == (arms[name]["optimizer"]["lr"] == 0.3)


def test_a_complete_fit_answers_at_once_whatever_the_budget(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    result, folder, _ = done
    monkeypatch.setattr("wellfit.fitting.run.Bench", lambda *_, **__: pytest.fail("the data was loaded"))
    again = run_fit(small(), folder, budget=5)
    assert again == json.loads(json.dumps(result))


def test_its_study_file_is_a_study(done: Done, tmp_path: Path) -> None:
    result, folder, _ = done
    spec = read_study(folder / "study.yaml")
    again = run_study(spec, tmp_path / "study")
    assert [arm["name"] for arm in again["arms"]] == [arm["name"] for arm in result["arms"]]
    for mine, theirs in zip(result["arms"], again["arms"], strict=True):
        if len(mine["seeds"]) == len(theirs["seeds"]):
            assert mine["val_loss"]["values"] == theirs["val_loss"]["values"]


@pytest.mark.parametrize("changes", [{"epochs": 5}, {"seeds": 2}, {"data": "wine"}])
def test_another_recipe_is_refused(done: Done, changes: dict[str, Any]) -> None:
    _, folder, _ = done
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(RecipeError, match="when this fit was begun"):
        run_fit(small(**changes), folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


class Killed(BaseException):
    """The process ends here."""


def stopping(after: int, error: type[BaseException]) -> Callable[[FitEvent], None]:
    """Raise at the n-th event of a fit."""
    left = iter(range(after))

    def listen(event: FitEvent) -> None:
        if next(left, None) is None:
            raise error

    return listen


@pytest.mark.usefixtures("few_remedies")
@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt])
def test_after_a_kill_the_same_is_decided(done: Done, tmp_path: Path, error: type[BaseException]) -> None:
    result, _, _events = done
    folder = tmp_path / "fit"
    raised = InterruptedStudyError if error is KeyboardInterrupt else Killed
    for after in (2, 5, 8, 11, 14, 17):
        with pytest.raises(raised):
            run_fit(small(), folder, budget=AMPLE, listen=stopping(after, error))
        assert not (folder / "result.json").exists()
    assert numbers(run_fit(small(), folder, budget=AMPLE)) == numbers(json.loads(json.dumps(result)))
    assert not list((folder / "checkpoints").glob("*"))


@pytest.mark.usefixtures("few_remedies")
def test_a_kill_while_the_test_set_is_read(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _, _ = done
    folder, keep, calls = tmp_path / "fit", Sealed.keep, iter(range(4))

    def failing(self: Sealed, *arguments: Any) -> None:
        keep(self, *arguments)
        if next(calls, None) is None:
            raise Killed

    monkeypatch.setattr(Sealed, "keep", failing)
    with pytest.raises(Killed):
        run_fit(small(), folder, budget=AMPLE)
    monkeypatch.setattr(Sealed, "keep", keep)
    trained: list[FitEvent] = []
    again = run_fit(small(), folder, budget=AMPLE, listen=trained.append)
    assert not any(isinstance(each, EpochEnded | MemberFinished) for each in trained)
    expected = numbers(json.loads(json.dumps(result)))
    expected["data"]["test_reads"] = 2  # it says so
    assert numbers(again) == expected


@pytest.mark.usefixtures("few_remedies")
def test_fresh_forgets_all(tmp_path: Path) -> None:
    folder = tmp_path / "fit"
    run_fit(small(), folder, budget=AMPLE)
    other = run_fit(small(seeds=2, epochs=2), folder, budget=AMPLE, fresh=True)
    assert other["seeds"] == [0, 1]
    with Store.open(folder / "results.db", "small-fit", create=False) as store:
        assert {seed for _, seed in store.finished()} == {0, 1}


@pytest.mark.usefixtures("few_remedies")
def test_a_budget_that_is_too_small_has_its_baseline(tmp_path: Path) -> None:
    result = run_fit(small(epochs=30), tmp_path / "fit", budget=1.0)
    block = result["fit"]
    assert block["ended"] == "budget"
    assert block["final"]["arm"] == "plain"
    assert block["rounds"] == []
    assert block["baseline"]["verdict"]
    assert "budget" in block["words"]
    assert result["best"]["arm"] == "plain"


@pytest.mark.usefixtures("few_remedies")
def test_where_nothing_can_help_it_says_so(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    path = tmp_path / "coin.npz"
    np.savez(path, x=draw.normal(size=(300, 8)).astype(np.float32), y=draw.integers(0, 2, 300))
    result = run_fit(small(data=str(path)), tmp_path / "fit", budget=AMPLE)
    block = result["fit"]
    assert block["final"]["arm"] == "plain"
    assert block["final"]["gain"] is None
    assert all(each["winner"] is None for each in block["rounds"])
    assert block["simple"]["val_loss"] == pytest.approx(np.log(2), abs=0.1)
    assert "Nothing helped" in block["words"]


@pytest.mark.usefixtures("few_remedies")
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_baseline_that_diverges_is_cured(tmp_path: Path) -> None:
    result = run_fit(small(optimizer={"lr": 1e30}), tmp_path / "fit", budget=AMPLE)
    block = result["fit"]
    assert block["rounds"][0]["verdict"] == "diverged"
    outcomes = {each["name"]: each["outcome"] for each in block["rounds"][0]["remedies"]}
    assert outcomes["lr=0.3"] in ("BETTER", "CURED")
    assert outcomes["epochs=8"] == "INCONCLUSIVE"  # it diverged as well
    assert block["final"]["arm"].startswith("lr=0.3")
    assert "The baseline diverged" in block["words"]
    assert result["best"]["arm"] == block["final"]["arm"]


def test_nobody_leaves_after_the_last_look(done: Done) -> None:
    result, _folder, _ = done
    assert len(result["seeds"]) == 3
    assert all(remedy["left"] is None for each in result["fit"]["rounds"] for remedy in each["remedies"])


@pytest.mark.usefixtures("few_remedies")
@pytest.mark.parametrize(("data", "metric"), [("iris", "val_accuracy"), ("diabetes", "val_loss")])
def test_other_metrics_and_numbers(tmp_path: Path, data: str, metric: str) -> None:
    spec = small(data=data, study={"seeds": 3, "metric": metric})
    result = run_fit(spec, tmp_path / "fit", budget=AMPLE)
    name = metric.replace("val", "test")
    arms = {arm["name"]: arm for arm in result["arms"]}
    for remedy in result["fit"]["rounds"][0]["remedies"]:
        assert remedy["metric"] == name
        difference = arms[remedy["arm"]][name]["mean"] - arms["plain"][name]["mean"]
        sign = 1 if metric == "val_accuracy" else -1
        assert remedy["test"]["difference"] == pytest.approx(sign * difference, abs=1e-6)


@pytest.mark.usefixtures("few_remedies")
def test_a_remedy_that_cannot_be_trained_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fitting import standin

    broken = {"augment": ({"rotation": {"degrees": 10}}, "rotation"), **standin.OFFERED}
    monkeypatch.setattr(standin, "OFFERED", broken)
    result = run_fit(small(epochs=2), tmp_path / "fit", budget=AMPLE)
    skipped = result["fit"]["rounds"][0]["skipped"]
    assert skipped[0]["name"] == "augment"
    assert "the data are vectors" in skipped[0]["why"]
    assert "augment" not in {arm["name"] for arm in result["arms"]}


def test_bad_input_leaves_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "fit"
    for spec, budget in ((small(data="nothing-of-that-name"), AMPLE), (small(), 0.0), (small(loss="mse"), AMPLE)):
        with pytest.raises(InputError):
            run_fit(spec, folder, budget=budget)
    with pytest.raises(RecipeError, match="fit chooses the arms"):
        run_fit(small(study={"factors": {"dropout": {"rate": 0.3}}}), folder)
    assert not folder.exists()


def test_a_study_in_the_folder_is_not_overwritten(tmp_path: Path) -> None:
    run_study(small(seeds=1), tmp_path)
    with pytest.raises(InputError, match="holds a study that is no fit"):
        run_fit(small(), tmp_path)


def test_diagnoses_are_of_the_seeds(done: Done) -> None:
    result, _, _ = done
    verdicts = {"underfit", "well-fit", "overfit", "diverged", "unconverged", "unclear"}
    for each in result["fit"]["rounds"]:
        assert each["verdict"] in verdicts
        assert all(remedy["verdict_after"] in verdicts for remedy in each["remedies"])
    assert Diagnosis.__slots__  # the real one: nothing of the diagnosis is stood in for
