from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from wellfit.data.dataset import Dataset, Task
from wellfit.data.table import load_table
from wellfit.errors import DataError

ROWS = "a,b,y\n" + "".join(f"{i},{i * 2.5},{'uv'[i % 2]}\n" for i in range(10))


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def refused(path: Path, *, target: str | None = "y", task: Task | None = None, skip_bad: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        load_table(path, target=target, task=task, skip_bad=skip_bad)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def read(tmp_path: Path, text: str, *, task: Task | None = None, skip_bad: bool = False) -> Dataset:
    return load_table(written(tmp_path / "a.csv", text), target="y", task=task, skip_bad=skip_bad)


def test_csv_against_pandas(tmp_path: Path) -> None:
    path = written(tmp_path / "flowers.csv", ROWS)
    data = load_table(path, target="y")
    frame = pd.read_csv(path)
    assert (data.name, data.kind, data.task, data.classes) == ("flowers", "vector", "classification", ("u", "v"))
    assert (data.features, data.targets, data.given_test) == (("a", "b"), ("y",), None)
    np.testing.assert_array_equal(data.x.numpy(), frame[["a", "b"]].to_numpy(np.float32))
    assert data.x.dtype == torch.float32
    assert [data.classes[i] for i in data.y] == frame["y"].tolist()


def test_tsv_byte_order_mark_blanks_and_windows_lines(tmp_path: Path) -> None:
    text = "\ufeff" + ROWS.replace(",", "\t ").replace("\n", "\r\n")
    data = load_table(written(tmp_path / "a.tsv", text), target="y")
    assert data.features == ("a", "b")
    assert data.classes == ("u", "v")
    assert data.x[3].tolist() == [3.0, 7.5]


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["1", "2", "10"] * 4, "classification", ("1", "2", "10")),
        (["true", "false"] * 6, "classification", ("false", "true")),
        (["1.5", "2.5", "3.5"] * 4, "regression", ()),
        ([str(i) for i in range(12)], "regression", ()),
        (["none", "NA", "x"] * 4, "classification", ("NA", "none", "x")),
    ],
)
def test_the_task_is_inferred(tmp_path: Path, values: list[str], task: str, classes: tuple[str, ...]) -> None:
    data = read(tmp_path, "a,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values)))
    assert (data.task, data.classes) == (task, classes)
    if task == "regression":
        assert (data.y.dtype, data.y.shape, data.outputs) == (torch.float32, (12, 1), 1)
        assert data.y[:, 0].tolist() == [float(value) for value in values]
    else:
        assert data.y.dtype == torch.int64
        assert [classes[i] for i in data.y] == values


def test_more_than_twenty_integers_are_numbers(tmp_path: Path) -> None:
    for distinct, task in ((20, "classification"), (21, "regression")):
        rows = "".join(f"{i},{i % distinct}\n" for i in range(210))
        assert read(tmp_path, "a,y\n" + rows).task == task


def test_the_task_can_be_given(tmp_path: Path) -> None:
    rows = "a,y\n" + "".join(f"{i},{i % 3}\n" for i in range(12))
    assert read(tmp_path, rows, task="regression").y[:3].tolist() == [[0.0], [1.0], [2.0]]
    halves = "a,y\n" + "".join(f"{i},{i % 3 / 2}\n" for i in range(12))
    assert read(tmp_path, halves, task="classification").classes == ("0", "0.5", "1")
    text = written(tmp_path / "t.csv", ROWS)
    assert "column 'y': holds text" in refused(text, task="regression")


def test_truth_values_are_zero_and_one(tmp_path: Path) -> None:
    data = read(tmp_path, "a,b,y\n" + "".join(f"{i % 2 == 0},{i},{'uv'[i % 2]}\n" for i in range(6)))
    assert data.x[:, 0].tolist() == [1, 0] * 3


def test_target_missing_or_unknown(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", ROWS.replace("y\n", "label\n", 1))
    assert "data.target: missing" in refused(path, target=None)
    assert "has no column 'Lable'; expected 'label' (nearest), one of a, b, label" in refused(path, target="Lable")
    many = written(tmp_path / "m.csv", ",".join(f"c{i}" for i in range(900)) + "\n")
    message = refused(many, target="c9x")
    assert "and 888 more" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b,y\n", "holds no rows"),
        ("a,a,y\n1,2,3\n", "the column 'a' stands twice"),
        (",a,y\n1,2,3\n", "column 1 has no name"),
        ("y\n1\n", "holds the target 'y' only"),
        ("a,y\n" + "1,u\n" * 5, "column 'y': one class only, 'u'"),
        ("a,y\n" + "1,2.5\n" * 5, "the same value, 2.5, in all samples"),
        (
            "a,b,y\n" + "".join(f"x{i},1,{'uv'[i % 2]}\n" for i in range(9)),
            "the column 'a' holds 9 different texts in 9 rows, such as 'x0'; expected few levels: leave it out with "
            "data.drop=[a], or name it in data.categories",
        ),
        ("a,y\n" + "01/02/2020,u\n03/04/2020,v\n" * 3, "which may be month/day/year or day/month/year; expected year"),
        ("a,b,y\n" + ",1,u\n,2,v\n" * 3, "the column 'a' has no values"),
        ("a,y\n1,u\n" + '"2,v\n', "cannot be read"),
    ],
)
def test_files_at_fault_even_with_skip_bad(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path / "a.csv", text)
    assert message in refused(path)
    assert message in refused(path, skip_bad=True)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("5,red,u\n", "the text 'red' in the column 'b'"),
        ("5,,u\n", "no value in the column 'b'"),
        ("NaN,1,u\n", "no value in the column 'a'"),
        ("5,-inf,u\n", "the value -inf in the column 'b'"),
        ("5,1e300,u\n", "the value 1e+300, too large for float32, in the column 'b'"),
        ("5,1,\n", "no value in the target 'y'"),
        ("5,1\n", "no value in the target 'y'"),
        ("5,1,u,9\n", "4 fields, where the first line names 3 columns"),
    ],
)
def test_a_bad_row_is_named_by_its_line_or_left_out(tmp_path: Path, row: str, message: str) -> None:
    path = written(tmp_path / "a.csv", ROWS + row + "7,7,v\n" + row)
    assert refused(path).startswith(f"{path}, line 12: {message}; expected ")
    data = load_table(path, target="y", skip_bad=True)
    assert data.skipped == tuple(f"{path}, line {line}: {message}" for line in (12, 14))
    assert data.x[:, 0].tolist() == [*range(10), 7]
    assert data.y.tolist() == [0, 1] * 5 + [1]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'a,note,y\n"1",0,"u"\n\n2,"\n0",v\n3,0,u\n4,x,v\n')
    assert refused(path).startswith(f"{path}, line 7: the text 'x'")


def test_a_long_first_row_and_a_first_bad_row_among_several_kinds(tmp_path: Path) -> None:
    long = written(tmp_path / "long.csv", "a,y\n1,u,9\n2,v,9\n")
    assert "line 2: 3 fields, where the first line names 2 columns" in refused(long)
    both = written(tmp_path / "both.csv", ROWS + "5,1,\nx,1,u\n")
    assert "line 12: no value in the target" in refused(both)


def test_missing_integers_in_the_target_stay_classes(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{i},{i % 3}\n" for i in range(12)) + "1,NA\n1,\n"
    data = read(tmp_path, text, skip_bad=True)
    assert data.classes == ("0", "1", "2")
    assert len(data.skipped) == 2


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,y\n1,\xe9\n")
    assert "is not UTF-8 (byte 0xe9)" in refused(path)
    path.write_bytes(b"a,\xe9\n1,2\n")
    assert "is not UTF-8 (byte 0xe9)" in refused(path)


def test_hostile_column_names(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", '"a\n\x1b[2J",y\n' + "x,u\nz,v\nw,v\n")
    message = refused(path)
    assert message.isprintable()
    assert "a\\n\\x1b[2J" in message


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "f": np.linspace(0, 1, 9, dtype=np.float32),
            "i": np.arange(9),
            "flag": [True, False, True] * 3,
            "c": pd.Categorical(["w", "u", "v"] * 3),
        }
    )


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame().to_parquet(path)
    data = load_table(path, target="c")
    assert (data.features, data.classes) == (("f", "i", "flag"), ("u", "v", "w"))
    np.testing.assert_array_equal(data.x.numpy(), frame()[["f", "i", "flag"]].to_numpy(np.float32))
    frame().drop(columns="c").to_parquet(path)
    assert load_table(path, target="f").task == "regression"


def test_parquet_rows_are_counted_and_nullable_types_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame().assign(n=pd.array([1, 2, None, 4, 5, 6, 7, 8, 9], dtype="Int64")).to_parquet(path)
    assert refused(path, target="c").startswith(f"{path}, row 3: no value in the column 'n'")
    data = load_table(path, target="c", skip_bad=True)
    assert data.x[:, -1].tolist() == [1, 2, 4, 5, 6, 7, 8, 9]
    assert data.skipped == (f"{path}, row 3: no value in the column 'n'",)


def test_parquet_at_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame().assign(many=pd.Series([[1, 2]] * 9, dtype=object)).to_parquet(path)
    assert "the column 'many' holds values of type ndarray" in refused(path, target="c", skip_bad=True)
    frame()[["f"]].assign(day=pd.Timestamp("2020-01-01")).to_parquet(path)
    assert "holds values of type Timestamp" in refused(path, target="day")
    path.write_bytes(b"PAR1 no parquet")
    assert "cannot be read" in refused(path)
    assert "no such file" in refused(tmp_path / "b.parquet")


def test_the_saved_index_of_a_parquet_is_no_feature(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame().set_index("i").to_parquet(path)
    assert load_table(path, target="c").features == ("f", "flag")
