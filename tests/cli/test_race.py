"""``wellfit study --race``: what a user sees of a race, and how one that cannot be run is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import call

STUDY = """
data: {source: digits, limit: 300}
model: {kind: mlp, hidden: [16]}
optimizer: {kind: momentum, lr: 0.05}
batch_size: 32
epochs: 8
study:
  seeds: 3
  arms: {low: {optimizer: {lr: 1.0e-5}}, l2: {l2: {strength: 1.0e-4}}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY)
    return "study.yaml"


def test_a_race_says_who_left(capsys: pytest.CaptureFixture[str], file: str) -> None:
    found = call(capsys, "study", file, "--race")
    assert found.code == 0
    assert found.err.count("low: left the race after epoch 4\n") == 1
    text = " ".join(found.out.split())
    assert "1 of 3 arms left the race early" in text
    assert "Race: 1 of 3 arms left early; 60 of 72 epochs were run (83%)." in text
    assert "low left after epoch 4: " in text
    assert "left after epoch 4" in Path("runs/study/report.html").read_text()
    again = call(capsys, "study", file, "--set", "study.racing=true", "--json")
    assert [one["arm"] for one in json.loads(again.out)["racing"]["left"]] == ["low"]
    refused = call(capsys, "study", file)
    assert refused.code == 2
    assert "study.racing: is off, and low left the race in this folder; expected" in refused.line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["study.seeds=1"], "study.racing: the study has 1 seed; expected 3 seeds or more, or racing: false"),
        (["study.arms={}"], "study.racing: the study has 1 arm; expected 2 arms or more, or racing: false"),
        (["study.metric=val_accuracy"], "expected monitor: val_accuracy, or racing: false"),
        (["restore=last"], "expected restore: best, or racing: false"),
        (["schedule=one_cycle"], "no arm can leave"),
        (["study.racing=7"], "study.racing: received 7"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_race_that_cannot_be_run(
    capsys: pytest.CaptureFixture[str], file: str, changes: list[str], words: str
) -> None:
    sets = [part for change in changes for part in ("--set", change)]
    race = [] if "study.racing" in changes[0] else ["--race"]
    found = call(capsys, "study", file, *race, *sets)
    assert (found.code, found.out) == (2, "")
    assert words in found.line
    assert not Path("runs").exists()
