"""Flip labels at known places and print what the audit says of them: how many are wrong, and which.

    python benchmarks/label_noise.py [--only digits,cifar10] [--all]

Nothing is discounted: a label that was wrong before planting counts as a false alarm.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from wellfit.data import load
from wellfit.data.audit.judge import draw_folds, judged, seen
from wellfit.data.audit.label_errors import estimate_noise, find_suspects
from wellfit.data.audit.traits import traits

SAMPLES = {"digits": 1797, "fashion-mnist": 6000, "cifar10": 5000, "wine": 178, "breast-cancer": 569, "iris": 150}
RATES = (0.0, 0.02, 0.05, 0.1, 0.2)


def run(name: str, samples: int | None, rates: tuple[float, ...]) -> None:
    """Print a row for each part of flipped labels."""
    dataset = load(name)
    last = len(dataset) if dataset.given_test is None else len(dataset) - len(dataset.given_test)
    rows = np.sort(np.random.default_rng(0).permutation(last)[:samples])
    x, y, kind = np.asarray(dataset.x)[rows], np.asarray(dataset.y)[rows].astype(np.int64), dataset.kind
    started = time.perf_counter()
    features, folds = seen(x, kind), draw_folds(x, y)
    columns = traits(x, kind) if kind == "vector" else None
    classes = int(y.max()) + 1
    for rate in rates:
        draw = np.random.default_rng(3)
        wrong = draw.permutation(len(y))[: round(rate * len(y))]
        given = y.copy()
        given[wrong] = (y[wrong] + draw.integers(1, classes, len(wrong))) % classes
        scores = judged(features, columns, given, folds)
        noise = estimate_noise(scores, given)
        found = find_suspects(scores, given, noise)
        hits = int(np.isin(found.rows, wrong).sum())
        right = (scores.argmax(axis=1) == y).mean()
        precision = f"{hits / len(found.rows):.2f}" if len(found.rows) else "-"
        recall = f"{hits / len(wrong):.2f}" if len(wrong) else "-"
        print(
            f"| {name} | {len(y):,} | {right:.1%} | {rate:.0%} | {noise.share:.1%} ({noise.low:.1%} to"
            f" {noise.high:.1%}) | {len(found.rows):,} | {precision} | {recall} |",
            flush=True,
        )
    print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", help="data sets, separated by commas")
    parser.add_argument("--all", action="store_true", help="every sample, at 2 % only")
    options = parser.parse_args()
    print("| data | samples | judge is right | flipped | estimated | named | precision | recall |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.only.split(",") if options.only else SAMPLES:
        run(name, None if options.all else SAMPLES[name], (0.02,) if options.all else RATES)


if __name__ == "__main__":
    main()
