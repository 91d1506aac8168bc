from __future__ import annotations

import sys
from importlib import import_module

import pytest
import torch

from wellfit.callbacks.ending import Keeper
from wellfit.callbacks.matching import matched
from wellfit.errors import MissingExtraError


def test_the_keys_of_each_trainer() -> None:
    assert matched({"loss": 1.0, "val_loss": 2.0, "accuracy": 0.5}, "keras-history") == {
        "train_loss": 1.0, "val_loss": 2.0, "train_accuracy": 0.5,
    }  # fmt: skip
    lightning = {"train/loss_step": 9.0, "train/loss_epoch": 1.0, "train/loss": 1.0, "val/loss": torch.tensor(2.0)}
    assert matched(lightning, "lightning") == {"train_loss": 1.0, "val_loss": 2.0}
    assert matched({"eval_loss": 2.0, "eval_runtime": 3.0, "epoch": 1.0}, "huggingface") == {"val_loss": 2.0}
    assert matched({"loss": 2.0, "learning_rate": 0.1, "grad_norm": 3.0}, "huggingface") == {
        "train_loss": 2.0,
        "lr": 0.1,
    }
    assert matched({"note": "fine", "table": [1, 2]}, "lightning") == {}


@pytest.mark.parametrize(
    ("room", "module", "package"),
    [
        ("keras", "keras", "keras"),
        ("lightning", "lightning.pytorch", "lightning"),
        ("transformers", "transformers", "transformers"),
    ],
)
def test_a_missing_library_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, room: str, module: str, package: str
) -> None:
    monkeypatch.delitem(sys.modules, f"wellfit.callbacks.{room}", raising=False)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingExtraError, match=f"wellfit.callbacks.{room}: needs {package} .*expected pip install {package}$"
    ):
        import_module(f"wellfit.callbacks.{room}")


def test_a_trainer_that_logs_no_loss_is_told_so() -> None:
    said: list[str] = []
    keeper = Keeper("lightning", probed=False, stop_on_divergence=True, say=said.append, known={})
    assert not keeper.keep(1, {"lr": 0.1}, seen=["foo", "bar"])
    keeper.finish()
    assert said == ["wellfit: no loss or accuracy was logged, only 'bar', 'foo'; log train_loss and val_loss."]
