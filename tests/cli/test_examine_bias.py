"""``wellfit examine bias-variance`` and ``fingerprint``, as a user sees them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.cli.calling import call

K = ("examine", "bias-variance", "iris", "--over", "k", "--values", "1,5,40", "--bootstraps", "5", "-q")


def test_the_table_says_where_the_total_is_lowest(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    called = call(capsys, *K, "--out", tmp_path / "new" / "folder")
    assert called.code == 0
    assert called.err == ""
    assert "Brier score" in called.out
    assert "0-1 loss" in called.out
    assert "main wrong" in called.out
    assert "Lowest total at k" in called.out
    assert "the test set was not read" in " ".join(called.out.split())
    page = (tmp_path / "new" / "folder" / "bias-variance.html").read_text(encoding="utf-8")
    assert "Lowest total at k" in page
    assert 'data-choice="loss"' in page
    assert "http-equiv" in page
    assert json.loads((tmp_path / "new" / "folder" / "bias-variance.json").read_text())["over"] == "k"


def test_json_is_one_document_and_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    called = call(capsys, *K, "--json")
    found = json.loads(called.out)
    assert [row["value"] for row in found["values"]] == [1, 5, 40]
    for row in found["values"]:
        for loss in found["losses"]:
            terms = row[loss]
            assert terms["loss"]["mean"] == pytest.approx(terms["bias2"]["mean"] + terms["variance"]["mean"])
            assert terms["loss"]["mean"] == pytest.approx(sum(terms["uncorrected"].values()))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--over", "breadth"), "one of k, width, depth, lambda"),
        (("--over", "k", "--values", "1,x"), "numbers with commas"),
        (("--over", "k", "--values", "1000"), "train samples"),
        (("--over", "width", "--bootstraps", "1"), "3 to 1000"),
        (("--over", "width", "--vary", "luck"), "data, init or data,init"),
    ],
)
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], line: str) -> None:
    called = call(capsys, "examine", "bias-variance", "iris", *arguments, "-q")
    assert called.code == 2
    assert line in called.line
    assert called.out == ""


def test_a_folder_that_cannot_be_is_found_out_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    called = call(capsys, *K, "--out", tmp_path / "file")
    assert called.code == 2
    assert "--out" in called.line


def test_a_fingerprint_in_words_and_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    weights = {f"{i}.weight": draw.uniform(-0.2, 0.2, (20, 20)).astype(np.float32) for i in range(2)}
    save_file(weights, tmp_path / "m.safetensors")
    called = call(capsys, "examine", "fingerprint", tmp_path / "m.safetensors")
    assert called.code == 0
    assert "0.weight" in called.out
    assert "The recipe says" not in called.out
    found = json.loads(call(capsys, "examine", "fingerprint", tmp_path / "m.safetensors", "--json").out)
    assert found["truth"] is None
    assert sum(found["probabilities"].values()) == pytest.approx(1)


def test_a_pickle_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"no")
    called = call(capsys, "examine", "fingerprint", tmp_path / "m.pt")
    assert called.code == 2
    assert "save_file" in called.line
