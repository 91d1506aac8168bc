"""Plans: proposed, written, edited, applied to a copy; the source is never changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wellfit.data import load
from wellfit.data.audit import read_subject
from wellfit.data.audit.duplicates import find_duplicates
from wellfit.data.audit.missing import find_missing
from wellfit.data.audit.read_folder import folder_fingerprint
from wellfit.data.audit.unreadable import find_unreadable
from wellfit.data.clean import Action, Plan, apply_plan, propose, read_plan
from wellfit.errors import DataError, RecipeError
from wellfit.recipe import DataSpec


def write_folder(root: Path) -> Path:
    draw = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for i in range(6):
            Image.fromarray(draw.integers(0, 255, (8, 8), dtype=np.uint8)).save(root / label / f"{i}.png")
    (root / "dog" / "bad.png").write_bytes(b"nothing")
    (root / "cat" / "copy.png").write_bytes((root / "cat" / "2.png").read_bytes())
    return root


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_a_folder_from_audit_to_copy(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos")
    before = files(root)
    subject = read_subject(DataSpec(source=str(root)))
    plan = propose(subject, [*find_unreadable(subject), *find_duplicates(subject)])
    assert [(one.action, one.where) for one in plan.actions] == [
        ("drop", ("dog/bad.png",)),
        ("deduplicate", ("cat/2.png", "cat/copy.png")),
    ]
    edited = plan.model_copy(
        update={"actions": (*plan.actions, Action(action="relabel", where=("dog/2.png",), to="cat"))}
    )
    (tmp_path / "plan.yaml").write_text(edited.to_yaml())
    again = read_plan(tmp_path / "plan.yaml")
    assert again == edited
    done = apply_plan(str(root), again, tmp_path / "one")
    assert (done.before, done.after, done.relabeled) == (14, 12, 1)
    made = files(tmp_path / "one")
    assert made["cat/2_dog.png"] == before["dog/2.png"]
    assert "dog/2.png" not in made
    assert made["cat/2.png"] == before["cat/2.png"]
    assert files(root) == before
    (tmp_path / "two").mkdir()
    apply_plan(str(root), again, tmp_path / "two")
    assert files(tmp_path / "two") == made
    assert len(load(str(tmp_path / "one"))) == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "photos", "plan.yaml", "two"]


def test_what_is_refused_leaves_nothing(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos")
    good = Plan(source="photos", fingerprint=folder_fingerprint(root))
    for update, out, said in (
        ({"fingerprint": "0" * 64}, "o", "is not the data that the plan was made for"),
        ({"actions": (Action(action="drop", where=("cat/77.png",)),)}, "o", "has no 'cat/77.png'"),
        ({"actions": (Action(action="relabel", where=("cat/1.png",), to="cow"),)}, "o", "has no class 'cow'"),
        ({"actions": (Action(action="drop", column="x"),)}, "o", "has no columns"),
        ({"actions": (Action(action="drop", where=tuple(sorted(files(root)))),)}, "o", "drops every sample"),
        ({}, "photos", "is already there"),
        ({}, "photos/inside", "lies inside of the source"),
    ):
        with pytest.raises(DataError, match=said):
            apply_plan(str(root), good.model_copy(update=update), tmp_path / out)
        assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert not (root / "inside").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: a\n", "is no plan"),
        (
            "source: a\nfingerprint: x\nactions: [{action: relabel, where: [b], too: c}]\n",
            "actions.0.too: unknown key; expected 'to' .nearest., one of action",
        ),
        ("source: a\nfingerprint: b\nactions: [{action: burn, where: [x]}]\n", "action"),
        ("source: a\nfingerprint: b\nactions: [{action: drop}]\n", "where"),
        ("source: a\nfingerprint: b\nactions: [{action: impute, where: [line 2], to: 3}]\n", "column"),
    ],
)
def test_bad_plans(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises((DataError, RecipeError), match=said):
        read_plan(tmp_path / "p.yaml")


def test_a_table_keeps_its_other_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [f'{i}.50,{10 + i},"a, b",{"yes" if i % 2 else "no"}' for i in range(12)]
    lines[3], lines[5] = '3.50,,"a, b",yes', "5.50,15,,yes"
    lines[7] = '7.50,17,"a, b",'
    path.write_text("x,z,text,answer\n" + "\n".join(lines) + "\n")
    subject = read_subject(DataSpec(source=str(path), target="answer"))
    plan = propose(subject, find_missing(subject))
    rest = np.setdiff1d(subject.train, subject.test)
    assert [(one.action, one.column, one.where) for one in plan.actions] == [
        ("drop", None, ("line 9",)),
        ("impute", "z", ("line 5",)),
        ("impute", "text", ("line 7",)),
    ]
    assert plan.actions[1].to == float(np.rint(np.nanmedian(subject.x[rest, 1])))
    assert plan.actions[2].to == "a, b"
    done = apply_plan(str(path), plan, tmp_path / "o.csv")
    assert (done.before, done.after, done.imputed) == (12, 11, 2)
    made = (tmp_path / "o.csv").read_text().splitlines()
    value = plan.actions[1].to
    assert isinstance(value, float)
    assert made[4] == f'3.50,{int(value) if value.is_integer() else value},"a, b",yes'
    assert made[1] == lines[0]
    assert (tmp_path / "o.csv.plan.yaml").read_text() == plan.to_yaml()
    with pytest.raises(DataError, match=r"ends in \.csv"):
        apply_plan(str(path), plan, tmp_path / "o.tsv")
    filled = plan.model_copy(update={"actions": (Action(action="impute", column="z", where=("line 2",), to=1),)})
    with pytest.raises(DataError, match="'z' has a value"):
        apply_plan(str(path), filled, tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()


def test_a_parquet_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, None, 3, 4], "n": [1, 2, 3, 4], "y": ["a", "b", "a", "b"]})
    frame.to_parquet(tmp_path / "t.parquet")
    subject = read_subject(DataSpec(source=str(tmp_path / "t.parquet"), target="y"))
    actions = (
        Action(action="drop", where=("row 4",)),
        Action(action="impute", column="x", where=("row 2",), to=2),
        Action(action="relabel", where=("row 1",), to="b"),
        Action(action="drop", column="n"),
    )
    plan = Plan(source=subject.source, fingerprint=subject.fingerprint, target="y", actions=actions)
    apply_plan(subject.source, plan, tmp_path / "o.parquet")
    expected = pd.DataFrame({"x": [1.0, 2, 3], "y": ["b", "b", "a"]})
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "o.parquet"), expected, check_dtype=False)


def test_archives_and_named_data_give_the_same_bytes(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(30) % 3)
    subject = read_subject(DataSpec(source=str(tmp_path / "a.npz")))
    actions = (Action(action="drop", where=("sample 4",)), Action(action="relabel", where=("sample 0",), to="2"))
    plan = Plan(source=subject.source, fingerprint=subject.fingerprint, actions=actions)
    for name in ("b.npz", "c.npz"):
        apply_plan(subject.source, plan, tmp_path / name)
    assert (tmp_path / "b.npz").read_bytes() == (tmp_path / "c.npz").read_bytes()
    made = load(str(tmp_path / "b.npz"))
    np.testing.assert_array_equal(made.x.numpy(), np.delete(x, 4, axis=0))
    assert made.y[:2].tolist() == [2, 1]
    digits = read_subject(DataSpec(source="digits"))
    named = Plan(source="digits", fingerprint=digits.fingerprint, actions=(Action(action="drop", where=("sample 9",)),))
    apply_plan("digits", named, tmp_path / "d.npz")
    copy = load(str(tmp_path / "d.npz"))
    assert (copy.classes, len(copy)) == (tuple("0123456789"), 1796)
