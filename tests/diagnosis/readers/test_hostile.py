"""Broken, empty, huge and hostile logs: one clear line, or what can be read of them with a remark."""

from __future__ import annotations

import os
import random
import resource
import shutil
from pathlib import Path

import pytest

from wellfit.diagnosis.readers import read_logs
from wellfit.errors import DataError

EVENTS = Path(__file__).parent / "logs" / "tensorboard" / "writer" / "events.out.tfevents.writer"
HEADER = b"epoch,train_loss,val_loss\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "no column named like a loss"),
        (HEADER, "no column named like a loss"),
        (b"epoch,a,b\n1,2,3\n", "no column named like a loss"),
        (bytes(range(256)) * 100, "is no text"),
        (HEADER + b"0,1,2\n1,\0,1\n", "is no text"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b'{"loss":[1,2,3],"val_loss":[1,2', "is no JSON"),
        (b'{"a": 1}', "holds no losses"),
        (b'{"loss": ["a", "b"], "val_loss": ["c", "d"]}', "holds no losses"),
        (b'{"loss": [1, ' + b"9" * 5000 + b"]}", "is no JSON"),
        (b"Epoch 1, loss: 0.5, val_loss: 0.4\nEpoch 2, loss: 0.3, val_loss: 0.2\n", "no column named like a loss"),
        (EVENTS.read_bytes()[:12], "no scalars"),
    ],
)
def test_no_log(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_logs(tmp_path / "log")
    assert len(str(caught.value)) < 500
    assert caught.value.exit_code == 2


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_logs(tmp_path / "log")
    with pytest.raises(DataError, match="cannot be read"):
        read_logs("a\0b")
    with pytest.raises(DataError, match="holds no losses"):
        read_logs(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataError, match="no regular file"):
        read_logs(tmp_path / "fifo")
    with pytest.raises(DataError, match="holds no losses"):
        read_logs(tmp_path)


@pytest.mark.parametrize(
    "bad",
    [
        b"0," + b"9" * 1_000_000 + b",1\n",
        b"0," + b"9" * 3_000_000 + b",1\n",
        b"0,1,2,3,4,5\n",
        b'x,"1,2\n"y\n',
        b"\xff\xfe,x,y\n",
    ],
)
def test_a_bad_line_is_left_out(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / "log").write_bytes(HEADER + b"1,0.5,0.7\n2,0.4,0.6\n" + bad + b"3,0.3,0.5\n")
    (run,) = read_logs(tmp_path / "log")
    assert run.curves.val_loss == [0.7, 0.6, 0.5]
    assert run.has("skipped")


def test_a_line_that_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(HEADER + b"1,0.5,0.7\n2,0.4")
    (run,) = read_logs(tmp_path / "log")
    assert run.curves.at == [1]
    assert run.has("cut-off")
    (tmp_path / "log").write_bytes(b'{"epoch":1,"loss":1,"val_loss":2}\n{"epoch":2,"lo')
    (run,) = read_logs(tmp_path / "log")
    assert run.curves.at == [1]
    assert run.has("cut-off")


def test_names_are_shown_safely(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"epoch,train_loss,val_loss,\x1b[31mred\n1,1,2,3\n2,1,2,3\n")
    assert read_logs(tmp_path / "log")[0].unused == ("\\x1b[31mred",)


def test_links_are_not_followed_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "log.csv").write_bytes(HEADER + b"1,1,1\n2,1,1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.csv").symlink_to(tmp_path / "outside" / "log.csv")
    (inside / "folder").symlink_to(tmp_path / "outside")
    (inside / "loop").symlink_to(inside)
    with pytest.raises(DataError):
        read_logs(inside)
    shutil.copy(tmp_path / "outside" / "log.csv", inside / "a.csv")
    os.link(inside / "a.csv", inside / "b.csv")  # the same file under a second name
    assert [run.source for run in read_logs(inside)] == [str(inside / "a.csv")]


def test_a_cut_event_file(tmp_path: Path) -> None:
    content = EVENTS.read_bytes()
    (tmp_path / "log").write_bytes(content[:5000])
    (run,) = read_logs(tmp_path / "log")
    assert run.has("cut-off")
    (whole,) = read_logs(EVENTS)
    assert len(run.curves) > 5
    assert run.curves.val_loss == (whole.curves.val_loss or [])[: len(run.curves)]


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bits_never_surprise(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    content = bytearray(EVENTS.read_bytes())
    for _ in range(30):
        content[draw.randrange(60, len(content))] ^= 1 << draw.randrange(8)
    (tmp_path / "log").write_bytes(content)
    try:
        runs = read_logs(tmp_path / "log")
    except DataError:
        return
    assert all(len(run.curves) for run in runs)


@pytest.mark.slow
def test_a_million_rows(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        file.write("step,epoch,train_loss,val_loss,train_acc,val_acc,lr,text\n")
        file.writelines(f"{i},{i // 1000},{1 / (i + 1)},{1.1 / (i + 1)},.5,.6,.001,abc\n" for i in range(1_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF)
    (run,) = read_logs(tmp_path / "log")
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert len(run.curves) == 2000
    assert run.has("thinned")
    assert after.ru_utime - before.ru_utime < 30
    assert after.ru_maxrss - before.ru_maxrss < 600_000  # kB
