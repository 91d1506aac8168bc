"""Averages of weights against torch.optim.swa_utils and the papers' formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from wellfit.regularize.stages import Averaging, Moment
from wellfit.regularize.weights.ema import Ema
from wellfit.regularize.weights.swa import Swa, first_averaged_epoch

STEPS = 4


def walk(steps: int) -> Tensor:
    """Weights (steps, 6) that wander."""
    return torch.randn(steps, 6, generator=torch.Generator().manual_seed(0)).cumsum(0)


def averages(rule: type[Averaging], numbers: dict[str, list[float]], epochs: list[float], path: Tensor) -> Tensor:
    """What each member's average is after each step (steps, P, 6), all on the same path."""
    given = {name: torch.tensor(value) for name, value in numbers.items()}
    average, found = torch.zeros(len(epochs), path.shape[1]), []
    for t, w in enumerate(path, start=1):
        weight = rule.weight(given, Moment(t, STEPS, torch.tensor(epochs)))
        assert weight.shape == (len(epochs),)
        assert weight.dtype == torch.float32
        average = torch.lerp(average, w.expand_as(average), weight.unsqueeze(1))
        found.append(average)
    return torch.stack(found)


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(6))


def twin(path: Tensor, averaged: AveragedModel, when: list[int]) -> Tensor:
    """torch's average after the given steps (from 1) of the path."""
    for t in when:
        model = Holder()
        model.w.data.copy_(path[t - 1])
        averaged.update_parameters(model)
    held = averaged.module
    assert isinstance(held, Holder)
    return held.w.detach()


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_ema_is_torchs(decay: float) -> None:
    path = walk(40)
    ours = averages(Ema, {"decay": [decay, 0.0]}, [10.0, 10.0], path)
    theirs = AveragedModel(Holder(), multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
    assert float((ours[-1, 0] - twin(path, theirs, list(range(1, 41)))).abs().max()) <= 1e-5
    assert torch.equal(ours[:, 1], path), "decay 0 is the weights themselves"


def test_ema_copies_first_and_then_weighs_by_powers() -> None:
    path, decay = walk(3), 0.75
    ours = averages(Ema, {"decay": [decay]}, [10.0], path)[:, 0]
    assert torch.equal(ours[0], path[0])
    expected = decay**2 * path[0] + decay * (1 - decay) * path[1] + (1 - decay) * path[2]
    assert torch.allclose(ours[2], expected, atol=1e-6)


@pytest.mark.parametrize(("start", "epochs"), [(0.75, 8), (0.0, 5), (0.5, 5), (1.0, 6), (0.7, 10)])
def test_swa_is_torchs_mean_of_the_epochs_ends(start: float, epochs: int) -> None:
    path = walk(epochs * STEPS)
    ours = averages(Swa, {"start": [start]}, [float(epochs)], path)[-1, 0]
    ends = [e * STEPS for e in range(1, epochs + 1) if e >= round(start * epochs, 9)]
    assert float((ours - twin(path, AveragedModel(Holder()), ends)).abs().max()) <= 1e-5
    assert torch.allclose(ours, torch.stack([path[t - 1] for t in ends]).mean(0), atol=1e-5)


def test_swa_follows_the_weights_until_its_start_and_keeps_still_within_later_epochs() -> None:
    path = walk(5 * STEPS)
    ours = averages(Swa, {"start": [0.6]}, [5.0], path)[:, 0]
    ends = 3 * STEPS  # the end of epoch 3 is the first that counts
    assert torch.equal(ours[:ends], path[:ends])
    assert torch.equal(ours[ends : ends + STEPS - 1], path[ends - 1].expand(STEPS - 1, 6))
    assert torch.allclose(ours[ends + STEPS - 1], (path[ends - 1] + path[ends + STEPS - 1]) / 2, atol=1e-6)


def test_swa_from_the_last_epoch_on_is_the_weights_themselves_and_members_have_their_own_budget() -> None:
    path = walk(6 * STEPS)
    together = averages(Swa, {"start": [1.0, 0.5, 0.5]}, [6.0, 6.0, 4.0], path)
    assert torch.equal(together[:, 0], path)
    alone = averages(Swa, {"start": [0.5]}, [4.0], path)
    assert torch.equal(together[:, 2], alone[:, 0])
    assert not torch.equal(together[: 4 * STEPS, 1], together[: 4 * STEPS, 2])


def test_a_start_that_is_a_whole_number_of_epochs_is_that_epoch_in_float32_too() -> None:
    for epochs in (*range(1, 60), 1000, 9999):
        ks = torch.arange(0, epochs + 1, dtype=torch.float64)
        first = first_averaged_epoch((ks / epochs).float(), torch.tensor(float(epochs)))
        assert torch.equal(first, ks.clamp(min=1)), epochs


def test_the_weight_of_the_nth_end_is_one_nth() -> None:
    start, epochs = {"start": torch.tensor([0.5])}, torch.tensor([10.0])
    found = [float(Swa.weight(start, Moment(e * STEPS, STEPS, epochs))) for e in range(1, 11)]
    assert found == pytest.approx([1] * 5 + [1 / n for n in range(2, 7)])
