from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.data.test_table import refused, written
from wellfit.data.table import load_table
from wellfit.errors import DataError

MIXED = """size,color,sold,day,grade,y
1.5,red,true,2020-01-31,1,u
2.5, blue ,false,2020-02-01 12:00,2,v
,red,TRUE,,10,u
4,,false,1999-12-31T18:00:00Z,2,v
5,green,,2000-01-01T00:00+01:00,1,u
6,green,true,2000-01-02,1,v
7,blue,true,2000-01-03,2,u
"""


def test_mixed_columns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path / "a.csv", MIXED)
    data = load_table(path, target="y", categories=["grade"], impute=True)
    assert [(column.name, column.kind) for column in data.columns] == [
        ("size", "number"),
        ("color", "category"),
        ("sold", "truth"),
        ("day", "date"),
        ("grade", "category"),
    ]
    assert data.columns[1].levels == ("blue", "green", "red")
    assert data.columns[4].levels == ("1", "2", "10")
    nan = np.nan
    expected = [
        [1.5, 2, 1, 7335, 0],
        [2.5, 0, 0, 7336.5, 1],
        [nan, 2, 1, nan, 2],
        [4, nan, 0, -0.25, 1],
        [5, 1, nan, -1 / 24, 0],
        [6, 1, 1, 1, 0],
        [7, 0, 1, 2, 1],
    ]
    np.testing.assert_array_equal(data.x.numpy(), np.array(expected, dtype=np.float32))
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: missing values are filled in: 1 in 'size', 1 in 'color', 1 in 'sold', 1 in 'day'"
    ]
    assert data.shape == (5,)


def test_without_imputation_a_missing_value_of_any_kind_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", MIXED)
    expected = "a value, data.impute (mean, median, ...) to fill it in, or data.skip_bad to leave the row out"
    assert refused(path) == f"{path}, line 4: no value in the column 'size'; expected {expected}"
    data = load_table(path, target="y", skip_bad=True)
    assert data.skipped == tuple(
        f"{path}, line {line}: no value in the column '{name}'"
        for line, name in ((4, "size"), (5, "color"), (6, "sold"))
    )
    assert torch.isfinite(data.x).all()


def test_bad_values_are_no_missing_ones(tmp_path: Path) -> None:
    for row, message in (
        ("x,red,true,2020-01-01,1,u", "the text 'x' in the column 'size'"),
        ("-inf,red,true,2020-01-01,1,u", "the value -inf in the column 'size'"),
        ("1,red,true,2020-13-01,1,u", "the text '2020-13-01' in the column 'day'"),
        ("1,red,true,01.02.2020,1,u", "the text '01.02.2020' in the column 'day'"),
    ):
        path = written(tmp_path / "a.csv", MIXED + row + "\n")
        with pytest.raises(DataError, match="line 9") as caught:
            load_table(path, target="y", impute=True)
        assert message in str(caught.value)
        data = load_table(path, target="y", impute=True, skip_bad=True)
        assert (len(data), len(data.skipped)) == (7, 1)


def test_columns_can_be_dropped(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "id,a,y\n" + "".join(f"r{i},{i},{'uv'[i % 2]}\n" for i in range(6)))
    assert "data.drop=[id]" in refused(path)
    assert load_table(path, target="y", drop=["id"]).features == ("a",)
    assert len(load_table(path, target="y", categories=["id"]).columns[0].levels) == 6
    for fields, message in (
        ({"drop": ["idd"]}, "data.drop: .* has no column 'idd'; expected 'id' .nearest"),
        ({"categories": ["b"]}, "data.categories: .* has no column 'b'"),
        ({"drop": ["y"]}, "data.drop: received 'y', the target"),
        ({"drop": ["id", "a"]}, "holds the target 'y' only"),
    ):
        with pytest.raises(DataError, match=message):
            load_table(path, target="y", **fields)  # type: ignore[arg-type]


def test_a_text_that_is_no_name_of_a_level(tmp_path: Path) -> None:
    text = "a,b,y\n" + "".join(f"{i},{'x' * 10**6 if i == 3 else 'k'},{'uv'[i % 2]}\n" for i in range(8))
    message = refused(written(tmp_path / "a.csv", text))
    assert "the column 'b' holds a text of 1,000,000 characters, 'xxxx" in message
    assert len(message) < 400


def mixed_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": [1.5, None, 3.0, 4.0, 5.0, 6.0],
            "color": ["red", None, "blue", "red", "blue", "red"],
            "sold": [True, False, True, True, False, False],
            "n": [3, 1, 2**40, 4, 1, 5],
            "y": list("uvuvuv"),
        }
    )


@pytest.mark.parametrize(
    "suffix", ["csv", "tsv", "jsonl", "ndjson", "parquet", "pq", "feather", "arrow", "stream.arrow"]
)
def test_every_kind_of_file_holds_the_same(tmp_path: Path, suffix: str) -> None:
    import pyarrow as pa

    frame, path = mixed_frame(), tmp_path / f"a.{suffix}"
    if suffix in ("csv", "tsv"):
        frame.to_csv(path, sep="," if suffix == "csv" else "\t", index=False)
    elif suffix in ("jsonl", "ndjson"):
        frame.to_json(path, orient="records", lines=True)
    elif suffix in ("parquet", "pq"):
        frame.to_parquet(path)
    elif suffix == "feather":
        frame.to_feather(path)
    else:
        table = pa.Table.from_pandas(frame)
        new = pa.ipc.new_stream if suffix == "stream.arrow" else pa.ipc.new_file
        with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    data = load_table(path, target="y", impute=True)
    assert [(column.kind, column.levels) for column in data.columns] == [
        ("number", ()),
        ("category", ("blue", "red")),
        ("truth", ()),
        ("number", ()),
    ]
    assert data.x[1].isnan().tolist() == [True, True, False, False]
    np.testing.assert_array_equal(data.x[:, 3].numpy(), frame["n"].to_numpy(np.float32))
    assert data.x[:, 2].tolist() == [1, 0, 1, 1, 0, 0]
    assert [data.classes[i] for i in data.y] == list("uvuvuv")
    path.write_bytes(b"ARROW1 no table \xff\xfe")
    assert len(refused(path)) < 400


def test_json_lines_with_lines_at_fault(tmp_path: Path) -> None:
    good = "".join(f'{{"a": {i}, "y": {i % 3}}}\n' for i in range(12))
    path = written(tmp_path / "a.jsonl", good + "\n")
    data = load_table(path, target="y")
    assert (data.classes, data.x[:, 0].tolist()) == (("0", "1", "2"), [float(i) for i in range(12)])
    for line, message in (
        ("[1, 2]", "holds a list, no object"),
        ('{"a": [1]}', "holds a list in 'a'"),
        ('{"a": {"b": 1}}', "holds a nested object in 'a'"),
        ('{"a": 1', "is no JSON"),
        ('{"a": 1' + "0" * 30 + "}", "holds a number beyond 64 bits in 'a'"),
        ("[" * 100_000, "is no JSON"),
        ('{"a": null, "y": 1}', "no value in the column 'a'"),
        ('{"a": 1}', "no value in the target 'y'"),
    ):
        path = written(tmp_path / "b.jsonl", good + line + "\n")
        assert refused(path).startswith(f"{path}, line 13: {message}"), message
        left = load_table(path, target="y", skip_bad=True)
        assert (len(left), len(left.skipped)) == (12, 1)
    assert "holds no objects" in refused(written(tmp_path / "c.jsonl", "\n"))
    assert "is not UTF-8 (byte 0xff)" in refused(_bytes(tmp_path / "d.jsonl", b'{"a": "\xff"}'))


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
