"""What was found out about the data is printed before the training, and stands in the audit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import call, write_table
from wellfit.cli.data_line import columns_text, samples_text, task_text, wrapped

FAST = ("--set", "epochs=1", "--set", "batch_size=8")
STUDY = """
data: {source: digits, limit: 60}
batch_size: 16
epochs: 1
study:
  seeds: 2
  arms: {small: {model: {kind: mlp, hidden: [4]}}, few: {data: {source: digits, limit: 40}}}
"""


def mixed_table(path: Path) -> None:
    draw = np.random.default_rng(0)
    lines = ["age,color,day,fit,id,price"]
    for i in range(60):
        color, day = draw.choice(["red", "green"]), f"2024-01-{1 + i % 28:02}"
        lines.append(f"{draw.normal():.4f},{color},{day},{'true' if i % 3 else 'false'},no{i},{draw.normal():.5f}")
    path.write_text("\n".join(lines) + "\n")


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 100])
def test_images_before_training(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    done = call(capsys, "train", "digits", *FAST, "--set", "data.limit=60", "--json")
    assert done.code == 0
    json.loads(done.out)  # stdout holds the document alone
    said = (
        "data: digits: 419 images 1x8x8, 10 classes (classification), train 50 / validation 10 / test 359;"
        " network: cnn 32-64-128 (inferred: images) training 1 member"
    )
    assert said in joined(done.err)
    assert all(len(line) <= width for line in done.err.splitlines() if not line.startswith("epoch"))
    lines = done.err.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("data: "))
    assert lines[at + 1].startswith("  ")
    assert call(capsys, "train", "digits", *FAST, "--set", "data.limit=60", "--quiet", "--fresh").err == ""


def test_columns_of_a_table(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    mixed_table(folder / "t.csv")
    arguments = ("train", "t.csv", "--target", "price", *FAST, "--set", "data.drop=[id]", "--set", "model.hidden=[4]")
    done = call(capsys, *arguments)
    assert done.code == 0, done.err
    said = joined(done.err)
    assert "data: t: 60 rows of 4 columns, target price (regression), train 43 / validation 5 / test 12;" in said
    assert (
        "network: mlp 4 (as the recipe says) columns: 1 number (age), 1 truth value (fit), 1 category (color)," in said
    )
    assert "1 date (day); left out: id (data.drop) training" in said
    refused = call(capsys, "train", "t.csv", "--target", "nothing", *FAST)
    assert refused.code == 2
    assert "data.target" in refused.line  # bad input is said alone
    found = call(capsys, "train", "t.csv", "--target", "price", "--find-lr", *FAST, "--set", "data.drop=[id]")
    assert found.code == 0
    assert "network: mlp 128-128 (inferred: vectors)" in joined(found.err)


def test_arms_with_other_data_and_networks(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "s.yaml").write_text(STUDY)
    done = call(capsys, "study", "s.yaml")
    assert done.code == 0, done.err
    said = joined(done.err)
    assert "data (plain and small): digits: 419 images 1x8x8" in said
    assert (
        "networks: cnn 32-64-128 (inferred: images) for plain, mlp 4 (as the recipe says) for small data (few): digits"
    ) in said
    again = call(capsys, "study", "s.yaml")
    assert "Complete already" in again.err
    assert "data (" not in again.err  # nothing was loaded


def test_sequences(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 6, 2)).astype(np.float32)
    np.savez(folder / "w.npz", x=x, y=x.mean((1, 2)))
    done = call(capsys, "train", "w.npz", *FAST, "--set", "data.task=regression")
    assert done.code == 0, done.err
    assert "data: w: 40 sequences of 6 steps x 2 channels, numbers as targets" in joined(done.err)
    assert "(regression, as data.task says), train" in joined(done.err)
    assert "(inferred: sequences)" in done.err


def test_the_audit_says_it_too(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    mixed_table(folder / "t.csv")
    done = call(
        capsys,
        "data",
        "t.csv",
        "--target",
        "price",
        "-q",
        "--set",
        "data.group=color",
        "--set",
        "data.split.kind=grouped",
    )
    assert done.code == 0, done.err
    said = joined(done.out)
    assert said.startswith(
        "data: t: 60 rows of 5 columns, target price (regression); network: mlp 128-128 (inferred: vectors);"
        " 60 looked at"
    )
    assert (
        "columns: 1 number (age), 1 truth value (fit), 1 date (day), 1 text (id); left out: color (data.group)" in said
    )
    document = json.loads(Path("runs/t-audit/audit.json").read_text())
    assert document["columns"] == [
        {"name": "age", "kind": "number"},
        {"name": "day", "kind": "date"},
        {"name": "fit", "kind": "truth"},
        {"name": "id", "kind": "unclear"},
    ]
    assert document["left_out"] == {"data.group": ["color"]}
    assert (document["network"], document["network_inferred"]) == ("mlp 128-128", True)
    page = Path("runs/t-audit/audit.html").read_text()
    assert "<li>day: date</li>" in page
    assert "<li>color: left out (data.group)</li>" in page
    assert "mlp 128-128, inferred" in page
    write_table(folder / "n.csv")
    assert "no --target" in call(capsys, "data", "n.csv", "-q").out


def test_words() -> None:
    assert samples_text(1, "image", (3, 32, 32)) == "1 image 3x32x32"
    assert samples_text(1797, "sequence", (1, 1)) == "1,797 sequences of 1 step x 1 channel"
    assert samples_text(5, "vector", (1,)) == "5 rows of 1 column"
    assert task_text("segmentation", ["a", "b"], []) == "2 classes of pixels (segmentation)"
    assert task_text("regression", [], ["a", "b\n"]) == "target a and b\\n (regression)"
    many = [(f"c{i}", "number") for i in range(8)] + [(f"k{i}", "category") for i in range(6)]
    assert columns_text(many) == "columns: 8 numbers, 6 categories (k0, k1, k2, k3, ...)"


@pytest.mark.parametrize("width", [20, 60, 100, 400])
def test_lines_break_between_words(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = "data: " + "train-fold " * 30
    lines = wrapped([text, "columns: 1 number"]).splitlines()
    assert " ".join(line.strip() for line in lines[:-1]) == text.strip()
    assert max(map(len, lines)) <= min(max(width, 40), 120)
    assert all(line.startswith("  ") for line in lines[1:-1])
