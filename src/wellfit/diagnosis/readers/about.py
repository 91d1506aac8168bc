"""What is known about how each trainer measures the losses it logs."""

from __future__ import annotations

from collections.abc import Mapping

from wellfit.diagnosis.readers.keys import meaning
from wellfit.diagnosis.readers.log_run import Curves, Format, Remark, SeriesName
from wellfit.diagnosis.readers.naming import shown
from wellfit.diagnosis.readers.raw import RawRun

TRAIN_MODE: Mapping[Format, str] = {
    "keras-history": "in training mode (dropout on, augmented)",
    "keras-csv": "in training mode (dropout on, augmented)",
    "lightning": "inside the training step (dropout on, augmented)",
    "huggingface": "in training mode (dropout on)",
    "ultralytics": "in training mode on augmented pictures (mosaic, flips)",
    "timm": "in training mode on augmented pictures, with a loss (mixup, label smoothing) that validation lacks",
}
"""How the train loss is measured; of other formats it is not known."""
AVERAGED: frozenset[Format] = frozenset({"keras-history", "keras-csv", "huggingface", "ultralytics", "timm"})
"""Formats whose train loss is a mean over the steps since the last one was logged."""
UNKNOWN = "The log does not say how '{key}' was measured; most loops do it in training mode, batch by batch."


def incomparable(run: RawRun, keys: Mapping[SeriesName, tuple[str, ...]]) -> list[Remark]:
    """Return in what respect the train loss is not measured as the validation loss is."""
    if run.comparable or "train_loss" not in keys or "val_loss" not in keys:
        return []
    key = keys["train_loss"][0]
    name = shown(key, longest=48)
    how = TRAIN_MODE.get(run.format)
    remarks = [Remark("train-mode", UNKNOWN.format(key=name) if how is None else f"'{name}' is measured {how}.")]
    found = meaning(key)
    grain = "" if found is None else found.grain
    if run.format in AVERAGED or grain == "epoch":
        words = f"'{name}' is a mean over the steps in which the network changed: it lags behind by half an interval."
        remarks.append(Remark("epoch-average", words))
    elif _much_oftener(run, keys):
        words = f"'{name}' is logged by the batch; each row has its mean since the row before."
        remarks.append(Remark("one-batch", words))
    return remarks


def _much_oftener(run: RawRun, keys: Mapping[SeriesName, tuple[str, ...]]) -> bool:
    return len(run.tracks[keys["train_loss"][0]]) > 2 * len(run.tracks[keys["val_loss"][0]])


def lacking(curves: Curves) -> list[Remark]:
    """Return what was not logged and is missed."""
    remarks = []
    if curves.train_loss is None and curves.val_loss is None:
        remarks.append(Remark("no-loss", "No loss was found, only " + " and ".join(_plain(curves.names)) + "."))
    elif curves.val_loss is None:
        words = "No validation loss was found: whether it overfits cannot be seen."
        remarks.append(Remark("no-validation", words))
    elif curves.train_loss is None:
        remarks.append(Remark("no-train", "No train loss was found: whether it underfits cannot be seen."))
    return remarks


def _plain(names: tuple[SeriesName, ...]) -> list[str]:
    return [name.replace("_", " ") for name in names]
