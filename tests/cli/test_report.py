"""``wellfit report``, and what of a folder the report is made from."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import wellfit.report.study
from tests.cli.calling import call
from wellfit.errors import InputError
from wellfit.record import RunRecord
from wellfit.report.study import report_study


@pytest.fixture
def done(capsys: pytest.CaptureFixture[str], study_file: Path) -> Path:
    assert call(capsys, "study", study_file, "--quiet", "--set", "study.seeds=3").code == 0
    return Path("runs/small")


def test_it_is_written_again(capsys: pytest.CaptureFixture[str], done: Path) -> None:
    html = (done / "report.html").read_text(encoding="utf-8")
    (done / "report.html").unlink()
    assert call(capsys, "report", done) == (0, "runs/small/report.html\n", "")
    assert (done / "report.html").read_text(encoding="utf-8") == html
    assert call(capsys, "report", done, "-o", "there/mine.html") == (0, "there/mine.html\n", "")
    assert Path("there/mine.html").read_text(encoding="utf-8") == html


def test_it_needs_no_torch(done: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from wellfit.report.study import report_study\n"
        f"report_study(Path({str(done.resolve())!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_runs_in_order_and_weights_of_the_best_seed(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def render(result: Mapping[str, Any], runs: Sequence[RunRecord], weights: Mapping[str, Any]) -> str:
        seen.update(result=result, runs=runs, weights=weights)
        return "page"

    monkeypatch.setattr(wellfit.report.study, "render", render)
    best = {
        arm["name"]: int(np.argmin(arm["val_loss"]["values"]))
        for arm in json.loads((done / "result.json").read_text())["arms"]
    }
    other = next(seed for seed in (0, 1, 2) if seed != best["dropout"])
    (done / f"models/dropout/{other}.safetensors").write_bytes(b"damaged")  # only the best seeds may be read
    assert report_study(done) == done / "report.html"
    assert [(run.arm, run.seed) for run in seen["runs"]] == [(a, s) for a in ("plain", "dropout") for s in (0, 1, 2)]
    for arm, seed in best.items():
        expected = load_file(done / f"models/{arm}/{seed}.safetensors")
        assert seen["weights"][arm].keys() == expected.keys()
        assert all(np.array_equal(seen["weights"][arm][name], expected[name]) for name in expected)
    values = {(run.arm, run.seed): run.value("val_loss") for run in seen["runs"]}
    assert all(math.isfinite(value) for value in values.values())
    (done / f"models/dropout/{best['dropout']}.safetensors").unlink()
    report_study(done)
    assert set(seen["weights"]) == {"plain"}  # deleted models leave the rest of the report


def test_damaged_weights_are_named(done: Path) -> None:
    for path in (done / "models/plain").glob("*.safetensors"):
        path.write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"models/plain/\d\.safetensors: cannot be read"):
        report_study(done)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "is no study's result"),
        ('{"name": "small", "metric": "val_loss", "seeds": [0], "arms": [3]}', "is no study's result"),
        (
            '{"name": "x", "metric": "val_loss", "seeds": [0], "arms": [{"name": "plain", "status": ["stopped"]}]}',
            "no runs",
        ),
    ],
)
def test_other_files_are_no_result(capsys: pytest.CaptureFixture[str], done: Path, content: str, said: str) -> None:
    (done / "result.json").write_text(content)
    refused = call(capsys, "report", done)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.line


def test_folders_without_a_study(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert "nowhere: no such folder" in call(capsys, "report", "nowhere").line
    assert "holds no result.json" in call(capsys, "report", folder).line
