"""``wellfit train``: one arm, one seed, from data or from a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.calling import call, write_images, write_table

FAST = ("--set", "epochs=2", "--set", "batch_size=8", "--set", "model={kind: mlp, hidden: [8]}")


def test_a_table(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_table(folder / "houses.csv")
    done = call(capsys, "train", "houses.csv", "--target", "kind", "--seed", "3", "--json", *FAST)
    assert done.code == 0
    result = json.loads(done.out)
    assert (result["name"], result["seeds"]) == ("houses", [3])
    assert [arm["name"] for arm in result["arms"]] == ["plain"]
    assert result["arms"][0]["epochs_run"] == [2]
    assert result["data"]["classes"] == ["no", "yes"]
    assert (folder / "runs/houses/models/plain/3.safetensors").exists()


def test_a_target_is_a_text_whatever_it_looks_like(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_table(folder / "t.csv")
    text = (folder / "t.csv").read_text().replace("kind", "1", 1)
    (folder / "t.csv").write_text(text)
    assert call(capsys, "train", "t.csv", "--target", "1", "--quiet", *FAST).code == 0


def test_bad_images_are_left_out_when_asked(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_images(folder / "photos", {"a": 20, "b": 20})
    (folder / "photos/a/3.png").write_bytes(b"no image")
    refused = call(capsys, "train", "photos", *FAST)
    assert refused.code == 2
    assert "photos/a/3.png" in refused.line
    assert not (folder / "runs").exists()
    done = call(capsys, "train", "photos", "--skip-bad", *FAST)
    assert done.code == 0
    assert "Left out as corrupt: 1 sample; the first: photos/a/3.png" in done.out
    result = json.loads((folder / "runs/photos/result.json").read_text())
    assert len(result["data"]["skipped"]) == 1
    assert sum(result["data"][part] for part in ("train", "validation", "test")) == 39


def test_a_recipe(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    recipe = {"data": "digits", "model": {"hidden": [8]}, "epochs": 1}
    (folder / "mine.yaml").write_text(yaml.safe_dump(recipe))
    done = call(capsys, "train", "mine.yaml", "--set", "data.limit=100")
    assert done.code == 0
    assert done.err.startswith("mine: plain, seed 0, 1 epoch, on digits\n")
    assert "with one seed no interval is possible" in done.out


def test_a_study_is_refused(capsys: pytest.CaptureFixture[str], study_file: Path) -> None:
    done = call(capsys, "train", study_file.name)
    assert done.code == 2
    assert "expected 'wellfit study small.yaml'" in done.line
    by_override = call(capsys, "train", "digits", "--set", "study.seeds=3")
    assert by_override.code == 2
    assert "wellfit study" in by_override.line


def test_few_samples_are_one_batch_where_none_is_asked_for(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    rows = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(40)]
    Path("tiny.csv").write_text("\n".join(["a,b,y", *rows]))
    done = call(capsys, "train", "tiny.csv", "--target", "y", "--set", "epochs=2", "--json")
    assert done.code == 0, done.err
    (arm,) = json.loads(done.out)["arms"]
    assert arm["recipe"]["batch_size"] == json.loads(done.out)["data"]["train"] < 40
    assert call(capsys, "train", "tiny.csv", "--target", "y", "--set", "batch_size=63").code == 2
