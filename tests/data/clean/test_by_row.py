"""A plan by rows: names mean the samples that the audit meant; what does not fit the data is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from wellfit.data import load
from wellfit.data.audit import read_subject
from wellfit.data.clean import Action, Plan
from wellfit.data.clean.by_row import RowChanges, row_changes
from wellfit.data.clean.names import names_of
from wellfit.errors import DataError
from wellfit.recipe import CleanSpec, DataSpec


def write_folder(root: Path, *, parts: bool) -> DataSpec:
    draw = np.random.default_rng(0)
    for part in ("train", "test") if parts else ("",):
        for label in ("cat", "dog: big"):
            (root / part / label).mkdir(parents=True)
            for i in range(9):
                Image.fromarray(draw.integers(0, 255, (6, 6), dtype=np.uint8)).save(root / part / label / f"{i}.png")
        (root / part / "dog: big" / "3.png").write_bytes(b"nothing")
    return DataSpec(source=str(root), skip_bad=True)


def write_archive(path: Path, *, parts: bool) -> DataSpec:
    draw = np.random.default_rng(1)
    arrays: dict[str, Any] = {}
    for part in ("train", "test") if parts else ("",):
        end = f"_{part}" if part else ""
        x = draw.normal(size=(40, 4)).astype(np.float32)
        x[[3, 17], 1] = np.nan
        arrays |= {f"x{end}": x, f"y{end}": np.array(["a", "b"] * 20)}
    np.savez(path, **arrays)
    return DataSpec(source=str(path), skip_bad=True)


def write_table(path: Path) -> DataSpec:
    draw = np.random.default_rng(2)
    values = draw.normal(size=(60, 2)).tolist()
    rows = [f"{a:.4f},{b:.4f},{('blue', 'red')[a > 0]},{('no', 'yes')[i % 2]}" for i, (a, b) in enumerate(values)]
    rows[5] = "1.5,,red,yes"
    rows[8] = "2.5,0.5,red,"
    rows[11] = "1.5,1,2,3,4"
    path.write_text("x,z,color,answer\n\n" + "\n".join(rows) + "\n")
    return DataSpec(source=str(path), target="answer", skip_bad=True, impute="median")


Write = Callable[[Path], DataSpec]
SOURCES: dict[str, Write] = {
    "folder": lambda root: write_folder(root / "f", parts=False),
    "folder with parts": lambda root: write_folder(root / "f", parts=True),
    "archive": lambda root: write_archive(root / "a.npz", parts=False),
    "archive with parts": lambda root: write_archive(root / "a.npz", parts=True),
    "table": lambda root: write_table(root / "t.csv"),
    "named": lambda root: DataSpec(source="digits"),
}


@pytest.mark.parametrize("limit", [None, 12])
@pytest.mark.parametrize("name", SOURCES)
def test_names_mean_what_the_audit_means(name: str, limit: int | None, tmp_path: Path) -> None:
    spec = SOURCES[name](tmp_path)
    spec = spec.model_copy(update={"limit": None if limit is None else 100 if name == "named" else limit})
    subject, dataset = read_subject(spec), load(spec)
    names = names_of(dataset, spec)
    assert subject.fingerprint in names.fingerprints
    assert len(names.row_of) == len(dataset)
    assert sorted(names.row_of.values()) == list(range(len(dataset)))
    where = subject.row_of()
    audited = [where[one] for one in names.row_of]
    mine = list(names.row_of.values())
    at = slice(0, 2) if name == "table" else slice(None)  # the third column is coded differently
    assert np.allclose(dataset.x.numpy()[mine][:, at], subject.x[audited][:, at], equal_nan=True)
    given = np.array(subject.classes)[subject.y[audited]]
    assert given.tolist() == [dataset.classes[code] for code in dataset.y[mine].tolist()]
    beyond = set(subject.names) - names.row_of.keys()
    assert beyond <= names.absent
    assert limit is not None or all(name == "table" for _ in beyond)
    assert set(subject.unreadable) <= names.absent | names.row_of.keys()


def test_a_limited_named_set_with_another_size_is_known(tmp_path: Path) -> None:
    spec = DataSpec(source="digits", limit=50, size=(6, 6), equalize="histogram")
    names = names_of(load(spec), spec)
    assert read_subject(DataSpec(source="digits")).fingerprint in names.fingerprints


def changes_of_plan(spec: DataSpec, tmp_path: Path, *actions: Action, **plan: str) -> RowChanges:
    subject = read_subject(spec)
    made = Plan(source=spec.source, fingerprint=subject.fingerprint, target=spec.target, actions=actions)
    (tmp_path / "plan.yaml").write_text(made.model_copy(update=plan).to_yaml())
    spec = spec.model_copy(update={"clean": CleanSpec(plan=str(tmp_path / "plan.yaml"))})
    return row_changes(load(spec), spec)


def test_a_plan_of_a_table_by_rows(tmp_path: Path) -> None:
    spec = write_table(tmp_path / "t.csv")
    found = changes_of_plan(
        spec,
        tmp_path,
        Action(action="drop", where=("line 3", "line 14")),  # line 14 has too many fields
        Action(action="deduplicate", where=("line 11", "line 5", "line 6")),  # line 11 has no answer: line 5 stays
        Action(action="relabel", where=("line 4", "line 7"), to="no"),
        Action(action="impute", column="z", where=("line 8",), to=0.25),
        Action(action="drop", column="color"),
    )
    dataset = load(spec)
    row = names_of(dataset, spec).row_of
    assert found.dropped.nonzero().squeeze(1).tolist() == sorted([row["line 3"], row["line 6"]])
    no, yes = dataset.classes.index("no"), dataset.classes.index("yes")
    assert dataset.y[row["line 4"]] == yes
    assert dataset.y[row["line 7"]] == no, "it is no already: nothing is relabeled"
    assert found.relabeled.nonzero().squeeze(1).tolist() == [row["line 4"]]
    assert found.targets[row["line 4"]] == no
    assert (found.cells.rows.tolist(), found.cells.columns.tolist()) == ([row["line 8"]], [1])
    assert found.cells.values.tolist() == [0.25]
    assert found.kept_columns == ("color",)


def test_a_category_is_filled_in_by_its_code(tmp_path: Path) -> None:
    spec = write_table(tmp_path / "t.csv")
    path = tmp_path / "t.csv"
    path.write_text(path.read_text().replace("1.5,,red,yes", "1.5,1,,yes"))
    found = changes_of_plan(spec, tmp_path, Action(action="impute", column="color", where=("line 8",), to="red"))
    levels = next(one for one in load(spec).columns if one.name == "color").levels
    assert found.cells.values.tolist() == [levels.index("red")]
    with pytest.raises(DataError, match="imputes 'green' in 'color'; expected blue, red"):
        changes_of_plan(spec, tmp_path, Action(action="impute", column="color", where=("line 8",), to="green"))


def test_a_number_is_relabeled_by_a_number(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "\n".join(f"{i},{i * 1.5}" for i in range(30)) + "\n")
    spec = DataSpec(source=str(path), target="y")
    found = changes_of_plan(spec, tmp_path, Action(action="relabel", where=("line 4",), to=7.25))
    assert found.targets[2].tolist() == [7.25]
    assert found.relabeled.sum() == 1
    with pytest.raises(DataError, match="which is no target"):
        changes_of_plan(spec, tmp_path, Action(action="relabel", where=("line 4",), to="much"))


@pytest.mark.parametrize(
    ("action", "plan", "said"),
    [
        (Action(action="drop", where=("line 3",)), {"fingerprint": "0"}, "made for other data .* new audit"),
        (Action(action="drop", where=("line 999",)), {}, "has no 'line 999'"),
        (Action(action="relabel", where=("line 3",), to="maybe"), {}, "is no class; expected no, yes"),
        (Action(action="impute", column="w", where=("line 8",), to=1), {}, "names the column 'w'"),
        (Action(action="drop", column="w"), {}, "names the column 'w'"),
        (Action(action="impute", column="x", where=("line 8",), to=1), {}, "'x' has a value"),
        (Action(action="impute", column="z", where=("line 8",), to="far"), {}, "imputes 'far' in 'z'"),
        (Action(action="drop", where=("line 3",)), {"target": "color"}, "was made for the target 'color'"),
    ],
)
def test_what_does_not_fit_is_refused(action: Action, plan: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said) as error:
        changes_of_plan(write_table(tmp_path / "t.csv"), tmp_path, action, **plan)
    assert "\n" not in str(error.value)


def test_series_of_a_long_table_have_no_names(tmp_path: Path) -> None:
    lines = [f"{i // 4},{i % 4},{i},{'a' if i // 4 % 2 else 'b'}" for i in range(80)]
    (tmp_path / "l.csv").write_text("series,time,v,kind\n" + "\n".join(lines) + "\n")
    spec = DataSpec(source=str(tmp_path / "l.csv"), target="kind", id="series", time="time")
    with pytest.raises(DataError, match="have no names"):
        names_of(load(spec), spec)


def test_a_plan_touches_nothing_by_being_read(tmp_path: Path) -> None:
    spec = write_table(tmp_path / "t.csv")
    dataset = load(spec)
    before = dataset.x.clone(), dataset.y.clone()
    changes_of_plan(spec, tmp_path, Action(action="impute", column="z", where=("line 8",), to=0.25))
    assert torch.equal(dataset.y, before[1])
    assert torch.equal(dataset.x.nan_to_num(9), before[0].nan_to_num(9))
