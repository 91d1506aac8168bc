"""Folders of images and masks as a user calls them: audit, plan, copy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.calling import call
from tests.data.mask_pictures import labels, save
from wellfit.data import load


def masks_and_images(root: Path) -> None:
    for i in range(8):
        draw = np.random.default_rng(i)
        save(root / f"images/{i}.png", draw.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        save(root / f"masks/{i}_mask.png", labels(i, (16, 16), (0, 255)))


def test_audit_plan_and_copy(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    masks_and_images(folder / "cells")
    (folder / "cells/masks/3_mask.png").unlink()
    done = call(capsys, "data", "cells", "-q", "--plan", "plan.yaml")
    assert (done.code, done.err) == (0, ""), done.err
    assert "2 classes of pixels (segmentation)" in done.out
    assert "label errors are not looked for" in done.out
    assert "images/3.png (has no mask of its name in 'masks')" in done.out
    assert "(has no mask of its name" in Path("runs/cells-audit/audit.html").read_text()
    cleaned = call(capsys, "data", "clean", "cells", "--plan", "plan.yaml", "-o", "clean")
    assert cleaned.code == 0, cleaned.err
    assert "7 of 7 samples kept" in cleaned.out
    assert not Path("clean/images/3.png").exists()
    assert len(load("clean")) == 7
    found = json.loads(call(capsys, "data", "audit", "clean", "--json", "-q").out)
    assert (found["task"], found["classes"], found["samples"]) == ("segmentation", ["0", "255"], 7)
    assert [one["kind"] for one in found["findings"]] == ["overfitting_risk"]
    assert found["findings"][0]["evidence"]["parameters"] > 1000


def test_wrong_inputs_have_one_line(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    masks_and_images(folder / "cells")
    masks_and_images(folder / "torn")
    path = folder / "torn/masks/3_mask.png"
    path.write_bytes(path.read_bytes()[:60])
    for arguments, text in (
        (("train", "torn"), "torn/masks/3_mask.png: a damaged mask"),
        (("train", "cells", "--set", "data.task=regression"), "received regression, but cells holds masks"),
        (("data", "cells/images", "--set", "data.task=segmentation"), "no images beside masks"),
        (("train", "iris", "--set", "data.task=segmentation"), "is no folder of images and masks"),
    ):
        done = call(capsys, *arguments)
        assert done.code == 2
        assert text in done.err
        assert len(done.err.strip().splitlines()) == 1
