"""``wellfit data DATA`` and ``wellfit data clean``: as a user calls them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import call, write_images, write_table
from wellfit.data import load


def faulty_folder(root: Path) -> None:
    write_images(root, {"cat": 40, "dog": 40}, size=16)
    (root / "cat" / "broken.png").write_bytes(b"nothing")
    (root / "dog" / "same.png").write_bytes((root / "dog" / "7.png").read_bytes())


def test_a_folder(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    faulty_folder(folder / "photos")
    done = call(capsys, "data", "photos", "--json", "--plan", "plan.yaml")
    assert done.code == 0, done.err
    assert "looking: duplicates" in done.err
    found = json.loads(done.out)
    kinds = {one["kind"]: one for one in found["findings"]}
    assert kinds["unreadable"]["where"] == ["cat/broken.png"]
    assert kinds["exact_duplicates"]["groups"] == [["dog/7.png", "dog/same.png"]]
    assert kinds["overfitting_risk"]["evidence"]["parameters"] > 1000
    assert found["report"] == "runs/photos-audit/audit.html"
    assert json.loads(Path("runs/photos-audit/audit.json").read_text())["findings"] == found["findings"]
    page = Path(found["report"]).read_text()
    assert page.count("data:image/png;base64,") >= 2
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    cleaned = call(capsys, "data", "clean", "photos", "--plan", "plan.yaml", "-o", "clean")
    assert cleaned.code == 0, cleaned.err
    assert "80 of 82 samples kept" in cleaned.out
    assert not Path("clean/cat/broken.png").exists()
    again = json.loads(call(capsys, "data", "audit", "clean", "--json", "-q").out)
    assert not {"unreadable", "exact_duplicates"} & {one["kind"] for one in again["findings"]}


def test_words(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    faulty_folder(folder / "photos")
    done = call(capsys, "data", "audit", "photos", "-q", "-o", "deep/a.html", "--set", "model.hidden=[8]")
    assert (done.code, done.err) == (0, "")
    assert "error: unreadable: 1 of 82 files or rows cannot be read" in done.out
    assert "what to do: keep one of each group" in done.out
    assert "where: dog/7.png = dog/same.png" in done.out
    assert "the mlp" in done.out
    assert Path("deep/a.json").exists()


def test_a_table(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_table(folder / "t.csv", cell=(4, "x2", ""))
    lines = (folder / "t.csv").read_text().splitlines()
    (folder / "t.csv").write_text("\n".join([*lines, lines[8]]) + "\n")
    done = call(capsys, "data", "t.csv", "--target", "kind", "--json", "-q", "--plan", "p.yaml")
    assert done.code == 0, done.err
    kinds = {one["kind"]: one for one in json.loads(done.out)["findings"]}
    assert (kinds["missing"]["where"], kinds["missing"]["evidence"]["column"]) == (["line 6"], "x2")
    assert kinds["exact_duplicates"]["groups"] == [["line 9", "line 62"]]
    cleaned = call(capsys, "data", "clean", "t.csv", "--plan", "p.yaml", "-o", "c.csv", "--json")
    assert json.loads(cleaned.out) | {"relabeled": 0} == {
        "path": "c.csv",
        "before": 61,
        "after": 60,
        "relabeled": 0,
        "imputed": 1,
    }
    assert len(load("c.csv", target="kind")) == 60
    without = call(capsys, "data", "t.csv", "-q")
    assert "no --target: nothing is said about classes" in without.out
    Path("p.yaml").write_text(Path("p.yaml").read_text() + "# edited\n")
    again = call(capsys, "data", "t.csv", "--target", "kind", "-q", "--plan", "p.yaml")
    assert "plan: p-2.yaml" in again.out
    assert Path("p.yaml").read_text().endswith("# edited\n")
    assert "plan: p-2.yaml" in call(capsys, "data", "t.csv", "--target", "kind", "-q", "--plan", "p.yaml").out
    assert call(capsys, "data", "clean", "t.csv", "--write-plan", "w.yaml", "--target", "kind").code == 0
    assert Path("w.yaml").read_text() == Path("p-2.yaml").read_text()


def test_names_stay_names_in_the_page(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    write_images(folder / "p", {"<b>cat\n": 30, "dog": 30}, size=16)
    (folder / "p" / "<b>cat\n" / "<b>broken").write_bytes(b"nothing")
    done = call(capsys, "data", "p", "-q")
    assert done.code == 0, done.err
    assert "<b>" not in Path("runs/p-audit/audit.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: no such data set or path"),
        (["digitz"], "'digits' (nearest)"),
        (["digits", "-o", "a.txt"], "-o: received 'a.txt'; expected a path that ends in .html"),
        (["t.csv", "--target", "knd"], "has no column 'knd'"),
        (["clean", "digits"], "--plan: missing"),
        (["clean", "digits", "--plan", "p.yaml"], "-o: missing"),
        (["clean", "digits", "--plan", "p.yaml", "-o", "c.npz"], "p.yaml: no such file"),
        (["clean", "digits", "--write-plan", "p.yaml", "-o", "c.npz"], "--write-plan: received with"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], said: str) -> None:
    write_table(folder / "t.csv")
    done = call(capsys, "data", *arguments, *(["-q"] if arguments[0] != "clean" else []))
    assert (done.code, done.out) == (2, "")
    assert said in done.line
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["photos", "--plan", "photos/plan.yaml"],
            "--plan: 'photos/plan.yaml' lies in the data photos; expected a path",
        ),
        (["photos", "-o", "photos/cat/a.html"], "-o: 'photos/cat/a.html' lies in the data photos; expected"),
        (["t.csv", "--target", "y", "--plan", "t.csv"], "--plan: 't.csv' lies in the data t.csv; expected a path"),
        (["clean", "photos", "--write-plan", "photos/p.yaml"], "--write-plan: 'photos/p.yaml' lies in the data photos"),
    ],
)
def test_nothing_is_written_into_the_data(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], said: str
) -> None:
    write_images(folder / "photos", {"cat": 5, "dog": 5}, size=8)
    Path("t.csv").write_text("x,y\n1,2\n")
    done = call(capsys, "data", *arguments)
    assert done.code == 2
    assert said in done.line
    assert Path("t.csv").read_text() == "x,y\n1,2\n"


def test_sequences_have_curves(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 20, 2)).cumsum(axis=1).astype(np.float32)
    x[30] = x[4]
    np.savez(folder / "s.npz", x=x, y=np.arange(60) % 2)
    done = call(capsys, "data", "s.npz", "-q")
    assert "sample 4 = sample 30" in done.out
    assert Path("runs/s-audit/audit.html").read_text().count("data:image/png") >= 2
