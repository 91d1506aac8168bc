"""How a study's populations are computed: asked for, begun with, remembered or measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.support import same_bits
from wellfit.errors import InterruptedStudyError, RecipeError
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study
from wellfit.study import plans
from wellfit.study.plans import Planned, as_asked, begun_plan, plan_all, structure_key
from wellfit.study.prepare import Prepared, design, prepare
from wellfit.study.run import run_study
from wellfit.train.events import EpochEnded, Event, PopulationStarted
from wellfit.train.measure import Measured, Trial
from wellfit.train.member import Member
from wellfit.train.plan import Plan
from wellfit.train.precision import Agreement, Precision
from wellfit.train.start import populations


def small(*, plan: Mapping[str, Any] | None = None, model: Mapping[str, Any] | None = None, **study: Any) -> StudySpec:
    """Digits, 200 samples, two arms x 2 seeds x 3 epochs."""
    values = {
        "data": {"source": "digits", "limit": 200},
        "model": model or {"hidden": [8]},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 32,
        "epochs": 3,
        "study": {"seeds": 2, "arms": {"drop": {"dropout": {"rate": 0.3}}}, "plan": plan or {}} | study,
    }
    return parse_study(values, name="small")


TWO_STRUCTURES = {"arms": {"drop": {"dropout": {"rate": 0.3}}, "wide": {"model": {"hidden": [20]}}}}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WELLFIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "plans"


class Finder:
    """Stands in for ``find_plan``: answers with the plan of a member, and counts."""

    def __init__(self, answer: Callable[[Member], Plan]) -> None:
        self.answer, self.calls = answer, 0

    def __call__(self, members: Any, replicates: Any, device: Any, *, asked: Any, bf16: bool, least: float) -> Measured:
        self.calls += 1
        rule, best = asked(Plan(threads=1)), asked(self.answer(members[0]))
        agreement = Agreement(True, 0.1, 1.0, 0.25) if best.precision == "bf16" and bf16 else None
        return Measured(best, (Trial(rule, (0.2, 0.3)), Trial(best, (0.1,))), 60.0, agreement)


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> Finder:
    made = Finder(lambda member: Plan(width=2, workers=1, threads=1))
    monkeypatch.setattr(plans, "find_plan", made)
    return made


def prepared_of(spec: StudySpec) -> tuple[Prepared, list[list[Member]]]:
    prepared = prepare(spec, design(spec))
    return prepared, populations(prepared.members, sizes=prepared.sizes)


def planned(spec: StudySpec, known: Mapping[str, Any] | None = None, **given: Any) -> dict[str, Planned]:
    prepared, groups = prepared_of(spec)
    return plan_all(groups, prepared, known or {}, **given)


def test_what_is_asked_for_is_taken() -> None:
    spec = small(plan={"how": "one by one", "width": 3, "threads": 2, "precision": "bf16"}).plan
    asked = Plan("one by one", width=3, workers=4, threads=2, precision="bf16", channels_last=True)
    assert as_asked(Plan(workers=4, channels_last=True), spec) == asked
    assert as_asked(replace(asked, width=9), small().plan) == replace(asked, width=9)


def test_it_is_remembered(finder: Finder, cache: Path) -> None:
    (first,) = planned(small()).values()
    (again,) = planned(small()).values()
    assert finder.calls == 1
    assert (first.source, again.source) == ("measured", "remembered")
    assert again.plan == first.plan == Plan(width=2, workers=1, threads=1)
    assert len(list(cache.iterdir())) == 1
    planned(small(), anew=True)
    assert finder.calls == 2
    planned(small(plan={"workers": 3}))  # another question
    planned(small(seeds=3))
    assert finder.calls == 4
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '{"plan": 5}', '{"plan": {"width": null, "what": 1}}', "\0"])
def test_a_damaged_memory_is_measured_again(finder: Finder, cache: Path, content: str) -> None:
    planned(small())
    (path,) = cache.iterdir()
    path.write_text(content)
    (again,) = planned(small()).values()
    assert (again.source, finder.calls) == ("measured", 2)
    assert json.loads(path.read_text())["plan"]["width"] == 2


def test_a_folder_that_cannot_be_written_is_no_error(finder: Finder, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file")
    assert [one.source for one in planned(small()).values()] == ["measured"]


def test_a_short_study_measures_nothing(cache: Path) -> None:
    (only,) = planned(small()).values()
    assert only.source == "rule"
    assert len(only.trials) == 1
    assert not cache.exists()


@pytest.mark.parametrize("all_halve", [True, False])
def test_all_arms_have_the_same_precision(monkeypatch: pytest.MonkeyPatch, all_halve: bool) -> None:
    def answer(member: Member) -> Plan:
        precision: Precision = "bf16" if all_halve or member.arm == "wide" else "fp32"
        return Plan(threads=1, precision=precision)

    monkeypatch.setattr(plans, "find_plan", Finder(answer))
    found = planned(small(**TWO_STRUCTURES))
    assert len(found) == 2
    assert {one.plan.precision for one in found.values()} == {"bf16" if all_halve else "fp32"}


@pytest.mark.parametrize("begun", ["fp32", "bf16"])
def test_what_joins_a_study_has_the_precision_it_was_begun_with(monkeypatch: pytest.MonkeyPatch, begun: Any) -> None:
    known = {key: one.to_dict() for key, one in planned(small()).items()}
    (only,) = known.values()
    only["plan"]["precision"] = begun
    other: Precision = "fp32" if begun == "bf16" else "bf16"
    monkeypatch.setattr(plans, "find_plan", Finder(lambda member: Plan(threads=1, precision=other)))
    found = planned(small(**TWO_STRUCTURES), known)
    assert [one.plan.precision for one in found.values()] == [begun] * 2


def test_groups_of_one_structure_have_the_plan_of_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds differ by a sample: they are not measured each."""
    prepared, (group,) = prepared_of(small(seeds=3))
    seen: list[int] = []

    class Counting(Finder):
        def __call__(self, members: Any, *given: Any, **named: Any) -> Measured:
            seen.append(len(members))
            return super().__call__(members, *given, **named)

    monkeypatch.setattr(plans, "find_plan", Counting(lambda member: Plan(threads=1)))
    plan_all([group[:2], group[2:]], prepared, {})
    assert seen == [4]


@pytest.mark.parametrize(("model", "how"), [({"kind": "cnn", "channels": [4]}, "stacked"), ({"hidden": [8]}, "vmap")])
def test_a_way_that_there_is_not_is_refused_before_anything_is_written(
    tmp_path: Path, model: dict[str, Any], how: str
) -> None:
    with pytest.raises(RecipeError, match=rf"^study\.plan\.how: {how}: .*; expected .*one by one$"):
        run_study(small(plan={"how": how}, model=model), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"width": 0}, r"study\.plan\.width: received 0; expected at least 1"),
        ({"workers": 0}, r"study\.plan\.workers: received 0"),
        ({"threads": -1}, r"study\.plan\.threads: received -1"),
        ({"precision": "fp64"}, r"study\.plan\.precision: received 'fp64'"),
        ({"how": "fast"}, r"study\.plan\.how: received 'fast'"),
        ({"speed": 1}, r"study\.plan\.speed: unknown key"),
    ],
)
def test_what_is_no_plan_is_said(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        small(plan=plan)


def test_a_plan_does_not_change_the_recipes() -> None:
    plain, asked = small(), small(plan={"workers": 2})
    assert "plan" not in plain.to_dict()["study"]
    assert [arm.recipe for arm in design(plain)] == [arm.recipe for arm in design(asked)]


def run(spec: StudySpec, out: Path, **given: Any) -> tuple[dict[str, Any], list[Plan]]:
    seen: list[Plan] = []

    def listen(event: Event) -> None:
        if isinstance(event, PopulationStarted):
            seen.append(event.plan)
        given.get("listen", lambda event: None)(event)

    return run_study(spec, out, **{**given, "listen": listen}), seen


def test_the_result_holds_the_plan(tmp_path: Path, finder: Finder) -> None:
    result, seen = run(small(), tmp_path / "out", certificates=2)
    assert seen[0] == Plan(width=2, workers=1, threads=1)
    (note,) = result["plan"]["populations"]
    assert (note["members"], note["epochs"], note["how"], note["source"]) == (4, 3, "stacked", "measured")
    assert (note["width"], note["workers"], note["threads"], note["precision"]) == (2, 1, 1, "fp32")
    assert [trial["seconds_per_step"] for trial in note["trials"]] == [[0.2, 0.3], [0.1]]
    assert result["certificate"]["largest"] == 0


def test_an_interrupted_study_goes_on_as_it_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finder: Finder, cache: Path
) -> None:
    """Whatever would be measured or remembered by now; but with what is asked for."""
    whole, _ = run(small(), tmp_path / "whole")

    def interrupt(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(InterruptedStudyError):
        run(small(), out, listen=interrupt)
    for path in cache.iterdir():
        path.unlink()
    monkeypatch.setattr(plans, "find_plan", Finder(lambda member: Plan(workers=3, threads=1)))
    with pytest.raises(InterruptedStudyError):
        run(small(), out, listen=interrupt)
    result, seen = run(small(plan={"workers": 2}), out)
    assert seen == [Plan(width=2, workers=2, threads=1)]
    assert result["arms"][0]["val_loss"] == whole["arms"][0]["val_loss"]
    for arm in ("plain", "drop"):
        a, b = (load_file(folder / "models" / arm / "0.safetensors") for folder in (out, tmp_path / "whole"))
        assert same_bits(a, b)


def test_a_member_alone_is_computed_as_it_began() -> None:
    _, ((first, *_),) = prepared_of(small())
    known = {structure_key(first): Planned(Plan(width=2, workers=4, threads=1), "measured").to_dict()}
    assert begun_plan(first, known) == Plan(width=2, workers=1, threads=1)
    assert begun_plan(first, {}) is None
