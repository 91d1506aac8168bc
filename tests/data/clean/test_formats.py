"""Copies of tables in other formats: what the plan does not name stays as it is, in its type and order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from wellfit.data.audit import read_subject
from wellfit.data.audit.missing import find_missing
from wellfit.data.clean import Action, Plan, apply_plan, propose
from wellfit.data.clean.lines import members_of
from wellfit.errors import DataError
from wellfit.recipe import DataSpec

LINES = (
    '{"n": 1, "x": 1.50, "text": "a\\u00e9", "ok": true, "y": "a"}',
    '{"n":2,"x":null,"text":null,"ok":false,"y":"b"}',
    '{"y": "a", "n": 3, "ok": null, "text": "b, }"}',
    '{"n": 4, "x": 2.50, "text": "b, }", "ok": true, "y": "b"}',
    "",
    '{"n": 5, "x": 1e3, "text": "b, }", "ok": true, "y": "b"}',
)


def plan_of(path: Path, *actions: Action, target: str | None = "y") -> Plan:
    subject = read_subject(DataSpec(source=str(path), target=target))
    return Plan(source=str(path), fingerprint=subject.fingerprint, target=target, actions=actions)


def test_json_lines_keep_the_bytes_of_what_stays(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(LINES) + "\n")
    before = path.read_bytes()
    plan = plan_of(
        path,
        Action(action="drop", where=("line 6",)),
        Action(action="impute", column="x", where=("line 2", "line 3"), to=2),
        Action(action="impute", column="ok", where=("line 3",), to=True),
        Action(action="impute", column="text", where=("line 2",), to="7"),
        Action(action="relabel", where=("line 3",), to="b"),
    )
    done = apply_plan(str(path), plan, tmp_path / "o.jsonl")
    assert (done.before, done.after, done.relabeled, done.imputed) == (5, 4, 1, 4)
    assert (tmp_path / "o.jsonl").read_text().splitlines() == [
        LINES[0],
        '{"n":2,"x":2,"text":"7","ok":false,"y":"b"}',
        '{"y": "b", "n": 3, "ok": true, "text": "b, }", "x": 2}',
        LINES[3],
    ]
    apply_plan(str(path), plan, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "o.jsonl").read_bytes()
    assert path.read_bytes() == before


def test_a_key_is_dropped_and_the_other_text_stays(tmp_path: Path) -> None:
    path = tmp_path / "t.ndjson"
    path.write_text("\n".join(LINES))
    apply_plan(str(path), plan_of(path, Action(action="drop", column="text")), tmp_path / "o.ndjson")
    made = (tmp_path / "o.ndjson").read_text().splitlines()
    assert made[0] == '{"n": 1, "x": 1.50, "ok": true, "y": "a"}'
    assert made[1] == '{"n":2,"x":null,"ok":false,"y":"b"}'
    assert made[4] == '{"n": 5, "x": 1e3, "ok": true, "y": "b"}'


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action(action="impute", column="x", where=("line 1",), to=2), "line 1: 'x' has a value"),
        (Action(action="impute", column="x", where=("line 2",), to="two"), "line 2: 'two' for 'x'; expected a number"),
        (Action(action="impute", column="ok", where=("line 3",), to="yes"), "expected true or false"),
        (Action(action="drop", where=("line 5",)), "has no 'line 5'"),
        (Action(action="drop", column="z"), "has no column 'z'"),
    ],
)
def test_what_json_lines_refuse(tmp_path: Path, action: Action, said: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(LINES))
    with pytest.raises(DataError, match=said):
        apply_plan(str(path), plan_of(path, action), tmp_path / "o.jsonl")
    assert [one.name for one in tmp_path.iterdir()] == ["t.jsonl"]


def test_a_line_that_is_no_object_must_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join([*LINES, '{"n": [1]}', "{oops"]))
    with pytest.raises(DataError, match="line 7: is no object of plain values; expected a plan that drops the line"):
        apply_plan(str(path), plan_of(path), tmp_path / "o.jsonl")
    done = apply_plan(str(path), plan_of(path, Action(action="drop", where=("line 7", "line 8"))), tmp_path / "o.jsonl")
    assert done.after == 5


@pytest.mark.parametrize("text", ["[1]", '{"a": 1', '{"a" 1}', '{"a": 1} x', '{"a": {}}', "{1: 2}", '{"a": 1 "b": 2}'])
def test_members_of_no_object(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        members_of(text)


def table() -> pa.Table:
    return pa.table(
        {
            "n": pa.array([1, None, 3, 4], pa.int16()),
            "day": pa.array([1, 2, 3, 4], pa.date32()),
            "level": pa.array(["u", "v", None, "u"]).dictionary_encode(),
            "x": pa.array([0.5, 1.5, None, 2.5], pa.float32()),
            "y": pa.array(["a", "b", "a", "b"], pa.large_string()),
        }
    )


def write(path: Path, form: str) -> None:
    if form == "parquet":
        pa.parquet.write_table(table(), path, compression="gzip")
    elif form == "feather":
        pa.feather.write_feather(table(), path)
    else:
        make = pa.ipc.new_stream if form == "stream" else pa.ipc.new_file
        with pa.OSFile(str(path), "wb") as file, make(file, table().schema) as writer:
            writer.write_table(table())


@pytest.mark.parametrize(
    ("name", "form"),
    [("t.parquet", "parquet"), ("t.feather", "feather"), ("t.arrow", "stream"), ("t.arrow", "file")],
)
def test_arrow_files_keep_their_types(tmp_path: Path, name: str, form: str) -> None:
    path, out = tmp_path / name, tmp_path / f"o{Path(name).suffix}"
    write(path, form)
    before = path.read_bytes()
    plan = plan_of(
        path,
        Action(action="drop", where=("row 4",)),
        Action(action="drop", column="day"),
        Action(action="impute", column="n", where=("row 2",), to=7),
        Action(action="impute", column="level", where=("row 3",), to="v"),
        Action(action="impute", column="x", where=("row 3",), to=1.25),
        Action(action="relabel", where=("row 1",), to="b"),
    )
    done = apply_plan(str(path), plan, out)
    assert (done.before, done.after, done.relabeled, done.imputed) == (4, 3, 1, 3)
    if form == "parquet":
        made = pa.parquet.read_table(out)
        assert pa.parquet.ParquetFile(out).metadata.row_group(0).column(0).compression == "GZIP"
    else:
        opened = pa.ipc.open_stream if form == "stream" else pa.ipc.open_file
        with pa.OSFile(str(out)) as file, opened(file) as reader:
            made = reader.read_all()
    schema = table().schema
    assert made.schema.equals(schema.remove(schema.get_field_index("day")), check_metadata=False)
    assert made.to_pydict() == {"n": [1, 7, 3], "level": ["u", "v", "v"], "x": [0.5, 1.5, 1.25], "y": ["b", "b", "a"]}
    assert path.read_bytes() == before
    out.rename(tmp_path / f"first{out.suffix}")
    apply_plan(str(path), plan, out)
    assert out.read_bytes() == (tmp_path / f"first{out.suffix}").read_bytes()


def test_arrow_refuses_values_of_other_types(tmp_path: Path) -> None:
    path = tmp_path / "t.feather"
    write(path, "feather")
    for column, row, to, said in (
        ("n", "row 2", 2.5, "column 'n': cannot hold '2.5'; expected values of its type, int16"),
        ("n", "row 1", 2, "row 1: 'n' has a value"),
        ("n", "row 9", 2, "has no 'row 9'"),
    ):
        action = Action(action="impute", column=column, where=(row,), to=to)
        with pytest.raises(DataError, match=said):
            apply_plan(str(path), plan_of(path, action), tmp_path / "o.feather")
    assert [one.name for one in tmp_path.iterdir()] == ["t.feather"]


def test_a_saved_index_stays(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "y": ["a", "b", "a", "b"]}, index=list("pqrs"))
    frame.to_parquet(path)
    apply_plan(str(path), plan_of(path, Action(action="drop", where=("row 2",))), tmp_path / "o.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "o.parquet"), frame.iloc[[0, 2, 3]])


def test_whole_numbers_are_filled_with_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    pd.DataFrame({"n": [1, 2, None, 6, 7, 8, 2, 1, 5, 3] * 2, "y": ["a", "b"] * 10}).astype({"n": "Int64"}).to_json(
        path, orient="records", lines=True
    )
    subject = read_subject(DataSpec(source=str(path), target="y"))
    (found,) = propose(subject, find_missing(subject)).actions
    assert isinstance(found.to, float)
    assert found.to.is_integer()


def test_the_action_of_an_unknown_name_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(LINES))
    plan = plan_of(path, Action(action="drop", where=("line 1",)), Action(action="drop", where=("line 2", "line 77")))
    with pytest.raises(DataError, match=r"plan\.actions\.1: .* has no 'line 77'"):
        apply_plan(str(path), plan, tmp_path / "o.jsonl")


def test_what_is_not_cleaned_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    plan = Plan(source="x", fingerprint="0")
    for path in (tmp_path, tmp_path / "x.npy"):
        with pytest.raises(DataError, match="is of a kind that is not cleaned"):
            apply_plan(str(path), plan, tmp_path.parent / "never")


def test_a_field_that_is_too_long_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,z,y\n" + "".join(f"{i},{'a' * (10**6 if i == 3 else 1)},{'ab'[i % 2]}\n" for i in range(8)))
    with pytest.raises(DataError, match="field larger than field limit"):
        apply_plan(str(path), plan_of(path, Action(action="drop", where=("line 2",))), tmp_path / "o.csv")
    assert [one.name for one in tmp_path.iterdir()] == ["t.csv"]
