"""A real study on real data: Fashion-MNIST, 8 arms x 2 seeds x 3 epochs. About half a minute on 2 cores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wellfit.data import data_places
from wellfit.recipe_file import parse_study
from wellfit.study.run import run_study

BESIDE = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.slow
def test_eight_arms_on_fashion_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "WELLFIT_DATA" not in os.environ and BESIDE.exists():
        monkeypatch.setenv("WELLFIT_DATA", str(BESIDE))
    if not dict(data_places())["fashion-mnist"]:
        pytest.skip("Fashion-MNIST is not on this machine (set WELLFIT_DATA)")
    spec = parse_study(
        {
            "data": "fashion-mnist",
            "model": {"hidden": [128, 128]},
            "optimizer": {"kind": "sgd", "lr": 0.05},
            "epochs": 3,
            "study": {
                "seeds": 2,
                "factors": {
                    "dropout": {"rate": 0.4},
                    "l2": {"strength": 1e-5},
                    "augmentation": {"rotation": {"degrees": 10}, "horizontal_flip": {}, "vertical_flip": {}},
                },
            },
        },
        name="fashion",
    )
    result = run_study(spec, tmp_path, certificates=1)
    assert result["status"] == "complete"
    assert len(result["arms"]) == 8
    assert (result["data"]["train"], result["data"]["validation"], result["data"]["test"]) == (54_000, 6_000, 10_000)
    assert result["certificate"]["largest"] == 0.0
    assert result["data"]["test_reads"] == 1
    plain = next(arm for arm in result["arms"] if arm["name"] == "plain")
    assert plain["test_accuracy"]["mean"] > 0.83
    assert abs(plain["test_accuracy"]["mean"] - plain["val_accuracy"]["mean"]) < 0.03
    assert len(result["interactions"]) == 3 * 4
    assert run_study(spec, tmp_path)["seconds"] == pytest.approx(result["seconds"])
