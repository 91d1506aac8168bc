"""Schedules against ``torch.optim.lr_scheduler``, step by step."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from wellfit.errors import RecipeError
from wellfit.recipe import Recipe, validate
from wellfit.recipe.schedule import (
    ConstantSpec,
    CosineSpec,
    ExponentialSpec,
    MultiStepSpec,
    OneCycleSpec,
    PlateauSpec,
    ScheduleSpec,
    StepSpec,
)
from wellfit.train.schedules import curve, factor

LR, EPOCHS, STEPS = 0.3, 12, 7
N = EPOCHS * STEPS
TOLERANCE = 1e-12

ALL: list[ScheduleSpec] = [
    ConstantSpec(),
    StepSpec(step_size=3, gamma=0.5),
    MultiStepSpec(milestones=(9, 4), gamma=0.2),
    ExponentialSpec(gamma=0.9),
    CosineSpec(min_factor=0.05),
    OneCycleSpec(),
    PlateauSpec(patience=1),
]
IDS = [spec.kind for spec in ALL]
KINDS = "constant, cosine, exponential, multi_step, one_cycle, plateau, step"

Make = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]


def torch_rates(make: Make, steps: int) -> list[float]:
    """The learning rates with which PyTorch takes its steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return found


def ours(spec: ScheduleSpec) -> list[float]:
    return [LR * factor(spec, passed=s / STEPS, epochs=EPOCHS, scores=()) for s in range(N)]


def agree(found: Sequence[float], expected: Sequence[float]) -> None:
    assert len(found) == len(expected)
    assert max(abs(a - b) / b for a, b in zip(found, expected, strict=True)) < TOLERANCE


def test_step_and_multi_step_change_between_epochs() -> None:
    step = torch_rates(lambda o: lr_scheduler.StepLR(o, 3, gamma=0.5), EPOCHS)
    agree(ours(StepSpec(step_size=3, gamma=0.5)), [lr for lr in step for _ in range(STEPS)])
    multi = torch_rates(lambda o: lr_scheduler.MultiStepLR(o, [4, 9], gamma=0.2), EPOCHS)
    agree(ours(MultiStepSpec(milestones=(9, 4), gamma=0.2)), [lr for lr in multi for _ in range(STEPS)])
    assert (len(set(step)), len(set(multi))) == (4, 3)


def test_exponential() -> None:
    found = ours(ExponentialSpec(gamma=0.9))
    agree(found[::STEPS], torch_rates(lambda o: lr_scheduler.ExponentialLR(o, 0.9), EPOCHS))
    agree(found, torch_rates(lambda o: lr_scheduler.ExponentialLR(o, 0.9 ** (1 / STEPS)), N))


@pytest.mark.parametrize("least", [0.0, 0.05])
def test_cosine(least: float) -> None:
    expected = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, N, eta_min=LR * least), N)
    found = ours(CosineSpec(min_factor=least))
    # PyTorch works from step to step: towards 0 its rounding is no longer small beside the rate
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) < TOLERANCE
    assert max(abs(a - b) / b for a, b in zip(found, expected, strict=True)) < 1e-6


@pytest.mark.parametrize("pct_start", [0.25, 0.3, 0.5])
def test_one_cycle(pct_start: float) -> None:
    """PyTorch's cycle ends with the last step, ours a step later, with the last epoch: so theirs has a step more here,
    and the same peak.
    """
    cycle = torch_rates(
        lambda o: lr_scheduler.OneCycleLR(
            o,
            LR,
            total_steps=N + 1,
            pct_start=(pct_start * N + 1) / (N + 1),
            div_factor=20,
            final_div_factor=1e3,
            cycle_momentum=False,
        ),
        N,
    )
    agree(ours(OneCycleSpec(pct_start=pct_start, div_factor=20.0, final_div_factor=1e3)), cycle)
    assert max(cycle) == pytest.approx(LR, rel=0.01)


def test_one_cycle_that_only_falls_or_only_rises() -> None:
    falls, rises = OneCycleSpec(pct_start=0.0), OneCycleSpec(pct_start=1.0)
    assert factor(falls, passed=0.0, epochs=4, scores=()) == 1.0
    assert factor(falls, passed=4.0, epochs=4, scores=()) == pytest.approx(1 / 25e4)
    assert factor(rises, passed=0.0, epochs=4, scores=()) == pytest.approx(1 / 25)
    assert factor(rises, passed=3.999999, epochs=4, scores=()) == pytest.approx(1.0)


WARM = 3


@pytest.mark.parametrize(
    ("spec", "make"),
    [
        (ConstantSpec(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        (ExponentialSpec(gamma=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9 ** (1 / STEPS))),
        (CosineSpec(min_factor=0.1), lambda o: lr_scheduler.CosineAnnealingLR(o, N - WARM * STEPS, eta_min=LR * 0.1)),
        (StepSpec(step_size=2), lambda o: lr_scheduler.StepLR(o, 2 * STEPS)),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_warm_up_comes_first(spec: ScheduleSpec, make: Make) -> None:
    def both(o: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        rise = lr_scheduler.LinearLR(o, start_factor=0.2, total_iters=WARM * STEPS)
        return lr_scheduler.SequentialLR(o, [rise, make(o)], milestones=[WARM * STEPS])

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The epoch parameter", category=UserWarning)  # its own use of it
        expected = torch_rates(both, N)
    agree(ours(spec.model_copy(update={"warmup": float(WARM), "warmup_from": 0.2})), expected)


CURVES = {
    "stops": [1.0, 0.8, 0.7, 0.69, 0.6899999, 0.69, 0.7, 0.68999, 0.71, 0.7, 0.7, 0.6, 0.61, 0.6, 0.6, 0.6, 0.6],
    "worsens": [1.0 + 0.1 * i for i in range(17)],
    "waves": [1 + 0.3 * math.sin(i) - 0.01 * i for i in range(60)],
    "breaks": [1.0, 0.9, math.nan, math.nan, 0.8, math.nan, math.nan, math.nan, math.nan],
}


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize(
    "spec",
    [
        PlateauSpec(patience=2),
        PlateauSpec(factor=0.5, patience=0, cooldown=3),
        PlateauSpec(factor=0.3, patience=1, threshold=0.05, min_factor=0.01, cooldown=1),
    ],
)
def test_plateau(spec: PlateauSpec, name: str, mode: str) -> None:
    """For a loss (``min``, whose score is its negative) and for an accuracy."""
    values = CURVES[name]
    made = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        made,
        mode=mode,  # type: ignore[arg-type]
        factor=spec.factor,
        patience=spec.patience,
        threshold=spec.threshold,
        cooldown=spec.cooldown,
        min_lr=LR * spec.min_factor,
        eps=0.0,
    )
    sign = -1 if mode == "min" else 1
    found, expected = [], []
    for epoch, value in enumerate(values, start=1):
        scheduler.step(value)
        expected.append(float(made.param_groups[0]["lr"]))
        found.append(LR * factor(spec, passed=epoch, epochs=99, scores=[sign * v for v in values[:epoch]]))
    agree(found, expected)


def test_the_curves_reach_the_plateau() -> None:
    assert all(factor(PlateauSpec(patience=2), passed=0, epochs=9, scores=[-v for v in c]) < 1 for c in CURVES.values())


def test_what_plateau_saw_while_warming_up_does_not_count() -> None:
    spec = PlateauSpec(patience=0, warmup=1.5)
    worse = [-1.0, -2.0]
    assert factor(spec, passed=2.0, epochs=9, scores=worse) == 1.0
    assert factor(spec, passed=4.0, epochs=9, scores=[*worse, -3.0, -4.0]) == pytest.approx(0.1)
    assert factor(PlateauSpec(patience=0), passed=2.0, epochs=9, scores=worse) == pytest.approx(0.1)


@pytest.mark.parametrize("spec", ALL, ids=IDS)
def test_a_warm_up_rises_to_the_first_factor(spec: ScheduleSpec) -> None:
    first = factor(spec, passed=0.0, epochs=8, scores=())
    warm = spec.model_copy(update={"warmup": 2.0, "warmup_from": 0.0})
    found = [factor(warm, passed=s / 4, epochs=8, scores=()) for s in range(9)]
    assert found == pytest.approx([first * s / 8 for s in range(9)])


@pytest.mark.parametrize("spec", ALL, ids=IDS)
def test_a_warm_up_to_the_end_only_rises(spec: ScheduleSpec) -> None:
    warm = spec.model_copy(update={"warmup": 10.0})
    found = [factor(warm, passed=s / 4, epochs=8, scores=()) for s in range(32)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(0.01 * factor(spec, passed=0.0, epochs=8, scores=()))


@given(
    spec=st.sampled_from(ALL),
    warmup=st.sampled_from([0.0, 0.5, 3.0]),
    passed=st.floats(0, 20),
    epochs=st.integers(1, 20),
    scores=st.lists(st.floats(-10, 10), max_size=20),
)
def test_a_factor_is_between_0_and_1(
    spec: ScheduleSpec, warmup: float, passed: float, epochs: int, scores: list[float]
) -> None:
    warm = spec.model_copy(update={"warmup": warmup})
    found = factor(warm, passed=passed, epochs=epochs, scores=scores)
    assert 0 <= found <= 1
    assert curve(warm, epochs=epochs, scores=scores)(passed) == found


@pytest.mark.parametrize("spec", ALL, ids=IDS)
def test_a_recipe_takes_a_schedule_by_name_or_with_its_numbers(spec: ScheduleSpec) -> None:
    by_name = validate(Recipe, {"data": "digits", "schedule": spec.kind}).schedule
    assert by_name == type(spec)()
    whole = validate(Recipe, {"data": "digits", "schedule": spec.model_dump(mode="json")})
    assert whole.schedule == spec
    assert Recipe.model_validate(json.loads(json.dumps(whole.to_dict()))) == whole


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("cosin", f"schedule.kind: received 'cosin'; expected 'cosine' (nearest), one of {KINDS}"),
        ({"kind": "step", "gamma": 0}, "schedule.gamma: received 0; expected more than 0"),
        ({"kind": "step", "step_size": 2.5}, "schedule.step_size: received 2.5; expected a whole number"),
        ({"kind": "multi_step", "milestones": []}, "schedule.milestones: received []; expected at least 1 of them"),
        ({"kind": "cosine", "min_factor": 2}, "schedule.min_factor: received 2; expected at most 1"),
        ({"kind": "cosine", "warmup": -1}, "schedule.warmup: received -1; expected at least 0"),
        ({"kind": "one_cycle", "div_factor": 0.5}, "schedule.div_factor: received 0.5; expected at least 1"),
        ({"kind": "plateau", "patience": -1}, "schedule.patience: received -1; expected at least 0"),
        ({"kind": "plateau", "patiense": 1}, "schedule.patiense: unknown key; expected 'patience' (nearest)"),
    ],
)
def test_what_is_wrong_is_named(schedule: object, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        validate(Recipe, {"data": "digits", "schedule": schedule})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("spec", ALL, ids=IDS)
def test_cards_are_whole(spec: ScheduleSpec) -> None:
    card = type(spec).__doc__ or ""
    assert card.splitlines()[0].endswith(".")
    assert all(heading in card for heading in ("Formula:", "Range:", "Source:"))
    assert "Does nothing for:" in card or "Does little for:" in card
    for field in type(spec).model_fields:
        assert field == "kind" or f"``{field}``" in card, field
