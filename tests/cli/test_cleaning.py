"""From the audit's plan to a study of it, as a user goes: three commands, two lines of YAML."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import call


def write(folder: Path) -> None:
    draw = np.random.default_rng(0)
    y = np.arange(120) % 2
    x = (draw.normal(size=(120, 4)) + 2 * y[:, None]).astype(np.float32)
    x[60:64] = x[:4]  # copies: 0 = 60, ...
    np.savez(folder / "a.npz", x=x, y=y)
    (folder / "study.yaml").write_text(
        "data: a.npz\nmodel: {hidden: [8]}\nepochs: 2\nstudy: {seeds: 2, cleaning: plan.yaml}\n"
    )


def test_audit_then_study(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    assert call(capsys, "data", "a.npz", "--plan", "plan.yaml", "-q").code == 0
    done = call(capsys, "study", "study.yaml", "-q")
    assert done.code == 0
    said = " ".join(done.out.split())
    assert "plain: all 86 train samples kept as they are" in said
    assert re.search(r"clean: \S+ of 86 train samples left out, \S+ relabeled \(mean of 2 seeds\)", said)
    assert "of 86 train samples left out, drawn at random (" in said
    page = (tmp_path / "runs" / "study" / "report.html").read_text()
    assert "What the plan did to the train samples" in page
    assert "Plan: plan.yaml." in page
    assert "left out, drawn at random" in page
    written = (tmp_path / "runs" / "study" / "study.yaml").read_text()
    assert "do: keep" in written
    again = call(capsys, "study", "runs/study/study.yaml", "--out", "again", "-q", "--json")
    assert [arm["name"] for arm in json.loads(again.out)["arms"]] == ["plain", "clean", "random"]
    short = call(capsys, "study", "a.npz", "--clean", "plan.yaml", "--set", "epochs=1", "-q", "--json")
    found = json.loads(short.out)
    assert ([arm["name"] for arm in found["arms"]], len(found["seeds"])) == (["plain", "clean", "random"], 5)
    (tmp_path / "plain.yaml").write_text("data: a.npz\nepochs: 1\n")
    other = call(capsys, "study", "plain.yaml", "--clean", "plan.yaml", "-q", "--json")
    assert len(json.loads(other.out)["arms"]) == 3


def test_studies_of_two_sets_and_their_plans_stand_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    table = np.random.default_rng(1).normal(size=(60, 3)).round(3)
    np.savetxt("b.csv", np.vstack([table, table[:3]]), delimiter=",", header="x,y,price", comments="")
    for source, *options in (("a.npz",), ("b.csv", "--target", "price")):
        plan = f"{source[0]}.yaml"
        assert call(capsys, "data", source, *options, "--plan", plan, "-q").code == 0
        assert call(capsys, "study", source, "--clean", plan, "--set", "epochs=1", "-q").code == 0
    assert (tmp_path / "runs" / "a-cleaning" / "report.html").exists()
    assert "target: price" in (tmp_path / "runs" / "b-cleaning" / "study.yaml").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("sample 60", "sample 600"), "a.npz has no 'sample 600'; expected names as the audit writes them"),
        (("fingerprint: ", "fingerprint: 0"), "plan.yaml: was made for other data than a.npz"),
        (("action: deduplicate", "action: burn"), "action"),
        (None, "plan.yaml: no such file; expected a plan"),
    ],
)
def test_a_bad_plan_is_one_line(
    change: tuple[str, str] | None,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    if change is not None:
        from wellfit.data.audit import read_subject
        from wellfit.data.clean import Action, Plan
        from wellfit.recipe import DataSpec

        copies = Action(action="deduplicate", where=("sample 0", "sample 60"))
        plan = Plan(source="a.npz", fingerprint=read_subject(DataSpec(source="a.npz")).fingerprint, actions=(copies,))
        (tmp_path / "plan.yaml").write_text(plan.to_yaml().replace(*change))
    done = call(capsys, "study", "study.yaml", "-q")
    assert done.code == 2
    assert said in done.line
    assert not (tmp_path / "runs").exists()
