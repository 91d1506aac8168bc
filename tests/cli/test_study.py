"""``wellfit study``: what it shows, what it writes, what it does the second time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.calling import call

NET = """
from torch import nn
class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        print("the user's own words")
        self.layer = nn.Linear(64, 10)
    def forward(self, x):
        return self.layer(x.flatten(1))
"""


def strict(text: str) -> Any:
    """Return the one JSON document that ``text`` is; NaN and Infinity are not JSON."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def test_from_plan_to_report(capsys: pytest.CaptureFixture[str], study_file: Path, folder: Path) -> None:
    done = call(capsys, "study", study_file, "--certify", "1")
    assert done.code == 0
    progress = done.err.splitlines()
    assert progress[0] == "small: 2 arms x 2 seeds = 4 runs, 3 epochs each, on digits"
    assert progress[1:3] == ["  arms    plain, dropout", "  folder  runs/small"]
    begins = progress.index("training 4 members (stacked)")
    about = " ".join(line.strip() for line in progress[3:begins])
    assert about.startswith("data: digits: 659 images 1x8x8, 10 classes (classification), train 270 / validation 30 /")
    assert about.endswith("network: mlp 16 (as the recipe says)")
    progress = [*progress[:3], *progress[begins:]]
    assert progress[4].startswith("epoch 1/3  4 members  best val_loss ")
    assert "/epoch  left 0:0" in progress[4]
    assert progress[6].startswith("epoch 3/3  4 members")
    assert "left" not in progress[6]
    assert len(progress) == 8
    for said in ("plain", "dropout", "verdict", "val_loss", "against", "Certificate: 1 run trained again alone"):
        assert said in done.out
    assert done.out.endswith("Report: runs/small/report.html\n")
    assert max(map(len, done.out.splitlines())) <= 80
    written = {path.name for path in (folder / "runs/small").iterdir()}
    assert written >= {"study.yaml", "results.db", "result.json", "report.html", "models"}


def test_the_second_time_it_says_so_and_shows_the_same(capsys: pytest.CaptureFixture[str], study_file: Path) -> None:
    first = call(capsys, "study", study_file)
    report = Path("runs/small/report.html")
    written = report.stat().st_mtime_ns
    again = call(capsys, "study", study_file)
    assert again.out == first.out
    assert "Complete already" in again.err
    assert "epoch" not in again.err.partition("Complete")[2]
    assert report.stat().st_mtime_ns == written
    report.unlink()
    assert call(capsys, "study", study_file).code == 0
    assert report.exists()
    assert call(capsys, "study", study_file, "--fresh").err.count("\nepoch ") == 3


def test_json_is_all_of_stdout(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Also where the user's network prints, and where runs diverge (their losses are not finite)."""
    (folder / "net.py").write_text(NET)
    study = {
        "data": {"source": "digits", "limit": 100},
        "model": {"import": "net.py:Net"},
        "epochs": 2,
        "study": {"seeds": 2, "arms": {"hot": {"optimizer": {"lr": 1e38}}}},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(study))
    done = call(capsys, "study", "own.yaml", "--json")
    assert done.code == 0
    result = strict(done.out)
    assert result == strict((folder / "runs/own/result.json").read_text())
    assert result["status"] == "complete"
    assert result["arms"][1]["status"] == ["diverged", "diverged"]
    assert "the user's own words" in done.err
    assert "hot, seed 0: diverged in epoch 1" in done.err


def test_set_out_and_quiet(capsys: pytest.CaptureFixture[str], study_file: Path, folder: Path) -> None:
    changes = ["model.hidden=[8,4]", "study.seeds=1", "study.factors.dropout.rate=0.7", "optimizer.lr=1e-2"]
    sets = [part for change in changes for part in ("--set", change)]
    done = call(capsys, "study", study_file, "--quiet", "--out", "elsewhere", *sets)
    assert (done.code, done.err) == (0, "")
    assert "Report: elsewhere/report.html" in done.out
    spec = yaml.safe_load((folder / "elsewhere/study.yaml").read_text())
    assert spec["model"]["hidden"] == [8, 4]
    assert spec["optimizer"]["lr"] == 0.01
    assert spec["study"]["seeds"] == [0]
    assert spec["study"]["factors"]["dropout"]["rate"] == 0.7
    other = call(capsys, "study", study_file, "--quiet", "--out", "elsewhere")
    assert other.code == 2  # another recipe in the same folder
    assert "--fresh" in other.line


def test_a_database_elsewhere(capsys: pytest.CaptureFixture[str], study_file: Path, folder: Path) -> None:
    url = f"sqlite:///{folder}/team.db"
    done = call(capsys, "study", study_file, "--quiet", "--store", url)
    assert done.code == 0
    assert not (folder / "runs/small/results.db").exists()
    assert "holds no results.db" in call(capsys, "report", "runs/small").line
    assert call(capsys, "report", "runs/small", "--store", url).code == 0
