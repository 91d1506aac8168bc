"""Dropout as an ensemble: the exact expectation is brute force by hand; the others are measured against it."""

from __future__ import annotations

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from torch import Tensor, nn

from tests.cli.calling import call, write_table
from tests.support import member
from wellfit.cli.app import main
from wellfit.data import Scaler
from wellfit.errors import ModelError
from wellfit.models import build
from wellfit.study.ensemble import Averaged, compare, exact, monte_carlo, thinned, weight_scaling
from wellfit.study.trained import TrainedModel
from wellfit.train.handed import scale_in_evaluation

Array = NDArray[np.float64]
X = torch.randn(5, 3, generator=torch.Generator().manual_seed(4)) * 2


def made(
    regularizers: dict[str, dict[str, Any]],
    *,
    model: dict[str, Any] | None = None,
    task: str = "regression",
    shape: tuple[int, ...] = (3,),
    outputs: int = 2,
) -> TrainedModel:
    """A model as ``load_model`` gives it, with its weights as its seed initializes them, but larger."""
    spec = model or {"kind": "mlp", "hidden": [4, 3], "activation": "relu"}
    loss = "cross_entropy" if task == "classification" else "mse"
    m = member("arm", 1, model=spec, regularizers=regularizers, loss=loss)
    assert m.recipe.model is not None
    module = build(m.recipe.model, shape=shape, outputs=outputs, seed=1).eval()
    for p in module.parameters():
        p.data *= 2
    scale_in_evaluation(module, m, shape)
    return TrainedModel(
        module=module,
        recipe=m.recipe,
        arm="arm",
        seed=1,
        task=task,  # type: ignore[arg-type]
        kind="vector" if len(shape) == 1 else "image",
        shape=shape,
        outputs=outputs,
        classes=("yes", "no") if task == "classification" else (),
        features=(),
        targets=("a", "b"),
        scaler=Scaler(torch.tensor(0.5), torch.tensor(2.0)),
        target_scaler=None if task == "classification" else Scaler(torch.tensor([3.0, -1.0]), torch.tensor([2.0, 5.0])),
    )


def brute_force(trained: TrainedModel, x: Tensor, rate: float, *, inverted: bool) -> tuple[Array, Array]:
    """Mean and standard deviation over every mask of an MLP 3-4-3-2, in NumPy."""
    w = {name: p.detach().numpy().astype(np.float64) for name, p in trained.module.named_parameters()}
    layers = [(w[f"{i}.weight"], w[f"{i}.bias"]) for i in (1, 3, 5)]
    scaled = (x.numpy().astype(np.float64) - 0.5) / 2.0
    answers, chances = [], []
    for kept in itertools.product((0, 1), repeat=7):
        masks = [np.array(kept[:4]), np.array(kept[4:])]
        h = scaled
        for (weights, bias), mask in zip(layers[:2], masks, strict=True):
            h = np.maximum(h @ weights.T + bias, 0) * mask / (1 - rate if inverted else 1)
        z = h @ layers[2][0].T + layers[2][1]
        if trained.task == "classification":
            e = np.exp(z - z.max(1, keepdims=True))
            answers.append(e / e.sum(1, keepdims=True))
        else:
            answers.append(z * np.array([2.0, 5.0]) + np.array([3.0, -1.0]))
        chances.append((1 - rate) ** sum(kept) * rate ** (7 - sum(kept)))
    each, chance = np.stack(answers), np.array(chances)
    assert chance.sum() == pytest.approx(1)
    mean = np.einsum("m,mnk->nk", chance, each)
    return mean, np.sqrt(np.einsum("m,mnk->nk", chance, (each - mean) ** 2))


@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize(("name", "inverted"), [("dropout", True), ("classic_dropout", False)])
def test_exact_is_brute_force_by_hand(name: str, inverted: bool, task: str) -> None:
    trained = made({name: {"rate": 0.3}}, task=task)
    found = exact(trained, X)
    mean, std = brute_force(trained, X, 0.3, inverted=inverted)
    assert (found.networks, found.std is not None) == (2**7, True)
    np.testing.assert_allclose(found.mean.numpy(), mean, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(found.std.numpy(), std, rtol=2e-4, atol=1e-5)  # type: ignore[union-attr]


def test_the_textbooks_unit() -> None:
    """Two hidden units, weights 0.5 and 1.5: p (w1 x1 + w2 x2) in the classic form, the sum itself in the inverted."""
    for name, expected in (("classic_dropout", 0.6 * (0.5 * 2 - 1.5 * 3)), ("dropout", 0.5 * 2 - 1.5 * 3)):
        net = {"import": "tests.study.test_ensemble.two_units"}
        trained = made({name: {"rate": 0.4, "at": "0"}}, model=net, shape=(2,), outputs=1)
        plain = TrainedModel(
            **{**vars(trained), "scaler": Scaler(torch.zeros(2), torch.ones(2)), "target_scaler": None}
        )
        with torch.no_grad():
            for p, value in zip(plain.module.parameters(), (torch.eye(2), torch.tensor([[0.5, 1.5]])), strict=True):
                p.copy_(value)
        x = torch.tensor([[2.0, -3.0]])
        assert float(exact(plain, x).mean) == pytest.approx(expected, rel=1e-6)
        assert float(plain.predict(x)) == pytest.approx(expected, rel=1e-6)


def two_units() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False))


def linear() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 4), nn.Linear(4, 2))


@pytest.mark.parametrize("name", ["dropout", "classic_dropout"])
def test_for_a_linear_network_all_three_agree(name: str) -> None:
    trained = made({name: {"rate": 0.4, "at": ["0", "1"]}}, model={"import": "tests.study.test_ensemble.linear"})
    found = compare(trained, X, networks=400, seed=0)
    assert found.scaling_error < 1e-4 * float(found.exact.mean.abs().max())
    assert found.exact.std is not None
    assert float(found.exact.std.min()) > 0.1
    assert bool(((found.monte_carlo.mean - found.exact.mean).abs() <= 4 * found.exact.std / 20).all())


@pytest.mark.parametrize("name", ["dropout", "classic_dropout"])
def test_for_another_network_weight_scaling_is_off_by_what_is_shown(name: str) -> None:
    trained = made({name: {"rate": 0.4}})
    found = compare(trained, X, networks=20)
    assert found.scaling.way == "scaling"
    assert found.scaling.std is None
    assert torch.equal(found.scaling.mean, trained.predict(X))
    mean, _ = brute_force(trained, X, 0.4, inverted=name == "dropout")
    by_hand = float(np.abs(trained.predict(X).numpy() - mean).max())
    assert found.scaling_error == pytest.approx(by_hand, rel=1e-3)
    assert found.scaling_error > 0.05
    assert found.monte_carlo_error > 0


def test_classic_and_inverted_are_one_network_with_other_weights() -> None:
    classic, inverted = made({"classic_dropout": {"rate": 0.4}}), made({"dropout": {"rate": 0.4}})
    with torch.no_grad():
        for i in (3, 5):
            inverted.module.get_parameter(f"{i}.weight").mul_(0.6)
    for ask in (weight_scaling, exact, lambda t, x: monte_carlo(t, x, networks=300)):
        a, b = ask(classic, X), ask(inverted, X)
        slack = 1e-5 if a.way != "mc" else 0.3 * float(exact(classic, X).std.max())  # type: ignore[union-attr]
        torch.testing.assert_close(a.mean, b.mean, rtol=1e-5, atol=slack)


def test_monte_carlo_comes_closer_by_the_root_of_n() -> None:
    trained = made({"dropout": {"rate": 0.4}})
    truth = exact(trained, X)
    assert truth.std is not None
    error = {}
    for networks in (16, 256):
        drawn = [monte_carlo(trained, X, networks=networks, seed=seed) for seed in range(16)]
        standardized = torch.stack([(one.mean - truth.mean) / truth.std for one in drawn])
        error[networks] = float(standardized.square().mean().sqrt())
        assert error[networks] * networks**0.5 == pytest.approx(1, rel=0.3)  # the error is std / sqrt(n)
    assert error[16] / error[256] == pytest.approx(4, rel=0.35)
    assert drawn[0].std is not None
    torch.testing.assert_close(drawn[0].std, truth.std, rtol=0.2, atol=0)


def test_an_answer_depends_on_its_row_and_the_seed_alone() -> None:
    trained = made({"dropout": {"rate": 0.4}, "hidden_noise": {"std": 0.2}})

    def ask(x: Tensor, seed: int = 3) -> Averaged:
        return monte_carlo(trained, x, networks=8, seed=seed)

    whole, few = ask(X), ask(X[2:4])
    torch.testing.assert_close(whole.mean[2:4], few.mean, rtol=1e-6, atol=1e-6)
    assert torch.equal(ask(X).mean, whole.mean)
    assert not torch.allclose(ask(X, 4).mean, whole.mean)


def test_two_networks_by_hand() -> None:
    """The sample standard deviation of two answers is their distance over the root of 2."""
    trained = made({"dropout": {"rate": 0.4}})
    found, ensemble = monte_carlo(trained, X, networks=2, seed=5), thinned(trained)
    a, b = (trained.read(ensemble.answer(trained.inputs(X), *ensemble.draw(5, number))) for number in range(2))
    torch.testing.assert_close(found.mean, (a + b) / 2)
    torch.testing.assert_close(found.std, (a - b).abs() / 2**0.5, rtol=1e-4, atol=1e-5)


def test_drop_connect_is_averaged_by_monte_carlo() -> None:
    trained = made({"drop_connect": {"rate": 0.3}}, model={"kind": "mlp", "hidden": []})
    before = {name: p.clone() for name, p in trained.module.named_parameters()}
    found = monte_carlo(trained, X, networks=400)
    assert found.std is not None
    assert bool(((found.mean - trained.predict(X)).abs() <= 4 * found.std / 20 + 1e-5).all())
    assert float(found.std.min()) > 0.1
    assert all(torch.equal(before[name], p) for name, p in trained.module.named_parameters())


def test_channels_of_a_convolution() -> None:
    net = {"kind": "cnn", "channels": [3], "activation": "tanh", "norm": "batch"}
    trained = made({"spatial_dropout": {"rate": 0.25}}, model=net, shape=(1, 4, 4))
    x = (torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
    found = exact(trained, x)
    mean = torch.zeros(6, 2)
    layers = list(trained.module.children())
    with torch.no_grad():
        for kept in itertools.product((0.0, 1.0), repeat=3):
            chance = 0.75 ** sum(kept) * 0.25 ** (3 - sum(kept))
            h = nn.Sequential(*layers[:3])(trained.inputs(x)) * torch.tensor(kept).view(1, 3, 1, 1) / 0.75
            mean += chance * trained.read(nn.Sequential(*layers[3:])(h))
    torch.testing.assert_close(found.mean, mean, rtol=1e-5, atol=1e-5)
    counted = trained.module.get_submodule("1").num_batches_tracked
    assert int(counted) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("regularizers", "hidden", "said"),
    [
        ({}, [4], "ensemble: the model was trained without dropout or another method on its activations"),
        ({"dropout": {"rate": 0.0}, "l2": {}}, [4], "trained without dropout"),
        ({"dropout": {}}, [12, 8], r"20 units that can be silenced have 2\^20 masks; expected at most 16 units"),
        ({"hidden_noise": {}}, [4], "hidden_noise has no countable masks; expected 'mc'"),
        ({"drop_connect": {}}, [4], "drop_connect silences weights, not units; expected 'mc'"),
    ],
)
def test_what_has_no_exact_expectation(regularizers: dict[str, Any], hidden: list[int], said: str) -> None:
    trained = made(regularizers, model={"kind": "mlp", "hidden": hidden})
    with pytest.raises(ModelError, match=said):
        exact(trained, X)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, and models trained on it with and without dropout."""
    root = tmp_path_factory.mktemp("models")
    write_table(root / "classes.csv")
    text = (root / "classes.csv").read_text()
    (root / "table.csv").write_text("\n".join(line.rpartition(",")[0] for line in text.splitlines()) + "\n")
    fast = ["--quiet", "--set", "epochs=2", "--set", "batch_size=8", "--set", "model={kind: mlp, hidden: [6]}"]
    classic = ["--set", "regularizers={classic_dropout: {rate: 0.25}}"]
    for name, table, target, more in (
        ("classic", "classes.csv", "kind", classic),
        ("number", "table.csv", "price", classic),
        ("plain", "table.csv", "price", []),
    ):
        assert main(["train", str(root / table), "--target", target, "--out", str(root / name), *fast, *more]) == 0
    return root


@pytest.fixture
def folder(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(models)
    return models


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scaled, drawn = (call(capsys, "predict", "classic", "classes.csv", *way) for way in ((), ("--mc", "30")))
    assert (scaled.code, drawn.code) == (0, 0)
    assert list(rows_of(scaled.out)[0]) == ["name", "label", "probability", "p_no", "p_yes"]
    rows = rows_of(drawn.out)
    assert list(rows[0]) == ["name", "label", "probability", "p_no", "p_yes", "p_no_std", "p_yes_std"]
    assert all(0 < float(row["p_no_std"]) < 0.5 for row in rows)
    same = call(capsys, "predict", "classic", "classes.csv", "--ensemble", "mc", "--mc", "30", "--seed", "0")
    assert same.out == drawn.out
    assert call(capsys, "predict", "classic", "classes.csv", "--mc", "30", "--seed", "1").out != drawn.out
    truth = json.loads(call(capsys, "predict", "classic", "classes.csv", "--ensemble", "exact", "--json").out)
    assert (truth["ensemble"], truth["networks"]) == ("exact", 64)
    for row, line in zip(truth["predictions"], rows, strict=True):
        distance = abs(row["probabilities"]["no"] - float(line["p_no"]))
        assert distance <= 5 * row["probabilities_std"]["no"] / 30**0.5
    numbers = rows_of(call(capsys, "predict", "number", "table.csv", "--ensemble", "exact").out)
    assert list(numbers[0]) == ["name", "price", "price_std"]
    document = json.loads(call(capsys, "predict", "number", "table.csv", "--mc", "3", "--json").out)
    assert set(document["predictions"][0]) == {"name", "price", "price_std"}


def test_a_loaded_model_scales_as_the_textbook_tests(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = rows_of(call(capsys, "predict", "number", "table.csv").out)
    (card,) = Path("number/models").rglob("*.json")
    about, w = json.loads(card.read_text()), load_file(card.with_suffix(".safetensors"))
    table = rows_of(Path("table.csv").read_text())
    x = np.array([[float(row["x1"]), float(row["x2"])] for row in table])
    scaler, target = about["scaler"], about["target_scaler"]
    h = np.maximum(((x - scaler["mean"]) / scaler["std"]) @ w["1.weight"].T + w["1.bias"], 0)
    z = 0.75 * h @ w["3.weight"].T + w["3.bias"]  # kept with probability 0.75
    expected = z[:, 0] * target["std"][0] + target["mean"][0]
    np.testing.assert_allclose([float(row["price"]) for row in done], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plain", "--mc", "5"), "trained without dropout or another method on its activations"),
        (("plain", "--ensemble", "exact"), "trained without dropout"),
        (("classic", "--mc", "5", "--ensemble", "exact"), "--mc: received together with --ensemble exact"),
        (("classic", "--mc", "1"), "--mc"),
        (("classic", "--ensemble", "all"), "--ensemble"),
    ],
)
def test_what_is_wrong_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    model, *options = arguments
    done = call(capsys, "predict", model, "classes.csv" if model == "classic" else "table.csv", *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.line
