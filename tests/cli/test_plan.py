"""``wellfit plan``: what it shows, as a table and as JSON, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import STUDY, call
from wellfit.study import plans
from wellfit.train.measure import Measured, Trial
from wellfit.train.plan import Plan
from wellfit.train.precision import Agreement

BEST = Plan("one by one", width=16, workers=2, threads=1, precision="bf16", channels_last=True)
ASKED: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLFIT_CACHE", str(folder / "cache"))
    ASKED.clear()

    def find_plan(members: Any, replicates: Any, device: Any, *, asked: Any, bf16: bool, least: float) -> Measured:
        best = asked(BEST)
        ASKED.append({"bf16": bf16, "least": least, "best": best})
        trials = (Trial(asked(Plan(threads=2)), (0.012, 0.0111, 0.0134)), Trial(best, (0.0031, 0.003, 0.0032)))
        return Measured(best, (*trials, Trial(Plan(threads=7), (math.inf,))), 4000.0, Agreement(True, 0.01, 0.5, 0.1))

    monkeypatch.setattr(plans, "find_plan", find_plan)


def test_it_is_shown_in_80_columns(capsys: pytest.CaptureFixture[str], study_file: Path, folder: Path) -> None:
    done = call(capsys, "plan", study_file)
    assert (done.code, done.err) == (0, "")
    assert [line.rstrip() for line in done.out.splitlines()] == [
        "4 members, 2 arms, about 1 h 07 min by the rule's plan",
        "  measured now",
        "  ms a step and member  plan",
        "     12 (11.1 to 13.4)  by rule, 1 worker of 2 threads, fp32",
        "        3.1 (3 to 3.2)  one by one, 16 together, 2 workers of 1 thread, bf16,",
        "                        channels last",
        "         out of memory  by rule, 1 worker of 7 threads, fp32",
        "  losses in bf16 agree: 0.01 apart, 0.1 allowed",
        "  chosen: one by one, 16 together, 2 workers of 1 thread, bf16, channels last",
    ]
    assert max(map(len, done.out.splitlines())) <= 80
    assert ASKED[0]["bf16"]
    assert ASKED[0]["least"] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["cache", "small.yaml"]


def test_it_is_remembered_until_it_is_measured_anew(capsys: pytest.CaptureFixture[str], study_file: Path) -> None:
    call(capsys, "plan", study_file)
    assert "  measured before on this machine; --anew measures again" in call(capsys, "plan", study_file).out
    assert len(ASKED) == 1
    assert "  measured now" in call(capsys, "plan", study_file, "--anew").out
    assert len(ASKED) == 2


def test_what_is_asked_for(capsys: pytest.CaptureFixture[str], study_file: Path) -> None:
    done = call(capsys, "plan", study_file, "--set", "study.plan.threads=1", "--set", "study.plan.precision=fp32")
    assert done.code == 0
    assert not ASKED[0]["bf16"]
    assert (ASKED[0]["best"].threads, ASKED[0]["best"].precision) == (1, "fp32")


def test_json_is_one_document(capsys: pytest.CaptureFixture[str], study_file: Path) -> None:
    done = call(capsys, "plan", study_file, "--json")

    def refuse(name: str) -> None:
        raise ValueError(name)

    (population,) = json.loads(done.out, parse_constant=refuse)["populations"]
    assert (done.code, population["members"], population["arms"]) == (0, 4, ["dropout", "plain"])
    assert Plan.from_dict(population["plan"]) == BEST
    assert population["source"] == "measured"
    assert [trial["seconds_per_step"] for trial in population["trials"]][1:] == [[0.0031, 0.003, 0.0032], [None]]
    assert population["agreement"].startswith("losses in bf16 agree")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.yaml"], "nothing.yaml"),
        (["small.yaml", "--set", "study.plan.how=stacked", "--set", "model.kind=cnn"], "study.plan.how: stacked"),
        (["small.yaml", "--set", "study.plan.width=0"], "study.plan.width: received 0; expected at least 1"),
        (["small.yaml", "--set", "study.plan.precision=fp64"], "study.plan.precision: received 'fp64'"),
        (["small.yaml", "--memory", "little"], "--memory"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], says: str
) -> None:
    (folder / "small.yaml").write_text(STUDY.replace(", hidden: [16]", ""), encoding="utf-8")
    done = call(capsys, "plan", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.line
