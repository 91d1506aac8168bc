"""An arm of a fit is judged by its seeds, and by their mean where single ones are too noisy."""

from __future__ import annotations

import numpy as np

from wellfit.diagnosis.risk import DataFacts
from wellfit.fitting.judging import judge_arm
from wellfit.record import EpochRow, RunRecord
from wellfit.train.events import Key

CHANCE = 2.303
FACTS = DataFacts(kind="image", validation=100)


def run(arm: str, seed: int, *, rate: float, noise: float, epochs: int = 30) -> tuple[Key, RunRecord]:
    """A run whose losses fall as e^(-rate t), with jumps of its seed that both share."""
    draw = np.random.default_rng(seed)
    rows = []
    for epoch in range(1, epochs + 1):
        train = 0.4 + (CHANCE - 0.4) * float(np.exp(-rate * epoch)) + noise * float(draw.normal())
        val = train + 0.03 + noise / 3 * float(draw.normal())
        rows.append(EpochRow(epoch, train, val, 1 - train / 3, 1 - val / 3, train, 0.0, 0.01, 1.0, 0.1))
    return (arm, seed), RunRecord(arm, seed, {"regularizers": {}}, "complete", epochs, tuple(rows), None, 1.0)


def judged(*runs: tuple[Key, RunRecord], simple: dict[int, float] | None = None) -> str:
    return judge_arm("plain", dict(runs), chance=CHANCE, simple=simple, facts=FACTS).verdict


def test_the_mean_of_noisy_seeds_shows_a_fall_that_single_ones_hide() -> None:
    seeds = [run("plain", seed, rate=0.1, noise=0.07) for seed in range(5)]
    assert {judged(one) for one in seeds} <= {"unclear", "well-fit"}
    found = judge_arm("plain", dict(seeds), chance=CHANCE, simple=None, facts=FACTS)
    assert found.verdict == "unconverged"
    assert "mean of 5 seeds" in found.words
    assert len(found.seeds) == 5


def test_arms_that_end_as_early_are_no_reference_for_being_done() -> None:
    plain = [run("plain", seed, rate=0.06, noise=0.002) for seed in range(5)]
    like = [run("like", seed, rate=0.061, noise=0.002) for seed in range(5)]
    assert judged(*plain, *like) == "unconverged"


def test_what_has_settled_is_well_fit() -> None:
    assert judged(*(run("plain", seed, rate=0.5, noise=0.01) for seed in range(5))) == "well-fit"


def test_a_simple_model_about_as_good_says_nothing_and_one_clearly_better_does() -> None:
    slow = [run("plain", seed, rate=0.06, noise=0.002) for seed in range(5)]
    assert judged(*slow, simple=dict.fromkeys(range(5), 0.7)) == "unconverged"
    settled = [run("plain", seed, rate=0.5, noise=0.002) for seed in range(5)]
    assert judged(*settled, simple=dict.fromkeys(range(5), 0.05)) == "underfit"
