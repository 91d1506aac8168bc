"""Simulate races and print how often the truly best arm is lost, and how many runs are saved.

    python benchmarks/racing.py [--races 20000]

"lost" counts races in which the best arm left, with its 95 % interval (Clopper and Pearson); the promise is 5 % at
most. The rivals are as good as the best arm but for 1e-9: the hardest case. Seeds shift all arms of a race alike. "x4":
four times as noisy as the others; "families": half of the arms share noise, and so does the other half. "saved" is
measured on arms that differ, in standard deviations of a run's noise; "t test alone" is the same race by each pair's
own t test at the same level (Bonferroni), which is what wellfit's race is meant to be better than.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.stats import beta
from scipy.stats import t as student

from wellfit.stats.racing import race

Race = Callable[[Sequence[np.ndarray]], np.ndarray]
CHUNK = 500
SEED_LOOKS = {1: (3,), 2: (3, 5), 3: (3, 4, 6), 4: (3, 4, 6, 8)}
"""Looks -> seeds seen at each."""
OWN = (0.1, 0.3)
"""Noise of an arm's own where families share noise of standard deviation 1."""
EPOCH_SHARES = (0.25, 0.5, 0.75)
"""Where looks stand in a race over epochs; all seeds are seen at each."""
SEED_EFFECT = 3.0
DRIFT = 0.5
"""Standard deviation of what an arm's run still changes between looks at its epochs, in units of its noise."""


def noise(draw: np.random.Generator, shape: tuple[int, ...], tail: int | None) -> np.ndarray:
    """Return noise of variance 1: normal, or t-distributed with ``tail`` degrees of freedom."""
    if tail is None:
        return draw.standard_normal(shape)
    return np.asarray(draw.standard_t(tail, shape) / np.sqrt(tail / (tail - 2)))


def drawn(
    draw: np.random.Generator,
    races: int,
    *,
    gaps: np.ndarray,
    sds: np.ndarray,
    seeds: int,
    tail: int | None,
) -> np.ndarray:
    """Return values of races ``(races, arms, seeds)``; ``gaps``: how much worse than the best each arm is."""
    own = noise(draw, (races, len(gaps), seeds), tail) * sds[None, :, None]
    values: np.ndarray = own - gaps[None, :, None] + SEED_EFFECT * draw.standard_normal((races, 1, seeds))
    return values


def in_families(draw: np.random.Generator, races: int, *, arms: int, seeds: int, own: float) -> np.ndarray:
    """Return values of nearly equal arms in two families of which each shares noise; ``own``: what each arm adds."""
    shared = draw.standard_normal((races, 2, seeds))[:, (np.arange(arms) >= arms / 2).astype(int)]
    values: np.ndarray = shared + own * draw.standard_normal((races, arms, seeds))
    return np.asarray(values - 1e-9 * (np.arange(arms) > 0)[:, None])


def by_t_test(looks: Sequence[np.ndarray], *, alpha: float = 0.05) -> np.ndarray:
    """Race by each pair's own t test with Bonferroni's correction: the yardstick."""
    arms = looks[0].shape[-2]
    left = np.zeros(looks[0].shape[:-1], dtype=np.int64)
    for index, values in enumerate(looks, start=1):
        gain = values[..., None, :, :] - values[..., :, None, :]
        n = values.shape[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            t = gain.mean(-1) / gain.std(-1, ddof=1) * np.sqrt(n)
        on = left == 0
        beaten = (t > student.ppf(1 - alpha / (len(looks) * (arms - 1)), n - 1)) & on[..., None, :]
        left[beaten.any(-1) & on] = index
    return left


def lost(races: int, seeds: Sequence[int], drawn: Callable[[], np.ndarray]) -> int:
    """Return in how many races the first arm, the best one, left; ``drawn`` gives ``CHUNK`` races."""
    count = 0
    for _ in range(races // CHUNK):
        values = drawn()
        count += int((race([values[..., :n] for n in seeds])[:, 0] > 0).sum())
    return count


def over_epochs(draw: np.random.Generator, values: np.ndarray) -> list[np.ndarray]:
    """Return what looks at parts of the epochs see of runs that end with ``values``."""
    steps = [DRIFT * draw.standard_normal(values.shape) for _ in EPOCH_SHARES]
    return [values + sum(steps[index:]) for index in range(len(EPOCH_SHARES))]


def saved(left: np.ndarray, spent: Sequence[float]) -> float:
    """Return the part of all runs (or epochs) that a race did not need; ``spent``: what an arm that left had cost."""
    return float(1 - np.take(np.asarray([1.0, *spent]), left).mean())


def interval(count: int, total: int) -> str:
    """Return a share with its exact 95 % interval, in percent."""
    low = beta.ppf(0.025, count, total - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, total - count)
    return f"{100 * count / total:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def print_lost(races: int) -> None:
    """Print how often the best arm is lost."""
    print(f"\nBest arm lost, % of {races:,} races\n")
    titles = ("equal", "equal, t4", "half of the arms x3", "best x2", "best x4", "best x10", "a rival x4")
    print("| arms | looks | " + " | ".join((*titles, *(f"families, own {own:g}" for own in OWN))) + " |")
    print("|---" * (2 + len(titles) + len(OWN)) + "|")
    for arms in (2, 3, 4, 8, 16):
        gaps = np.where(np.arange(arms) == 0, 0.0, 1e-9)
        one, first, second = np.ones(arms), np.arange(arms) == 0, np.arange(arms) == 1
        half = np.where(np.arange(arms) % 2 == 1, 3.0, 1.0)
        unequal = [np.where(first, size, 1.0) for size in (2.0, 4.0, 10.0)]
        noises = [(one, None), (one, 4), *((sds, None) for sds in (half, *unequal, np.where(second, 4.0, 1.0)))]
        for looks, seeds in SEED_LOOKS.items():
            draw = np.random.default_rng([arms, looks])
            ways = [
                *(partial(drawn, draw, CHUNK, gaps=gaps, sds=sds, seeds=seeds[-1], tail=tail) for sds, tail in noises),
                *(partial(in_families, draw, CHUNK, arms=arms, seeds=seeds[-1], own=own) for own in OWN),
            ]
            cells = [interval(lost(races, seeds, way), races) for way in ways]
            print(f"| {arms} | {looks} | " + " | ".join(cells) + " |", flush=True)


def print_saved(races: int) -> None:
    """Print what is saved, over seeds and over epochs."""
    print(f"\nSaved, % (mean of {races:,} races); in brackets: by each pair's t test alone; best arm lost, %\n")
    over = "over seeds, looks at 3 (of 10: at 3 and 5) | over epochs, looks at 1/4, 1/2, 3/4"
    print(f"| arms | the others are worse by (sd) | seeds | {over} |")
    print("|---|---|---|---|---|")
    for arms in (4, 8, 16):
        for worst in (1.0, 2.0, 4.0, 8.0):
            for seeds in (5, 10):
                draw = np.random.default_rng([arms, int(worst), seeds])
                gaps = np.concatenate([[0.0], np.linspace(worst / 4, worst, arms - 1)])
                values = np.concatenate(
                    [
                        drawn(draw, CHUNK, gaps=gaps, sds=np.ones(arms), seeds=seeds, tail=None)
                        for _ in range(max(races // CHUNK, 1))
                    ]
                )
                stages = (3, 5) if seeds > 5 else (3,)
                cells = []
                looked = [values[..., :n] for n in stages], [n / seeds for n in stages]
                epochs = over_epochs(draw, values), EPOCH_SHARES
                for looks, spent in (looked, epochs):
                    ours, plain = race(looks), by_t_test(looks)
                    wrong = 100 * float((ours[:, 0] > 0).mean())
                    cells.append(f"{100 * saved(ours, spent):.0f} ({100 * saved(plain, spent):.0f}); {wrong:.1f}")
                print(f"| {arms} | {worst / 4:g} to {worst:g} | {seeds} | {cells[0]} | {cells[1]} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--races", type=int, default=20_000)
    options = parser.parse_args()
    print_saved(min(options.races, 2000))
    print_lost(options.races)


if __name__ == "__main__":
    main()
