"""Against the real library, where it is installed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from wellfit.errors import InputError

pl = pytest.importorskip("lightning.pytorch")
from wellfit.callbacks.lightning import WellfitCallback  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
G = torch.Generator().manual_seed(0)
X = torch.randn(60, 4, generator=G)
Y = (X.sum(1) > 0).long()


Module: Any = pl.LightningModule


class Net(Module):  # type: ignore[misc]
    def __init__(self, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.net = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)
        )

    def forward(self, x: Any) -> Any:
        return self.net(x)

    def training_step(self, batch: Any, index: int) -> Any:
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val/loss", F.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.lr)


def fitted(callback: Any, *, lr: float = 0.1, epochs: int = 4, ckpt: Any = None, **settings: Any) -> Any:
    torch.manual_seed(0)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = pl.Trainer(
        max_epochs=epochs, callbacks=[callback] if callback else [], enable_checkpointing=False, **quiet, **settings
    )
    train = DataLoader(TensorDataset(X[:40], Y[:40]), batch_size=10, shuffle=True)
    trainer.fit(Net(lr), train, DataLoader(TensorDataset(X[40:], Y[40:]), batch_size=20), ckpt_path=ckpt)
    return trainer


def test_a_probe_is_comparable_and_changes_nothing() -> None:
    said: list[str] = []
    probe = DataLoader(TensorDataset(X[:40], Y[:40]), batch_size=7, shuffle=True)
    callback = WellfitCallback(probe, F.cross_entropy, say=said.append)
    net, plain = fitted(callback).lightning_module, fitted(None).lightning_module
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), plain.parameters(), strict=True))
    with torch.no_grad():
        last = float(F.cross_entropy(net.eval()(X[:40]), Y[:40]))
    assert callback.watch.curves["train_loss"][-1] == pytest.approx(last, rel=1e-5)
    assert callback.watch.measured == "eval"
    assert len(said) == 1


def test_validation_that_is_rarer_leaves_holes() -> None:
    callback = WellfitCallback(say=lambda text: None)
    fitted(callback, check_val_every_n_epoch=2)
    assert [value is None for value in callback.watch.curves["val_loss"]] == [True, False, True, False]
    assert callback.watch.measured == "train"


def test_it_stops_a_run_that_diverged() -> None:
    said: list[str] = []
    trainer = fitted(WellfitCallback(say=said.append), lr=1e30)
    assert trainer.current_epoch == 1
    assert said[0].startswith("wellfit: training was stopped: the ")


def test_a_checkpoint_keeps_the_curves(tmp_path: Path) -> None:
    first = WellfitCallback(say=lambda text: None)
    fitted(first, epochs=2).save_checkpoint(tmp_path / "a.ckpt")
    again = WellfitCallback(say=lambda text: None)
    fitted(again, epochs=4, ckpt=tmp_path / "a.ckpt")
    assert again.watch.curves["epoch"] == [1, 2, 3, 4]
    assert again.watch.curves["val_loss"][:2] == first.watch.curves["val_loss"]


def test_a_probe_needs_a_loss() -> None:
    with pytest.raises(InputError, match="loss: was not given"):
        WellfitCallback([(X, Y)])


def test_what_was_kept_is_judged_when_it_is_interrupted() -> None:
    said: list[str] = []

    class Bomb(pl.Callback):  # type: ignore[misc, name-defined]
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.current_epoch == 2:
                raise ValueError("boom")

    callback = WellfitCallback(say=said.append)
    trainer = pl.Trainer(
        max_epochs=4, callbacks=[callback, Bomb()], enable_checkpointing=False, logger=False, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    data = DataLoader(TensorDataset(X, Y), batch_size=20)
    with pytest.raises(ValueError, match="boom"):
        trainer.fit(Net(0.1), data, data)
    assert len(said) == 1
    assert said[0].startswith("wellfit, 2 epochs")
