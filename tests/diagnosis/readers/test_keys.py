"""What keys are taken for."""

from __future__ import annotations

import pytest

from wellfit.diagnosis.readers.keys import meaning


@pytest.mark.parametrize(
    ("key", "kind", "part"),
    [
        ("loss", "loss", ""),
        ("val_loss", "loss", "val"),
        ("Loss/train", "loss", "train"),
        ("epoch_loss", "loss", ""),
        ("eval/loss", "loss", "val"),
        ("trainLoss", "loss", "train"),
        ("validloss", "loss", "val"),
        ("val_loss/dataloader_idx_0", "loss", "val"),
        ("test_cross_entropy", "loss", "test"),
        ("train_mse", "loss", "train"),
        ("eval_top1", "accuracy", "val"),
        ("val acc@1", "accuracy", "val"),
        ("sparse_categorical_accuracy", "accuracy", ""),
        ("lr-AdamW/pg1", "lr", ""),
        ("learning_rate", "lr", ""),
        ("trainer/global_step", "step", ""),
        ("train/epoch", "epoch", ""),
        ("_step", "step", ""),
        ("run_id", "run", ""),
    ],
)
def test_known(key: str, kind: str, part: str) -> None:
    found = meaning(key)
    assert found is not None
    assert (found.kind, found.part) == (kind, part)


@pytest.mark.parametrize(
    "key", ["eval_top5", "grad_norm", "loss_scale", "best_val_loss", "eval_runtime", "", "x" * 1000, "glossary"]
)
def test_unknown(key: str) -> None:
    assert meaning(key) is None
