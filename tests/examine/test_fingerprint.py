"""The fingerprint: traces against closed forms, really trained networks, files of all kinds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.numpy import save_file

from wellfit.errors import InputError
from wellfit.examine.fingerprint import KINDS, fingerprint, judge
from wellfit.examine.traces import balanced, layer_traces, middle_singular_value, spread_of_units
from wellfit.examine.weights_file import Layer, layers_of, read_weights
from wellfit.recipe_file import parse_study
from wellfit.study.run import run_study

ARMS = {
    "lasso": {"l1": {"strength": 4e-3}},
    "ridge": {"l2": {"strength": 2e-2}},
    "adamw": {"optimizer": {"kind": "adamw", "lr": 0.01, "weight_decay": 0.3}},
    "net": {"elastic_net": {"strength": 4e-3, "l1_ratio": 0.25}},
}


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(2)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks on breast-cancer with L1, L2, decay, both, and none."""
    folder = tmp_path_factory.mktemp("fingerprint") / "study"
    recipe = {
        "data": "breast-cancer",
        "model": {"kind": "mlp", "hidden": [32, 24]},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 32,
        "epochs": 50,
        "restore": "last",
        "study": {"seeds": 1, "arms": ARMS},
    }
    run_study(parse_study(recipe), folder)
    return folder


def of(study: Path, arm: str) -> dict[str, Any]:
    return fingerprint(study / "models" / arm)


def test_l1_l2_and_decay_leave_their_traces(study: Path) -> None:
    lasso, ridge, plain = (of(study, arm) for arm in ("lasso", "ridge", "plain"))
    assert lasso["l1"] > 0.9
    # how much dust there is in the end changes with the last bits of a step
    assert lasso["evidence"]["dust"] > 3 * plain["evidence"]["dust"]
    assert ridge["verdict"] == "l2"
    assert ridge["evidence"]["dust"] < 0.06
    assert ridge["evidence"]["bulk"] < -0.5
    assert of(study, "net")["l1"] > 0.9
    assert "L1" in lasso["words"]


def test_a_network_without_a_penalty_is_not_called_l1_and_hardly_l2(study: Path) -> None:
    plain = of(study, "plain")
    assert plain["verdict"] in ("neither", "unclear")
    assert plain["l1"] < 0.1


def test_the_truth_is_what_the_recipe_says(study: Path) -> None:
    kinds = {arm: of(study, arm)["truth"]["kind"] for arm in (*ARMS, "plain")}
    assert kinds == {"lasso": "l1", "ridge": "l2", "adamw": "l2", "net": "both", "plain": "neither"}
    assert of(study, "net")["truth"]["l1"] == {"elastic_net": pytest.approx(1e-3)}
    assert of(study, "adamw")["truth"]["l2"] == {"weight_decay": 0.3}


def test_the_truth_is_not_used(study: Path, tmp_path: Path) -> None:
    card = study / "models" / "lasso" / "0.json"
    weights = card.with_suffix(".safetensors").read_bytes()
    (tmp_path / "m.safetensors").write_bytes(weights)
    alone = fingerprint(tmp_path / "m.safetensors")
    about = json.loads(card.read_text())
    about["recipe"]["regularizers"] = {}
    (tmp_path / "m.json").write_text(json.dumps(about))
    lied = fingerprint(tmp_path / "m.safetensors")
    assert alone["truth"] is None
    assert lied["truth"]["kind"] == "neither"
    assert lied["probabilities"] == fingerprint(study / "models" / "lasso")["probabilities"]
    assert alone["guess"] == lied["guess"]


def test_probabilities_add_up_and_layers_are_told(study: Path) -> None:
    found = of(study, "ridge")
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert set(found["probabilities"]) == set(KINDS)
    assert [tuple(layer["shape"]) for layer in found["layers"]] == [(32, 30), (24, 32), (2, 24)]
    assert found["l2"] == pytest.approx(found["probabilities"]["l2"] + found["probabilities"]["both"])


def test_random_networks_of_every_usual_start_are_not_l1(draw: np.random.Generator) -> None:
    for scale in (1 / 3, 1.0, 2.0):
        for kind in ("uniform", "normal"):
            sizes = ((50, 80), (30, 50), (4, 30))
            layers = [
                Layer(
                    str(i),
                    math.sqrt(scale / n)
                    * (
                        draw.uniform(-math.sqrt(3), math.sqrt(3), (m, n))
                        if kind == "uniform"
                        else draw.normal(0, 1, (m, n))
                    ),
                )
                for i, (m, n) in enumerate(sizes)
            ]
            found = judge(layers, {})
            assert found["l1"] < 0.35, (scale, kind)
            assert found["verdict"] in ("neither", "unclear"), (scale, kind)


def test_balanced_sizes_forget_scales_of_rows_and_columns(draw: np.random.Generator) -> None:
    w = draw.normal(size=(40, 60))
    scaled = w * draw.lognormal(0, 2, (40, 1)) * draw.lognormal(0, 2, (1, 60))
    np.testing.assert_allclose(balanced(scaled), balanced(w), rtol=0.02)
    assert float((balanced(w) ** 2).mean()) == pytest.approx(1, rel=1e-6)


def test_traces_of_known_distributions(draw: np.random.Generator) -> None:
    n = 300
    normal = layer_traces(Layer("w", draw.normal(0, 1 / math.sqrt(3 * n), (n, n))))
    uniform = layer_traces(Layer("w", draw.uniform(-1, 1, (n, n)) / math.sqrt(n)))
    laplace = layer_traces(Layer("w", draw.laplace(0, 1, (n, n))))
    assert normal is not None
    assert uniform is not None
    assert laplace is not None
    assert [one.kurtosis for one in (uniform, normal, laplace)] == pytest.approx([1.8, 3, 6], rel=0.05)
    assert normal.middle == pytest.approx(0.6745, rel=0.02)
    assert uniform.middle == pytest.approx(math.sqrt(3) / 2, rel=0.02)
    assert normal.dust == pytest.approx(math.erf(0.03 / math.sqrt(2)), abs=0.002)
    assert abs(normal.bulk) < 0.05
    assert abs(uniform.bulk) < 0.05
    assert abs(normal.scale) < 0.02


def test_the_middle_singular_value_is_that_of_random_matrices(draw: np.random.Generator) -> None:
    for rows, columns in ((200, 200), (100, 400), (400, 150)):
        measured = np.median(np.linalg.svd(draw.normal(size=(rows, columns)), compute_uv=False))
        assert middle_singular_value(rows, columns) == pytest.approx(float(measured), rel=0.03)


def test_a_shrunk_start_shows_in_the_bulk_but_not_a_learned_direction(draw: np.random.Generator) -> None:
    start = draw.uniform(-1, 1, (60, 100)) / 10
    learned = np.outer(draw.normal(size=60), draw.normal(size=100)) / 5
    kept, shrunk = (layer_traces(Layer("w", factor * start + learned)) for factor in (1.0, 0.3))
    assert kept is not None
    assert shrunk is not None
    assert abs(kept.bulk) < 0.05
    assert shrunk.bulk == pytest.approx(math.log(0.3), abs=0.05)


def test_unused_inputs_are_counted_and_are_no_dust(draw: np.random.Generator) -> None:
    w = draw.normal(size=(30, 40))
    w[:, :10] *= 1e-3  # decayed where the data says nothing: L2
    found = layer_traces(Layer("w", w))
    assert found is not None
    assert found.dead == pytest.approx(0.25)
    assert found.dust < 0.05


def test_units_with_equal_squares_on_both_sides_have_no_spread(draw: np.random.Generator) -> None:
    before, after = draw.normal(size=(20, 30)), draw.normal(size=(10, 20))
    loose = spread_of_units([Layer("a", before), Layer("b", after)])
    factor = np.sqrt(np.linalg.norm(after, axis=0) / np.linalg.norm(before, axis=1))  # answers stay as they are
    tight = spread_of_units([Layer("a", before * factor[:, None]), Layer("b", after / factor)])
    assert loose is not None
    assert loose > 0.2
    assert tight == pytest.approx(0, abs=1e-12)


def test_units_of_convolutions_lead_to_all_places_of_their_channel(draw: np.random.Generator) -> None:
    conv, head = torch.randn(6, 3, 3, 3).numpy(), draw.normal(size=(5, 6 * 4))
    (first, second) = layers_of({"0.weight": conv, "1.weight": head})
    channels_last = head.reshape(5, 6, 4).transpose(0, 2, 1).reshape(5, 24)
    keras = [Layer("0", first.matrix), Layer("1", channels_last, channels_last=True)]
    assert spread_of_units(keras) == pytest.approx(spread_of_units([first, second]))
    assert spread_of_units([Layer("0", conv.reshape(6, -1)), Layer("1", head[:, :23])]) is None


def test_layers_stand_in_the_natural_order_of_their_names() -> None:
    w = np.ones((4, 4), dtype=np.float32)
    names = [
        layer.name for layer in layers_of({"fc10.weight": w, "fc2.weight": w, "fc2.bias": w[0], "n": w.astype(int)})
    ]
    assert names == ["fc2.weight", "fc10.weight"]


@pytest.fixture
def arrays(draw: np.random.Generator) -> dict[str, npt.NDArray[np.float32]]:
    return {
        "0.weight": draw.normal(size=(12, 9)).astype(np.float32),
        "2.weight": draw.normal(size=(3, 12)).astype(np.float32),
    }


def test_npz_and_safetensors_say_the_same(arrays: dict[str, npt.NDArray[np.float32]], tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", allow_pickle=False, **arrays)
    save_file(arrays, tmp_path / "m.safetensors")
    first, second = fingerprint(tmp_path / "m.npz"), fingerprint(tmp_path / "m.safetensors")
    assert first["probabilities"] == second["probabilities"]


def test_keras_kernels_are_turned(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    w = np.arange(12 * 9, dtype=np.float32).reshape(12, 9)
    conv = np.random.default_rng(0).normal(size=(3, 3, 2, 8)).astype(np.float32)
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = w.T
        file["layers/dense/vars/1"] = np.zeros(12, dtype=np.float32)
        file["layers/conv2d/vars/0"] = conv
        file["optimizer/vars/3"] = w.T
    first, second = read_weights(tmp_path / "m.weights.h5").layers
    assert first.matrix.shape == (8, 2 * 9)
    np.testing.assert_array_equal(first.matrix[5].reshape(2, 3, 3), conv[:, :, :, 5].transpose(2, 0, 1))
    np.testing.assert_array_equal(second.matrix, w)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    for name in ("m.pt", "m.pkl", "m.bin"):
        (tmp_path / name).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
        with pytest.raises(InputError, match=r"is a pickle.*save_file") as error:
            fingerprint(tmp_path / name)
        assert "\n" not in str(error.value)


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", w=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="Python objects"):
        fingerprint(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("m.txt", b"hello", "a file of the kind '.txt'"),
        ("m.safetensors", b"hello", "cannot be used"),
        ("m.npz", b"hello", "cannot be read"),
        ("m.h5", b"hello", "cannot be read"),
    ],
)
def test_what_is_no_network_is_one_line(name: str, content: bytes, line: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=line) as error:
        fingerprint(tmp_path / name)
    assert "\n" not in str(error.value)


def test_nothing_there_and_too_little(tmp_path: Path) -> None:
    for name in ("gone", "gone.npz", "gone.safetensors", "gone.h5"):
        with pytest.raises(InputError, match="no such file"):
            fingerprint(tmp_path / name)
    save_file({"w": np.ones((3, 3), dtype=np.float32)}, tmp_path / "small.safetensors")
    with pytest.raises(InputError, match="9 weights"):
        fingerprint(tmp_path / "small.safetensors")
    save_file({"w": np.full((30, 30), np.nan, dtype=np.float32)}, tmp_path / "nan.safetensors")
    with pytest.raises(InputError, match="not finite"):
        fingerprint(tmp_path / "nan.safetensors")


def test_zeros_say_nothing_and_pruning_is_named(draw: np.random.Generator) -> None:
    assert judge([Layer("w", np.zeros((20, 20)))], {})["verdict"] == "unclear"
    w = draw.normal(size=(40, 40)) * (draw.uniform(size=(40, 40)) < 0.5)
    assert "exactly 0" in judge([Layer("w", w)], {})["words"]
