"""Segmentation ends where the plain PyTorch loop ends, in each of the ways to compute a population."""

from __future__ import annotations

from typing import Any

import pytest

from tests.parity.test_population import compare
from tests.support import member, tiny_masks

UNET = {"kind": "unet", "channels": [4, 6]}
METHODS: dict[str, dict[str, Any]] = {
    "plain": {},
    "moved": {"horizontal_flip": {}, "rotation": {"degrees": 20}, "elastic": {}, "brightness": {}},
    "held": {"dropout": {"rate": 0.2}, "l2": {"strength": 1e-3}, "confidence_penalty": {}, "clip_norm": {}},
}
LOSSES = ["cross_entropy", "dice", {"cross_entropy": 0.5, "focal": 0.5}]


@pytest.mark.parametrize("void", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_a_segmentation(loss: object, void: bool, capsys: pytest.CaptureFixture[str]) -> None:
    members = [
        member(name, seed, model=UNET, loss=loss, epochs=5, batch_size=8, regularizers=methods)
        for name, methods in METHODS.items()
        for seed in (0, 1)
    ]
    compare(members, tiny_masks(30, void=void), capsys, f"segmentation, {loss}")
