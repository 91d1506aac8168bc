"""A trained model on disk: its weights (safetensors) and its card (JSON), all that is needed to use it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from wellfit import __version__
from wellfit.atomic import write_atomic
from wellfit.data import Encoder, Kind, PerImage, Scaler, Task, scaler_from, to_unit
from wellfit.data.batches import at_a_time
from wellfit.errors import InputError, ModelError
from wellfit.models import build, load_state
from wellfit.recipe import Recipe
from wellfit.recipe_errors import validate
from wellfit.study.files import StudyFolder, write_json
from wellfit.train.events import MemberFinished
from wellfit.train.handed import scale_in_evaluation
from wellfit.train.losses import probabilities
from wellfit.train.member import Member
from wellfit.train.replicate import Replicate

BATCH = 512


def save_model(folder: StudyFolder, event: MemberFinished, replicate: Replicate) -> None:
    """Write what a run hands over; nothing for a run that diverged before its first evaluation.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written; no half file is left.

    """
    record, dataset = event.record, replicate.dataset
    if record.best_epoch == 0:
        return
    card = {
        "wellfit": __version__,
        "arm": record.arm,
        "seed": record.seed,
        "epoch": record.best_epoch,
        "val_loss": record.value("val_loss"),
        "val_accuracy": record.curves[record.best_epoch - 1].val_accuracy,
        "recipe": record.recipe,
        "data": {
            "task": dataset.task,
            "kind": dataset.kind,
            "shape": list(replicate.shape),
            "outputs": dataset.outputs,
            "classes": list(dataset.classes),
            "features": list(dataset.features),
            "targets": list(dataset.targets),
            "fingerprint": dataset.fingerprint,
            "rate": dataset.rate,
        },
        "encoder": None if replicate.encoder is None else replicate.encoder.to_dict(),
        "scaler": replicate.scaler.to_dict(),
        "target_scaler": None if replicate.target_scaler is None else replicate.target_scaler.to_dict(),
    }
    weights = save({name: value.contiguous() for name, value in event.weights.items()})
    write_atomic(folder.weights(record.arm, record.seed), weights)
    write_json(folder.card(record.arm, record.seed), card)


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network with its weights, and what brings data into its form."""

    module: nn.Module
    recipe: Recipe
    arm: str
    seed: int
    task: Task
    kind: Kind
    shape: tuple[int, ...]
    outputs: int
    classes: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    scaler: Scaler | PerImage
    target_scaler: Scaler | None
    encoder: Encoder | None = None
    """Fills in and encodes the columns of a table; ``None`` for other data, and for models of before there was one."""
    rate: int | None = None
    """Samples per second of the recordings that it was trained on; ``None`` for other data, and for older models."""

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Return class probabilities (N, C), or of each pixel (N, C, H, W), or predictions (N, K) in the targets' own
        units.

        ``x`` is as a Dataset holds it, not yet scaled: uint8 images (N, C, H, W), float32 vectors (N, D) or sequences
        (N, T, C); of a table not yet encoded either.
        """
        parts = torch.split(x, at_a_time(x.shape[1:], most=BATCH))
        return torch.cat([self.read(self.module(self.inputs(part))) for part in parts])

    def inputs(self, x: Tensor) -> Tensor:
        """Return samples as the network takes them: filled in, encoded and scaled as the train split was."""
        x = x if self.encoder is None else self.encoder.apply(x)
        return self.scaler.apply(to_unit(x) if self.kind == "image" else x)

    def read(self, z: Tensor) -> Tensor:
        """Return probabilities or numbers in the targets' units from the network's answers (N, K) or (N, C, H, W)."""
        if self.task == "segmentation":
            return self._probabilities(z.movedim(1, -1)).movedim(-1, 1)
        if self.task == "classification":
            return self._probabilities(z)
        return z if self.target_scaler is None else self.target_scaler.invert(z)

    def _probabilities(self, z: Tensor) -> Tensor:
        return z.softmax(-1) if self.recipe.loss is None else probabilities(self.recipe.loss, z)


def load_model(card: Path) -> TrainedModel:
    """Return the model whose card is ``card`` (``models/<arm>/<seed>.json``), with the weights beside it.

    Raises
    ------
    InputError
        A file is missing or damaged, or card and weights do not belong together.

    """
    about = _read_card(card)
    weights = card.with_suffix(".safetensors")
    try:
        recipe = validate(Recipe, about["recipe"], where=f"{card}, recipe")
        data: Mapping[str, Any] = about["data"]
        shape = tuple(data["shape"])
        if recipe.model is None:
            raise ModelError(str(card), "no model in its recipe", "a card that wellfit wrote")
        pixels = data["task"] == "segmentation"
        module = build(recipe.model, shape=shape, outputs=data["outputs"], seed=about["seed"], pixels=pixels)
        load_state(module, load_file(weights))
        # where a method acts in evaluation too (classic dropout), the network carries it
        scale_in_evaluation(module, Member(about["arm"], about["seed"], recipe), shape)
        return TrainedModel(
            module=module.eval(),
            recipe=recipe,
            arm=about["arm"],
            seed=about["seed"],
            task=data["task"],
            kind=data["kind"],
            shape=shape,
            outputs=data["outputs"],
            classes=tuple(data["classes"]),
            features=tuple(data["features"]),
            targets=tuple(data["targets"]),
            scaler=scaler_from(about["scaler"]),
            target_scaler=None if about["target_scaler"] is None else Scaler.from_dict(about["target_scaler"]),
            encoder=None if about.get("encoder") is None else Encoder.from_dict(about["encoder"]),
            rate=data.get("rate"),
        )
    except (KeyError, TypeError) as error:
        raise InputError(str(card), f"damaged: {error}", "a card that wellfit wrote") from None
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(str(weights), f"cannot be used: {reason}", "the weights that belong to the card") from None


def _read_card(card: Path) -> dict[str, Any]:
    try:
        about = json.loads(card.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(str(card), "no such file", "the card of a saved model") from None
    except (OSError, ValueError) as error:
        raise InputError(str(card), f"cannot be read ({type(error).__name__})", "the card of a saved model") from None
    if not isinstance(about, dict):
        raise InputError(str(card), "is not a model's card", "models/<arm>/<seed>.json")
    return about


def find_card(path: Path) -> Path:
    """Return the card that ``path`` names: a card, a weights file, or a folder of a study (its best model) or of an arm
    with one seed.

    Raises
    ------
    InputError
        There is none, or more than one.

    """
    if path.suffix == ".safetensors":
        return path.with_suffix(".json")
    if not path.is_dir():
        if not path.exists():
            raise InputError(str(path), "no such file or folder", "a study's folder or a saved model")
        return path
    if (path / "result.json").exists():
        return _best_card(path)
    cards = sorted(card for card in path.rglob("*.json") if card.with_suffix(".safetensors").exists())
    if len(cards) != 1:
        found = "no saved model" if not cards else f"{len(cards)} saved models"
        raise InputError(str(path), found, "a study's folder, or one model (models/<arm>/<seed>.json)")
    return cards[0]


def _best_card(path: Path) -> Path:
    try:
        best = json.loads((path / "result.json").read_text(encoding="utf-8"))["best"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            str(path / "result.json"), f"cannot be read ({type(error).__name__})", "a study's result"
        ) from None
    if not best:
        raise InputError(str(path), "the study has no model: no run finished", "a study with a finished run")
    return (path / str(best["model"])).with_suffix(".json")
