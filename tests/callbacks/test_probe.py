from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import wellfit
from wellfit.callbacks.probe import evaluate
from wellfit.errors import InputError


def network() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    net[1].eval()  # frozen by its owner
    return net


def samples(n: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.randn(n, 5, generator=g), torch.randint(3, (n,), generator=g)


def test_it_is_the_loss_in_evaluation_mode_over_all_samples() -> None:
    net, (x, y) = network(), samples()
    loss, accuracy = evaluate(net, F.cross_entropy, [(x[:7], y[:7]), (x[7:], y[7:])])
    net.eval()
    with torch.no_grad():
        output = net(x)
    assert loss == pytest.approx(float(F.cross_entropy(output, y)), rel=1e-6)
    assert accuracy == pytest.approx(float((output.argmax(1) == y).float().mean()))


def test_it_leaves_no_trace() -> None:
    net, (x, y) = network(), samples()
    modes = [module.training for module in net.modules()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    before: tuple[Any, ...] = (torch.get_rng_state(), random.getstate(), str(np.random.get_state()))
    evaluate(net, F.cross_entropy, DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True))
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert str(np.random.get_state()) == before[2]
    assert all(parameter.grad is None for parameter in net.parameters())


def test_modes_come_back_after_an_error() -> None:
    net = network()
    with pytest.raises(RuntimeError):
        evaluate(net, F.cross_entropy, [(torch.ones(2, 7), torch.zeros(2).long())])
    assert net.training
    assert net[3].training


def test_targets_that_are_no_classes_have_no_accuracy() -> None:
    net = nn.Linear(5, 1)
    x = samples()[0]
    assert evaluate(net, F.mse_loss, [(x, x[:, :1])])[1] is None


def test_pixels_and_ignored_targets() -> None:
    target = torch.tensor([[[0, 1], [-100, 1]]])
    output = torch.zeros(1, 2, 2, 2)
    output[:, 1] = 1.0
    found = evaluate(nn.Identity(), F.cross_entropy, [(output, target)])
    assert found[1] == pytest.approx(2 / 3)


class Answering(nn.Module):
    """As models of Hugging Face answer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> Any:
        logits = self.net(x)
        return type("Output", (), {"loss": F.cross_entropy(logits, labels), "logits": logits})()


def test_mappings_with_labels() -> None:
    net, (x, y) = Answering(), samples()
    own = evaluate(net, None, [{"x": x, "labels": y}])
    assert own == pytest.approx(evaluate(net.net, F.cross_entropy, [(x, y)]))


@pytest.mark.parametrize(
    ("loss", "batches", "words"),
    [
        (F.cross_entropy, [], "train_batches: hold no samples"),
        (F.cross_entropy, iter([1]), "train_batches: .* used up after one pass"),
        (F.cross_entropy, 3, "train_batches: received int"),
        (F.cross_entropy, [torch.ones(2, 5)], "train_batches: a batch is Tensor"),
        (F.cross_entropy, [{"x": 1}], "expected one with 'labels'"),
        (None, [samples()], "loss: was not given"),
        (nn.CrossEntropyLoss(reduction="sum"), [samples()], "loss: sums over the batch"),
    ],
)
def test_bad_probes_are_one_line(loss: Any, batches: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        wellfit.Watch().measure(network(), loss, batches, [samples()])


def test_watching_changes_nothing_and_is_comparable() -> None:
    """Trained with and without a watch, dropout on: the same weights; and it knows how it was measured."""

    def trained(watch: wellfit.Watch | None) -> nn.Module:
        net, (x, y) = network(), samples()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        loader = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True)
        torch.manual_seed(3)
        for _ in range(4):
            for a, b in loader:
                optimizer.zero_grad()
                loss: Any = F.cross_entropy(net(a), b)
                loss.backward()
                optimizer.step()
            if watch is not None:
                watch.measure(net, F.cross_entropy, loader, [samples(30)], lr=0.1)
        return net

    watch = wellfit.Watch()
    plain, seen = trained(None), trained(watch)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), seen.parameters(), strict=True))
    assert watch.measured == "eval"
    assert set(watch.curves) == {"epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr"}
    watch.epoch(train_loss=1.0)
    assert watch.measured is None
