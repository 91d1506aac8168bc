"""L1, L2 and elastic net on linear regression reach the coefficients of scikit-learn's Lasso, Ridge and ElasticNet.

Our objective is (1/n) ||y - Xw - b||^2 + penalty. Half of it is scikit-learn's for Lasso and ElasticNet, so their alpha
is half our strength; n times it is that of Ridge, so its alpha is n strength / 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso, Ridge
from torch import Tensor

from tests.support import member, replicates, train
from wellfit.data import Dataset
from wellfit.regularize.loss.elastic_net import ElasticNet
from wellfit.regularize.loss.l1 import L1
from wellfit.regularize.loss.l2 import L2
from wellfit.regularize.stages import Penalty
from wellfit.train.member import Member

PENALTIES: Mapping[str, type[Penalty]] = {"l1": L1, "l2": L2, "elastic_net": ElasticNet}
CASES: list[tuple[str, dict[str, float]]] = [
    ("l2", {"strength": 0.02}),
    ("l2", {"strength": 0.5}),
    ("l1", {"strength": 0.05}),
    ("l1", {"strength": 0.3}),
    ("elastic_net", {"strength": 0.2, "l1_ratio": 0.5}),
    ("elastic_net", {"strength": 0.4, "l1_ratio": 0.2}),
]


def regression(n: int = 150, features: int = 8) -> Dataset:
    """Correlated features, half of which matter, and noise."""
    draw = torch.Generator().manual_seed(8)
    x = torch.randn(n, features, generator=draw)
    x[:, 1] = 0.6 * x[:, 0] + 0.8 * x[:, 1]
    w = torch.tensor([1.5, -1.0, 0.0, 0.0, 0.7, 0.0, 0.3, 0.0])
    y = 20 + 3 * (x @ w + torch.randn(n, generator=draw) / 2).unsqueeze(1)
    names = tuple(f"f{i}" for i in range(features))
    return Dataset("line", "regression", "vector", x, y, (), None, names, ("y",), source="line")


def sklearns(name: str, given: Mapping[str, float], x: Tensor, y: Tensor) -> tuple[NDArray[Any], float]:
    """The coefficients and the intercept."""
    strength = given["strength"]
    exact = {"tol": 1e-12, "max_iter": 1_000_000}
    model = {
        "l1": lambda: Lasso(alpha=strength / 2, **exact),
        "l2": lambda: Ridge(alpha=len(x) * strength / 2, solver="cholesky"),
        "elastic_net": lambda: SklearnElasticNet(alpha=strength / 2, l1_ratio=given.get("l1_ratio", 0), **exact),
    }[name]()
    model.fit(x.double().numpy(), y.double().numpy().ravel())
    return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


def numbers_of(given: Mapping[str, float]) -> dict[str, Tensor]:
    return {name: torch.full((1, 1, 1), value, dtype=torch.float64) for name, value in given.items()}


def scaled(dataset: Dataset) -> tuple[Tensor, Tensor]:
    x, y = dataset.x.double(), dataset.y.double()
    return (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()


@pytest.mark.parametrize(("name", "given"), CASES)
def test_at_scikit_learns_minimum_our_gradients_balance(name: str, given: dict[str, float]) -> None:
    """Within 1e-9; where a coefficient is zero, the data's gradient is smaller than the corner of |w|."""
    x, y = scaled(regression())
    w = torch.from_numpy(sklearns(name, given, x, y)[0]).view(1, 1, -1)
    data = (2 / len(x) * (x @ w[0].T - y).T @ x).unsqueeze(0)
    g = data.clone()
    PENALTIES[name].add_gradient(g, w, numbers_of(given))
    assert float(g[w != 0].abs().max()) <= 1e-9
    corner = given["strength"] * given.get("l1_ratio", 1.0)
    assert bool((data[w == 0].abs() <= corner).all())


@pytest.mark.parametrize(("name", "given"), CASES)
def test_gradient_descent_with_the_closed_forms_ends_at_scikit_learns_minimum(
    name: str, given: dict[str, float]
) -> None:
    """In float64: Ridge within 1e-9; with an L1 part, whose subgradient oscillates by lr * strength, within 2e-4."""
    x, y = scaled(regression())
    penalty, numbers, steps = PENALTIES[name], numbers_of(given), 4000
    w = torch.zeros(1, 1, x.shape[1], dtype=torch.float64)
    for t in range(steps):
        g = (2 / len(x) * (x @ w[0].T - y).T @ x).unsqueeze(0)
        penalty.add_gradient(g, w, numbers)
        w -= 0.1 * 1e-6 ** (t / steps) * g
    expected = torch.from_numpy(sklearns(name, given, x, y)[0])
    assert float((w.flatten() - expected).abs().max()) <= (1e-9 if name == "l2" else 2e-4)

    def objective(v: Tensor) -> float:
        return float((x @ v[0].T - y).square().mean() + penalty.value(v, numbers)[0])

    assert objective(w) == pytest.approx(objective(expected.view_as(w)), abs=1e-7)


def test_a_population_ends_at_scikit_learns_minima(capsys: pytest.CaptureFixture[str]) -> None:
    """All six in one population, in float32: Ridge within 1e-5, what has an L1 part within 1e-3."""
    changes: dict[str, Any] = {
        "model": {"kind": "mlp", "hidden": []},
        "loss": "mse",
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "schedule": "cosine",
        "batch_size": 1000,
        "epochs": 500,
    }
    dataset = regression()
    members: list[Member] = [member(f"{n} {g}", 0, regularizers={n: g}, **changes) for n, g in CASES]
    done = train(members, dataset)
    replicate = replicates(dataset, members)[0]
    rows = replicate.split.train
    x = replicate.scale(replicate.gather(rows, device=torch.device("cpu")))
    y = replicate.targets(rows, device=torch.device("cpu"))
    found = {}
    for one, (name, given) in zip(members, CASES, strict=True):
        w, b = done[one.key].weights["1.weight"].numpy().ravel(), float(done[one.key].weights["1.bias"])
        expected, intercept = sklearns(name, given, x, y)
        found[one.arm] = max(float(np.abs(w - expected).max()), abs(b - intercept))
        if name != "l2":
            assert (expected == 0).any(), "a case in which L1 has something to remove"
        assert found[one.arm] <= (1e-5 if name == "l2" else 1e-3), one.arm
    with capsys.disabled():
        print(f"\n  scikit-learn's coefficients: {', '.join(f'{n} {d:.0e}' for n, d in found.items())}", end="")
