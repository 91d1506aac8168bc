import json
import math
import shlex
from pathlib import Path

import pytest

from tests.cli.calling import call, process
from wellfit.cli.app import main

STUDY = """
data: {source: digits, limit: 200}
model: {kind: mlp, hidden: [32]}
optimizer: {kind: momentum, lr: 0.05}
batch_size: 32
epochs: 12
study:
  seeds: [0]
  arms: {slow: {optimizer: {lr: 0.0005}}}
"""
CSV = "epoch,loss,val_loss\n" + "".join(
    f"{i},{2 * math.exp(-i / 4):.4f},{0.6 + 1.5 * math.exp(-i / 3) + max(0, i - 8) * 0.05:.4f}\n" for i in range(1, 31)
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagnosed")
    (folder / "s.yaml").write_text(STUDY)
    assert main(["study", str(folder / "s.yaml"), "--out", str(folder / "runs"), "--quiet"]) == 0
    return folder / "runs"


def test_a_study_and_a_log_in_the_order_given(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "history.csv"
    log.write_text(CSV)
    called = call(capsys, "diagnose", log, study, "--json")
    assert called.code == 0
    found = json.loads(called.out)
    assert [run["source"] for run in found] == [str(log), f"{study}#plain/0", f"{study}#slow/0"]
    for run in found:
        assert {"source", "verdict", "confidence", "findings"} <= set(run)
        assert 0 <= run["confidence"] <= 1
        for finding in run["findings"]:
            assert set(finding) == {"name", "epoch", "confidence", "evidence", "words", "remedies"}
    assert found[0]["verdict"] == "overfit"
    assert found[0]["keys"]["val_loss"] == "val_loss"
    assert "lr_too_low" in {finding["name"] for finding in found[2]["findings"]}


def test_remedies_of_a_study_are_changes_of_its_recipe(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow = json.loads(call(capsys, "diagnose", study, "--json").out)[1]
    remedies = {one["change"]: one for finding in slow["findings"] for one in finding["remedies"]}
    for one in remedies.values():
        assert set(one) == {"change", "step", "reason", "source", "harm", "patch"}
        assert one["harm"].startswith("Does harm when ")
    assert remedies["optimizer.lr"]["patch"] == {"optimizer": {"lr": 0.0015}}
    assert remedies["epochs"]["patch"] == {"epochs": 24}
    assert "data.scale" not in remedies, "the inputs are standardized already"
    assert "optimizer.momentum" not in remedies, "it is 0.9 already"
    text = " ".join(call(capsys, "diagnose", study).out.split())
    assert "try: raise optimizer.lr (--set optimizer.lr=0.0015)." in text
    assert "Does harm when the rate is near the stable limit" in text


def test_what_is_typed_trains_the_remedy(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(call(capsys, "diagnose", study).out.split())
    typed = shlex.split(text.partition("change optimizer (")[2].partition(")")[0])
    assert typed[0] == "--set"
    path = tmp_path / "s.yaml"
    path.write_text(STUDY.partition("study:")[0])
    done = call(capsys, "train", path, *typed, "--set", "epochs=1", "--out", tmp_path / "runs", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["arms"][0]["recipe"]["optimizer"]["kind"] == "adam"


def test_remedies_of_another_trainer_have_no_patch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "history.csv"
    log.write_text(CSV)
    (run,) = json.loads(call(capsys, "diagnose", log, "--json").out)
    remedies = [one for finding in run["findings"] for one in finding["remedies"]]
    assert remedies
    assert all(one["patch"] is None and one["harm"] for one in remedies)
    assert "--set" not in call(capsys, "diagnose", log).out


def test_the_verdicts_are_those_of_the_study(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads((study / "result.json").read_text())
    found = json.loads(call(capsys, "diagnose", study, "--json").out)
    assert [run["verdict"] for run in found] == [arm["verdict"] for arm in result["arms"]]
    assert result["data"]["chance_loss"] == pytest.approx(math.log(10), abs=0.05)
    assert call(capsys, "diagnose", study / "results.db").out == call(capsys, "diagnose", study).out
    assert [run["source"] for run in json.loads(call(capsys, "diagnose", study.parent, "--json").out)] == [
        run["source"] for run in found
    ]


def test_a_study_of_before_has_its_chance_from_its_classes(study: Path, tmp_path: Path) -> None:
    from wellfit.study.curves import study_runs

    result = json.loads((study / "result.json").read_text())
    del result["data"]["chance_loss"]
    (tmp_path / "result.json").write_text(json.dumps(result))
    (tmp_path / "results.db").write_bytes((study / "results.db").read_bytes())
    runs = study_runs(tmp_path)
    assert runs[0].chance_loss == pytest.approx(math.log(10))
    assert runs[0].regularizers == frozenset()
    (tmp_path / "result.json").unlink()
    (tmp_path / "study.yaml").write_bytes((study / "study.yaml").read_bytes())
    assert [(run.arm, run.chance_loss) for run in study_runs(tmp_path)] == [("plain", None), ("slow", None)]


def test_people_read_it_in_sixty_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.chdir(tmp_path)
    Path("history.csv").write_text(CSV)
    called = call(capsys, "diagnose", "history.csv")
    assert called.code == 0
    assert max(map(len, called.out.splitlines())) <= 60
    text = " ".join(called.out.split())
    for part in ("overfit, confidence", "overfitting, at", "evidence: rise_share", "try: add early", "read: loss as"):
        assert part in text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (None, "no such file or folder"),
        (b"hello", "expected a training log"),
        (b"", "expected a training log"),
        ("folder", "expected a training log"),
    ],
)
def test_wrong_input_is_one_line(
    make: bytes | str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    if isinstance(make, bytes):
        path.write_bytes(make)
    elif make:
        path.mkdir()
    called = call(capsys, "diagnose", path, "--json")
    assert (called.code, called.out) == (2, "")
    assert said in called.line


def test_a_damaged_study_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.db").write_bytes(b"no database" * 100)
    (tmp_path / "result.json").write_text("{")
    assert "result.json" in call(capsys, "diagnose", tmp_path).line
    (tmp_path / "result.json").unlink()
    assert call(capsys, "diagnose", tmp_path).code == 2


def test_context_changes_what_can_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flat.csv"
    path.write_text("epoch,loss,val_loss\n" + "".join(f"{i},0.692,0.693\n" for i in range(1, 20)))
    assert json.loads(call(capsys, "diagnose", path, "--json").out)[0]["verdict"] == "unclear"
    found = json.loads(call(capsys, "diagnose", path, "--json", "--chance-loss", "0.6931").out)
    assert found[0]["verdict"] == "underfit"


def test_it_needs_no_torch(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(CSV)
    called = process(tmp_path, "diagnose", "history.csv", "--json")
    assert called.code == 0, called.err
    assert json.loads(called.out)[0]["source"] == "history.csv"
    assert process(tmp_path, "diagnose").code == 2
    helped = process(tmp_path, "diagnose", "--help").out
    assert "trainer_state.json" in helped
