"""Simulate gains over seeds and test samples and print how often the interval of the mean gain covers the truth.

    python benchmarks/crossed.py [--repeats 2000]

Each cell: coverage in % with its 95 % interval (Clopper and Pearson), and in brackets the median width over that of an
interval that knows the variances. "normal": seeds, samples and noise are normal, with the standard deviations given.
"correct": the difference of two classifiers' correctness, in {-1, 0, 1}, on samples that differ in difficulty; the
skill of both varies by seed.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import beta

from wellfit.stats.crossed import crossed_difference

NORMAL = {"noise": (0.0, 0.0, 1.0), "samples": (0.0, 0.5, 1.0), "both": (0.1, 0.5, 1.0), "seeds": (1.0, 0.5, 1.0)}
SKILL = {"correct": 0.0, "correct, skill 0.1": 0.1, "correct, skill 0.5": 0.5}
SEEDS = (2, 3, 5, 10)
SAMPLES = (50, 500, 10_000)
CELLS = 1.5e7
"""Cells of a setting's tables together, so that large tables have fewer repeats."""


def normal(draw: np.random.Generator, seeds: int, samples: int, sds: tuple[float, float, float]) -> np.ndarray:
    """Return gains of mean 0."""
    gain: np.ndarray = sds[0] * draw.standard_normal((seeds, 1)) + sds[1] * draw.standard_normal((1, samples))
    return gain + sds[2] * draw.standard_normal((seeds, samples))


def correct(draw: np.random.Generator, seeds: int, samples: int, skill: float) -> np.ndarray:
    """Return differences of correctness, of mean 0."""
    difficulty = 1.2 + 1.5 * draw.standard_normal((1, samples))
    arm, control = (
        difficulty + skill * draw.standard_normal((seeds, 1)) + draw.standard_normal((seeds, samples)) > 0
        for _ in range(2)
    )
    return arm.astype(np.float64) - control


def cell(draw: np.random.Generator, name: str, seeds: int, samples: int, repeats: int) -> str:
    """Return what a setting comes to."""
    repeats = max(200, min(repeats, int(CELLS / (seeds * samples))))
    covers, widths, means = 0, [], []
    for _ in range(repeats):
        gain = (
            normal(draw, seeds, samples, NORMAL[name]) if name in NORMAL else correct(draw, seeds, samples, SKILL[name])
        )
        found = crossed_difference(gain)
        if found is None or found.ci95 is None:
            continue
        covers += found.ci95.holds(0.0)
        widths.append(found.ci95.half_width)
        means.append(found.difference)
    low = beta.ppf(0.025, covers, repeats - covers + 1)
    high = beta.ppf(0.975, covers + 1, repeats - covers) if covers < repeats else 1.0
    width = np.median(widths) / (1.96 * np.std(means))
    return f"{100 * covers / repeats:.1f} [{100 * low:.1f}, {100 * high:.1f}] ({width:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=2000)
    options = parser.parse_args()
    names = [*NORMAL, *SKILL]
    print("| seeds | samples | " + " | ".join(names) + " |")
    print("|---|---|" + "---|" * len(names))
    for seeds in SEEDS:
        for samples in SAMPLES:
            draw = np.random.default_rng([seeds, samples])
            cells = [cell(draw, name, seeds, samples, options.repeats) for name in names]
            print(f"| {seeds} | {samples:,} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
