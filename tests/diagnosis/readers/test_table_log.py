"""Tables, by the public descriptions of their formats where the library is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellfit.diagnosis.readers import LogRun, read_logs, table_log


def read(folder: Path, text: str, name: str = "log") -> list[LogRun]:
    (folder / name).write_text(text)
    return read_logs(folder / name)


def one(folder: Path, text: str) -> LogRun:
    (run,) = read(folder, text)
    return run


def test_ultralytics_sums_its_losses(tmp_path: Path) -> None:
    names = ["epoch", "train/box_loss", "train/cls_loss", "train/dfl_loss", "metrics/mAP50(B)"]
    names += ["val/box_loss", "val/cls_loss", "val/dfl_loss", "lr/pg0"]
    rows = [[e, 1 / e, 2 / e, 3 / e, 0.5, 1.1 / e, 2.1 / e, 3.1 / e, 0.01] for e in (1, 2, 3)]
    text = ",".join(f"{name:>23}" for name in names) + "\n"
    run = one(tmp_path, text + "".join(",".join(f"{value:23.5g}" for value in row) + "\n" for row in rows))
    assert run.format == "ultralytics"
    assert run.curves.train_loss == pytest.approx([6, 3, 2], rel=1e-4)
    assert run.curves.val_loss == pytest.approx([6.3, 3.15, 2.1], rel=1e-4)
    assert run.curves.lr == [0.01] * 3
    assert run.has("summed")
    assert run.has("train-mode")
    assert run.keys["val/dfl_loss"] == "val_loss"


def test_ultralytics_classification(tmp_path: Path) -> None:
    run = one(
        tmp_path, "epoch,train/loss,metrics/accuracy_top1,metrics/accuracy_top5,val/loss\n1,2,.5,.9,2\n2,1,.6,.9,1\n"
    )
    assert run.format == "ultralytics"
    assert run.curves.val_accuracy == [0.5, 0.6]
    assert run.curves.train_accuracy is None


@pytest.mark.parametrize(
    "text",
    [
        "epoch,train_loss,val_loss\n1,1.5,2.5\n2,0.5,1.0\n",
        "epoch\ttrain loss\tvalid loss\n1\t1.5\t2.5\n2\t0.5\t1.0\n",
        "epoch;train_loss;val_loss\n1;1,5;2,5\n2;0,5;1,0\n",
        "# epoch TrainLoss ValLoss\n1  1.5  2.5\n2  0.5  1.0\n",
        "Epoch,trainloss,valloss\r\n0,1.5,2.5\r\n1,0.5,1.0\r\n",
        '"train/loss","validation/loss"\n1.5,2.5\n0.5,1.0',
        "epoch,train_loss,val_loss\n1,1.5,2.5\nepoch,train_loss,val_loss\n2,0.5,1.0\n",
    ],
)
def test_one_table_in_many_dresses(tmp_path: Path, text: str) -> None:
    curves = one(tmp_path, text).curves
    assert (curves.unit, curves.at) == ("epoch", [1, 2])
    assert (curves.train_loss, curves.val_loss) == ([1.5, 0.5], [2.5, 1.0])


def test_several_runs_in_one_table(tmp_path: Path) -> None:
    runs = read(tmp_path, "run,epoch,loss,val_loss\na,1,1,2\nb,1,3,4\na,2,.5,1\nb,2,2,3\n")
    assert [run.source.rpartition("#")[2] for run in runs] == ["a", "b"]
    assert [run.curves.val_loss for run in runs] == [[2, 1], [4, 3]]


def test_a_wandb_chart(tmp_path: Path) -> None:
    text = '"Step","a - val_loss","a - val_loss__MIN","a - val_loss__MAX","a - train_loss","b-1 - val_loss"\n'
    runs = read(tmp_path, text + "0,1,0,9,2,3\n1,.5,0,9,1,2\n")
    assert [(run.source.rpartition("#")[2], run.format) for run in runs] == [("a", "wandb"), ("b-1", "wandb")]
    assert runs[0].curves.val_loss == [1, 0.5]
    assert runs[0].curves.train_loss == [2, 1]
    assert runs[1].has("no-train")


def test_batches_counted_anew_in_each_epoch(tmp_path: Path) -> None:
    rows = [f"{epoch},{step},{epoch + step / 10}," for epoch in range(3) for step in range(4)]
    rows += [f"{epoch},3,,{epoch + 5}" for epoch in range(3)]
    rows.sort(key=lambda row: (row[0], row.endswith(",") is False))
    run = one(tmp_path, "epoch,step,train_loss,val_loss\n" + "\n".join(rows) + "\n")
    assert run.curves.at == [1, 2, 3]
    assert run.curves.train_loss == pytest.approx([0.15, 1.15, 2.15])
    assert run.curves.val_loss == [5, 6, 7]
    assert not run.has("resumed")


def test_a_resumed_run_counts_once(tmp_path: Path) -> None:
    run = one(tmp_path, "epoch,loss,val_loss\n0,9,9\n1,8,8\n2,7,7\n1,6,6\n2,5,5\n3,4,4\n")
    assert run.curves.val_loss == [9, 6, 5, 4]
    assert run.has("resumed")


def test_nan_as_missing_and_nan_as_divergence(tmp_path: Path) -> None:
    missing = one(tmp_path, "epoch,train_loss,val_loss\n1,1,nan\n2,1,2\n3,1,nan\n4,1,3\n5,1,nan\n")
    assert missing.curves.broken_at is None
    diverged = one(tmp_path, "epoch,train_loss,val_loss\n1,1,2\n2,1,2\n3,inf,nan\n4,nan,nan\n")
    assert diverged.curves.broken_at == 3


def test_what_is_ambiguous_is_said(tmp_path: Path) -> None:
    run = one(
        tmp_path, "epoch,train_ce_loss,train_kl_loss,val_ce_loss,val_kl_loss,test_acc\n1,1,2,3,4,50\n2,1,2,3,4,60\n"
    )
    assert {"candidates", "test-as-validation", "percent"} <= {remark.name for remark in run.remarks}
    assert run.keys["train_ce_loss"] == "train_loss"
    assert run.keys["val_ce_loss"] == "val_loss"
    assert run.curves.val_accuracy == [0.5, 0.6]


def test_fewer_train_points_than_validations(tmp_path: Path) -> None:
    rows = [f"{step},{10 - step if step % 4 == 0 else ''},{step}" for step in range(1, 13)]
    run = one(tmp_path, "step,train_loss,val_loss\n" + "\n".join(rows) + "\n")
    assert run.curves.at == [4, 8, 12]
    assert run.curves.train_loss == [6, 2, -2]
    assert run.curves.val_loss == [2.5, 6.5, 10.5]


@pytest.mark.parametrize(
    "end", ["99,0.5,inf,.1\n", "99,0.5,nan,\n", "99,0.5,,.1\n", '99,0.5,"0.5",.1\n', "99,x,0.5,\n", "99,.5,.5\n"]
)
def test_a_large_table_is_read_as_a_small_one(tmp_path: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{e},{1 / e},{1.1 / e if e % 3 == 0 else ''},0.1\n" for e in range(1, 99)]
    text = "epoch,train_loss,val_loss,lr\n" + "".join(rows) + end
    small = one(tmp_path, text)
    monkeypatch.setattr(table_log, "LARGE", 0)
    monkeypatch.setattr(table_log, "BLOCK", 9)
    large = one(tmp_path, text)
    assert str(large) == str(small)
    assert (small.curves.broken_at == 99) == (end[7:10] in {"inf", "nan"})
