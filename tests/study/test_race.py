"""A race inside a study: who is surely beaten leaves, who stays is undisturbed, and a killed race decides the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from wellfit.errors import InterruptedStudyError, RecipeError
from wellfit.recipe import Recipe, StudySpec
from wellfit.recipe_file import parse_study
from wellfit.record import EpochRow
from wellfit.stats.epoch_race import looks_over
from wellfit.study.design import Arm
from wellfit.study.race import META, Course
from wellfit.study.run import run_study
from wellfit.study.settled import NEVER, first_look
from wellfit.study.store import Store
from wellfit.train.events import EpochEnded, Event, MemberFinished

ARMS: dict[str, Any] = {
    "low": {"optimizer": {"lr": 1e-5}},
    "lower": {"optimizer": {"lr": 1e-6}},
    "l2": {"l2": {"strength": 1e-4}},
    "wide": {"model": {"hidden": [32]}},
    "wide-low": {"model": {"hidden": [32]}, "optimizer": {"lr": 1e-5}},
}
LOOKS = (4, 6)


def spec(*, base: Mapping[str, Any] | None = None, **study: Any) -> StudySpec:
    """Digits, 300 samples, 6 arms in two populations x 3 seeds x 8 epochs."""
    values = {
        "data": {"source": "digits", "limit": 300},
        "model": {"hidden": [16]},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 32,
        "epochs": 8,
        **(base or {}),
    }
    return parse_study({**values, "study": {"seeds": 3, "racing": True, "arms": ARMS} | study}, name="race")


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    """What two runs of one study must share: everything but times."""
    arms = [{key: value for key, value in arm.items() if key != "seconds"} for arm in result["arms"]]
    kept = {"arms": arms, **{key: result[key] for key in ("contrasts", "best", "racing", "status")}}
    plain: dict[str, Any] = json.loads(json.dumps(kept))
    return plain


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("raced")
    return run_study(spec(), folder, certificates=2), folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("whole")
    return run_study(spec(racing=False), folder), folder


def test_the_planted_bad_arms_leave_and_the_others_stay(raced: tuple[dict[str, Any], Path]) -> None:
    result, _ = raced
    assert looks_over(8) == LOOKS
    assert {one["arm"]: one["epoch"] for one in result["racing"]["left"]} == {"low": 4, "lower": 4, "wide-low": 4}
    arms = {arm["name"]: arm for arm in result["arms"]}
    for name in ("low", "lower", "wide-low"):
        assert arms[name]["status"] == ["beaten"] * 3
        assert arms[name]["epochs_run"] == [4] * 3
    for name in ("plain", "l2", "wide"):
        assert arms[name]["status"] == ["complete"] * 3
        assert arms[name]["epochs_run"] == [8] * 3
    assert result["racing"]["epochs"] == 9 * 8 + 9 * 4
    assert result["racing"]["epochs_in_full"] == 18 * 8
    assert set(result["racing"]["winners"]) <= {"plain", "l2", "wide"}
    assert result["best"]["arm"] in result["racing"]["winners"]


def test_what_is_said_of_who_left_is_what_the_curves_say(raced: tuple[dict[str, Any], Path]) -> None:
    result, folder = raced
    with Store.open(folder / "results.db", "race", create=False) as store:
        records = store.finished()
    for one in result["racing"]["left"]:
        rows = {seed: records[one["arm"], seed].curves for seed in range(3)}
        rival = {seed: records[one["by"], seed].curves for seed in range(3)}
        seen = 8 if (one["arm"], one["by"]) in (("wide-low", "plain"), ("wide-low", "l2")) else 4
        own = [min(row.val_loss for row in rows[seed]) for seed in range(3)]
        other = [min(row.val_loss for row in rival[seed][:seen]) for seed in range(3)]
        assert one["difference"] == pytest.approx(sum(own) / 3 - sum(other) / 3)
        assert one["ci95"][0] < one["difference"] < one["ci95"][1]
        assert 0 < one["hoped"] <= one["difference"]


def test_who_stays_is_undisturbed(raced: tuple[dict[str, Any], Path], whole: tuple[dict[str, Any], Path]) -> None:
    """The weights that are handed over, and the curves, are those of the full study, bit by bit."""
    for arm in ("plain", "l2", "wide"):
        for seed in range(3):
            ours, theirs = (load_file(folder / f"models/{arm}/{seed}.safetensors") for _, folder in (raced, whole))
            assert all(ours[name].equal(theirs[name]) for name in theirs)
    own, full = ({arm["name"]: arm for arm in result["arms"]} for result, _ in (raced, whole))
    assert all(own[arm]["val_loss"] == full[arm]["val_loss"] for arm in ("plain", "l2", "wide"))
    assert raced[0]["best"] == whole[0]["best"]
    assert "racing" not in whole[0]


def test_who_left_hands_over_its_best_so_far(
    raced: tuple[dict[str, Any], Path], whole: tuple[dict[str, Any], Path]
) -> None:
    (result, folder), (_, other) = raced, whole
    assert result["certificate"]["largest"] == 0.0, "who left is not trained again to the end"
    with Store.open(other / "results.db", "race", create=False) as store:
        curve = store.finished()["low", 0].curves
    with Store.open(folder / "results.db", "race", create=False) as store:
        record = store.finished()["low", 0]
    assert [row.val_loss for row in record.curves] == [row.val_loss for row in curve[:4]]
    assert record.best_epoch == 1 + min(range(4), key=lambda at: curve[at].val_loss)
    assert (folder / "models/low/0.safetensors").exists()


def test_contrasts_of_who_left_are_marked(raced: tuple[dict[str, Any], Path]) -> None:
    for one in raced[0]["contrasts"]:
        if one["arm"] in ("low", "lower", "wide-low"):
            assert one["left"] == 4
            assert one["p"] is one["p_holm"] is one["seeds_needed"] is None
            assert one["difference"] is not None
        else:
            assert "left" not in one
            assert one["p_holm"] >= min(1.0, 2 * one["p"]), "who left still counts for the correction"


def test_effects_of_factors_need_every_cell(tmp_path: Path) -> None:
    found = run_study(spec(arms={}, factors={"slow": {"optimizer": {"lr": 1e-5}}, "l2": {"strength": 1e-4}}), tmp_path)
    assert {one["arm"] for one in found["racing"]["left"]} >= {"slow"}
    assert found["main_effects"] == found["interactions"] == []


def test_the_control_never_leaves(tmp_path: Path) -> None:
    result = run_study(spec(control="low"), tmp_path)
    assert "low" not in {one["arm"] for one in result["racing"]["left"]}
    assert "lower" in {one["arm"] for one in result["racing"]["left"]}


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def killed_at(number: int, kind: Any) -> Callable[[Event], None]:
    """A listener that dies at the so-maniest event of a kind."""
    left = [number]

    def listen(event: Event) -> None:
        if isinstance(event, kind):
            left[0] -= 1
            if left[0] == 0:
                raise Killed

    return listen


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *((number, EpochEnded) for number in (3, 4, 5, 9, 12)),
        *((number, MemberFinished) for number in (1, 4, 6, 14, 17)),
    ],
)
def test_a_killed_race_decides_the_same(
    raced: tuple[dict[str, Any], Path], tmp_path: Path, number: int, kind: Any
) -> None:
    """In the middle of those who leave, too: some of an arm's runs are stored then, and some are not."""
    with pytest.raises(Killed):
        run_study(spec(), tmp_path, listen=killed_at(number, kind))
    result, folder = run_study(spec(), tmp_path), raced[1]
    assert outcome(result) == outcome(raced[0])
    for arm in (*ARMS, "plain"):
        ours, theirs = (load_file(at / f"models/{arm}/1.safetensors") for at in (tmp_path, folder))
        assert all(ours[name].equal(theirs[name]) for name in theirs)


def test_killed_again_and_again(raced: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    for number, kind in ((2, EpochEnded), (2, MemberFinished), (2, MemberFinished), (1, EpochEnded), (3, EpochEnded)):
        with pytest.raises(Killed):
            run_study(spec(), tmp_path, listen=killed_at(number, kind))
    assert outcome(run_study(spec(), tmp_path)) == outcome(raced[0])


def test_an_interrupted_race_has_a_result(tmp_path: Path) -> None:
    def listen(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 5:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedStudyError):
        run_study(spec(), tmp_path, listen=listen)
    said = json.loads((tmp_path / "result.json").read_text())
    assert {one["arm"] for one in said["racing"]["left"]} == {"low", "lower"}
    assert said["best"] is None


def test_a_spec_without_racing_is_written_as_before() -> None:
    assert "racing" not in spec(racing=False).to_dict()["study"]
    assert spec().to_dict()["study"]["racing"] is True


def test_a_race_does_not_go_on_as_another_one(raced: tuple[dict[str, Any], Path]) -> None:
    _, folder = raced
    before = (folder / "result.json").read_bytes(), (folder / "study.yaml").read_bytes()
    with pytest.raises(RecipeError, match=r"study\.racing: is off, and low, lower, wide-low left the race"):
        run_study(spec(racing=False), folder)
    with pytest.raises(RecipeError, match="began with other arms, seeds, epochs, metric or control"):
        run_study(spec(seeds=4), folder)
    with pytest.raises(RecipeError, match="began with other arms"):
        run_study(spec(control="l2"), folder)
    assert ((folder / "result.json").read_bytes(), (folder / "study.yaml").read_bytes()) == before


def test_fresh_begins_a_race_anew(tmp_path: Path) -> None:
    arms = {"low": ARMS["low"]}
    run_study(spec(arms=arms), tmp_path)
    again = run_study(spec(arms=arms, racing=False), tmp_path, fresh=True)
    assert all(status == "complete" for arm in again["arms"] for status in arm["status"])
    with Store.open(tmp_path / "results.db", "race", create=False) as store:
        assert store.meta(META) is None


@pytest.mark.parametrize(
    ("base", "study", "words"),
    [
        ({}, {"seeds": 1}, "study.racing: the study has 1 seed; expected 3 seeds or more"),
        ({}, {"seeds": 2}, "study.racing: the study has 2 seeds; expected 3 seeds or more"),
        ({}, {"arms": {}}, "study.racing: the study has 1 arm; expected 2 arms or more"),
        ({}, {"metric": "val_accuracy"}, "its best epoch goes by val_loss, the race by val_accuracy"),
        ({"restore": "last"}, {}, "study.racing, arm plain: restore: last hands over what can get worse"),
        ({"epochs": 4}, {}, "no arm can leave: too few epochs for a look"),
        ({"schedule": "cosine"}, {}, "change by plan after the last look, at epoch 6"),
    ],
)
def test_a_race_that_cannot_be_run_is_refused(
    tmp_path: Path, base: dict[str, Any], study: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        run_study(spec(base=base, **study), tmp_path / "out")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_folds_of_unequal_sizes_are_refused(tmp_path: Path) -> None:
    folds = {"data": {"source": "digits", "limit": 301, "split": {"kind": "k_fold", "folds": 4}}}
    with pytest.raises(RecipeError, match="splits differ in size from seed to seed"):
        run_study(spec(base=folds, seeds=4), tmp_path / "out")


def test_the_race_goes_by_accuracy_too(tmp_path: Path) -> None:
    result = run_study(spec(base={"monitor": "val_accuracy"}, metric="val_accuracy"), tmp_path)
    left = {one["arm"]: one for one in result["racing"]["left"]}
    assert set(left) >= {"low", "lower"}
    assert left["low"]["difference"] <= left["low"]["hoped"] < 0


@pytest.mark.parametrize(
    ("changes", "epoch"),
    [
        ({}, 0),
        ({"schedule": {"kind": "constant", "warmup": 5.0}}, 10),
        ({"schedule": {"kind": "exponential"}}, 0),
        ({"schedule": {"kind": "step", "step_size": 10}}, 32),
        ({"schedule": {"kind": "step", "step_size": 10, "gamma": 1.0}}, 0),
        ({"schedule": {"kind": "step", "step_size": 60}}, 0),
        ({"schedule": {"kind": "multi_step", "milestones": [5, 12, 70]}}, 14),
        ({"schedule": "cosine"}, NEVER),
        ({"schedule": {"kind": "cosine", "min_factor": 1.0}}, 0),
        ({"schedule": "one_cycle"}, NEVER),
        ({"schedule": "plateau"}, NEVER),
        ({"regularizers": {"swa": {"start": 0.5}}}, 22),
        ({"regularizers": {"pruning": {"sparsity": 0.5, "start": 0.1, "end": 0.3}}}, 14),
        ({"regularizers": {"l1_late": {"strength": 1e-4, "start": 0.25}}}, 12),
        ({"regularizers": {"l1_late": {"strength": 0.0, "start": 0.25}}}, 0),
        ({"regularizers": {"freezing": {"plan": {"0.*": 3, "*": float("inf")}}}}, 6),
    ],
)
def test_nobody_is_judged_before_what_is_planned(changes: dict[str, Any], epoch: float) -> None:
    recipe = Recipe.model_validate({"data": "digits", "epochs": 40, **changes})
    assert first_look(recipe) == epoch


def row(epoch: int, loss: float) -> EpochRow:
    return EpochRow(epoch, loss, loss, None, None, loss, 0.0, 0.1, 1.0, 0.0)


def test_decisions_see_nothing_after_the_look() -> None:
    """As after a kill: the curves of who trains may be longer than the look that is taken again."""
    recipe = Recipe.model_validate({"data": "digits", "epochs": 8})
    course = Course(tuple(Arm(name, recipe, None) for name in ("a", "b", "c")), (0, 1, 2), "val_loss", "a")
    curves = {
        (arm, seed): [row(e, level + 0.01 * seed * (arm == "b") + 1 / e) for e in range(1, 9)]
        for arm, level in (("a", 0.1), ("b", 0.12), ("c", 3.0))
        for seed in range(3)
    }
    cut = {key: rows[:4] for key, rows in curves.items()}
    names = {"a", "b", "c"}
    gone = course.leaving(4, curves, crew=names, out=())
    assert gone == course.leaving(4, cut, crew=names, out=())
    assert set(gone) == {"c"}
    assert course.leaving(4, curves, crew={"a", "b"}, out=()) == {}, "who has finished does not leave"
    assert course.leaving(4, curves, crew=names, out={"c"}) == {}
