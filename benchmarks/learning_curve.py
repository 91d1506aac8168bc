"""Forecasts from 10, 20 and 50 % of the train samples against what 100 % gave: coverage and error on real data.

``python benchmarks/learning_curve.py`` prints a line a forecast and a summary, and writes
``benchmarks/learning_curve.json``; ``--stored`` forecasts again from the errors in that file, without training.
Each case is trained once; forecasts are made from some of its sizes, so forecasts share runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from wellfit.examine.learning_curve import learning_curve
from wellfit.examine.power_law import fit_power_law

SIZES = "5,10,20,50,100"
FORECASTS = [((1, 2, 3), 4), ((0, 1, 2, 3), 4), ((0, 1, 2), 3), ((0, 1, 2), 4)]
"""Which sizes a forecast is made from, and which it is for."""

MLP, LINEAR = "model={kind: mlp, hidden: [128, 128]}", "model={kind: mlp, hidden: []}"
CASES = [
    ("digits", (MLP, "epochs=50")),
    ("digits", (LINEAR, "epochs=50")),
    ("fashion-mnist", ("data.limit=2000", MLP, "epochs=30")),
    ("fashion-mnist", ("data.limit=5000", MLP, "epochs=15")),
    ("fashion-mnist", ("data.limit=10000", MLP, "epochs=12")),
    ("fashion-mnist", ("data.limit=2000", LINEAR, "epochs=30")),
    ("fashion-mnist", ("data.limit=10000", LINEAR, "epochs=12")),
    ("breast-cancer", (MLP, "epochs=100")),
    ("wine", (MLP, "epochs=100")),
    ("diabetes", (MLP, "epochs=100")),
]
"""Both the loss and the share of errors are forecast from each case's runs, at the epoch of the lowest val_loss."""


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", action="store_true", help="forecast again, train nothing")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    rows = json.loads(given.out.read_text()) if given.stored else list(_trained(given.seeds))
    for row in rows:
        errors = np.array(row["errors"])
        row["forecasts"] = [_forecast(row["sizes"], errors, past, then) for past, then in FORECASTS]
        for one in row["forecasts"]:
            print(f"{row['data']} {' '.join(row['changes'])} {row['metric']}: {one}", flush=True)
    given.out.write_text(json.dumps(rows, indent=1) + "\n")
    _summary(rows)


def _trained(seeds: int) -> Iterator[dict[str, Any]]:
    """Yield each case with its errors (seeds, sizes): the loss, and the share of errors where there are classes."""
    for source, changes in CASES:
        found = learning_curve(source, sizes=SIZES, seeds=seeds, overrides=changes)
        sizes = [size["samples"] for size in found["sizes"]]
        for metric in ("val_loss", "val_accuracy"):
            if found["sizes"][0][metric] is not None:
                values = np.array([size[metric]["values"] for size in found["sizes"]]).T
                errors = values if metric == "val_loss" else 1 - values
                case = {"data": source, "changes": list(changes), "metric": metric, "sizes": sizes}
                yield {**case, "errors": errors.tolist()}


def _forecast(sizes: list[int], errors: np.ndarray, past: tuple[int, ...], then: int) -> dict[str, Any]:
    """Return the forecast from some sizes for another, and the mean that was measured there."""
    if not ((errors > 0).mean(0) > 0.5).all():
        return {"from": [sizes[at] for at in past], "for": sizes[then], "none": "an error of 0"}
    fit = fit_power_law([sizes[at] for at in past], errors[:, past])
    middle, interval = fit.forecast(sizes[then] / sizes[past[-1]])
    truth = float(errors[:, then].mean())
    return {
        "from": [sizes[at] for at in past],
        "for": sizes[then],
        "forecast": round(middle, 4),
        "ci95": [round(interval.low, 4), round(interval.high, 4)],
        "measured": round(truth, 4),
        "inside": bool(interval.holds(truth)),
        "off": round(middle / truth - 1, 3),
    }


def _summary(rows: list[dict[str, Any]]) -> None:
    for number, (past, then) in enumerate(FORECASTS):
        made = [row["forecasts"][number] for row in rows if "off" in row["forecasts"][number]]
        inside = sum(one["inside"] for one in made)
        off = sorted(abs(one["off"]) for one in made)
        width = sorted((one["ci95"][1] - one["ci95"][0]) / 2 / one["measured"] for one in made)
        inside_of = f"from sizes {past} for {then}: {inside} of {len(made)} inside"
        errors = f"median error {100 * off[len(off) // 2]:.1f} %, largest {100 * off[-1]:.0f} %"
        print(f"{inside_of}; {errors}; median half-width {100 * width[len(width) // 2]:.0f} %")


if __name__ == "__main__":
    main()
