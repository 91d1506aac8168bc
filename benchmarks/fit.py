"""Does ``wellfit fit`` help? Baseline against final arm on sealed test sets, over outer repeats.

Each outer repeat has its own samples: a fit on 1,000 Fashion-MNIST images (tested on 10,000 others), on digits
with 20 % of the train and validation labels wrong (tested on right ones), and on data where nothing can help (Gaussian
noise, labels by coin). A repeat's number is the mean over the fit's seeds; the interval is Student's over repeats.

    python benchmarks/fit.py [--only fashion|digits|nothing] [--repeats 5] [--budget 3m] [--json FILE] [--out DIR]

The network is an MLP 128-128, which trains fast enough for many remedies in three minutes; ``--network default`` takes
what ``wellfit fit`` would (for images a CNN) and needs budgets of ten times that. Going on is running again: a repeat
that is complete is read. One thread, so that two can run side by side.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wellfit.data import load
from wellfit.fitting import parse_budget, run_fit
from wellfit.fitting.events import FitEvent, Step
from wellfit.recipe_file import parse_study
from wellfit.report.study import report_study
from wellfit.stats.intervals import estimate

NOISE = 0.2
SEEDS = 5
MEASURES = {"test_loss": -1.0, "test_accuracy": 1.0}
"""Measure -> the sign that makes higher better."""


def fashion(folder: Path, repeat: int) -> dict[str, Any]:
    """1,000 of the 60,000 train images to learn from, 10,000 others of them for the test; other ones in each repeat.

    The given test set is left alone: defaults of remedies were tried on it while they were written.
    """
    path = folder / f"fashion-{repeat}.npz"
    if not path.exists():
        whole = load("fashion-mnist")
        assert whole.given_test is not None
        given = np.ones(len(whole), dtype=bool)
        given[whole.given_test.numpy()] = False
        order = np.random.default_rng(3000 + repeat).permutation(np.flatnonzero(given))
        x, y = np.asarray(whole.x)[:, 0], np.asarray(whole.y)
        train, test = order[:1000], order[1000:11_000]
        np.savez(path, x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])
    return {"source": str(path), "kind": "image"}


def digits(folder: Path, repeat: int) -> dict[str, Any]:
    """Digits, a fifth of them for the test; of the others' labels one in five is another class, drawn evenly."""
    from sklearn.datasets import load_digits

    path = folder / f"digits-{repeat}.npz"
    if not path.exists():
        found = load_digits()
        draw = np.random.default_rng(1000 + repeat)
        order = draw.permutation(len(found.target))
        test, train = order[: len(order) // 5], order[len(order) // 5 :]
        x, y = (found.images * 255 / 16).round().astype(np.uint8), found.target.astype(np.int64)
        wrong = draw.permutation(train)[: round(NOISE * len(train))]
        noisy = y.copy()
        noisy[wrong] = (y[wrong] + draw.integers(1, 10, len(wrong))) % 10
        np.savez(path, x_train=x[train], y_train=noisy[train], x_test=x[test], y_test=y[test])
    return {"source": str(path), "kind": "image"}


def nothing(folder: Path, repeat: int) -> dict[str, Any]:
    """Noise with labels by coin: 600 samples to learn from, 2,000 for the test."""
    path = folder / f"nothing-{repeat}.npz"
    if not path.exists():
        draw = np.random.default_rng(6000 + repeat)
        x, y = draw.normal(size=(2600, 20)).astype(np.float32), draw.integers(0, 2, 2600)
        np.savez(path, x_train=x[:600], y_train=y[:600], x_test=x[600:], y_test=y[600:])
    return {"source": str(path)}


CASES: Mapping[str, Callable[[Path, int], dict[str, Any]]] = {"fashion": fashion, "digits": digits, "nothing": nothing}


def repeat_of(case: str, repeat: int, wanted: argparse.Namespace) -> dict[str, Any]:
    """Run a repeat, or what is left of it; return what is kept of it."""
    data = wanted.out / "data"
    data.mkdir(parents=True, exist_ok=True)
    values = {"data": CASES[case](data, repeat), "study": {"seeds": SEEDS}}
    if wanted.network == "mlp":
        values["model"] = {"kind": "mlp"}
    spec = parse_study(values, overrides=wanted.set, name=f"{case}-{repeat}")
    folder = wanted.out / f"{case}-{repeat}"

    def listen(event: FitEvent) -> None:
        if isinstance(event, Step):
            print(f"  {case} {repeat} [{event.spent:.0f} s] {event.words}", file=sys.stderr, flush=True)

    result = run_fit(spec, folder, budget=parse_budget(wanted.budget), listen=listen)
    if not (folder / "report.html").exists():
        report_study(folder)
    return kept(result, repeat)


def kept(result: Mapping[str, Any], repeat: int) -> dict[str, Any]:
    """Return what the table needs of a fit's result."""
    block = result["fit"]
    remedies = [remedy for each in block["rounds"] for remedy in each["remedies"]]
    return {
        "repeat": repeat,
        "seeds": len(result["seeds"]),
        "seconds": result["seconds"],
        "first": block["rounds"][0]["verdict"] if block["rounds"] else block["baseline"]["verdict"],
        "final": block["final"]["arm"],
        "verdict": block["final"]["verdict"],
        "ended": block["ended"],
        "rounds": len(block["rounds"]),
        "tried": len(remedies),
        "outcomes": {
            name: sum(remedy["outcome"] == name for remedy in remedies)
            for name in ("CURED", "BETTER", "NO GAIN", "WORSE", "INCONCLUSIVE")
        },
        "gain": block["final"]["gain"],
        "words": block["words"],
        "baseline": {measure: block["baseline"][measure]["mean"] for measure in MEASURES},
        "last": {measure: block["final"][measure]["mean"] for measure in MEASURES},
    }


def summary(repeats: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean gain over repeats with its 95 % interval, and every value."""
    found = {}
    for measure, sign in MEASURES.items():
        gains = [sign * (each["last"][measure] - each["baseline"][measure]) + 0.0 for each in repeats]
        made = estimate(gains)
        found[measure] = {
            "baseline": [each["baseline"][measure] for each in repeats],
            "final": [each["last"][measure] for each in repeats],
            "gain": gains,
            "mean": made.mean,
            "ci95": None if made.ci95 is None else list(made.ci95),
        }
    return found


def show(case: str, repeats: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> None:
    """Print a case's table."""
    print(f"\n{case}: {len(repeats)} repeats")
    for each in repeats:
        print(f"  {each['repeat']}: {each['first']} -> {each['verdict']}, {each['ended']}; {each['final']}")
        print(
            f"     loss {each['baseline']['test_loss']:.4f} -> {each['last']['test_loss']:.4f}"
            f"   accuracy {each['baseline']['test_accuracy']:.4f} -> {each['last']['test_accuracy']:.4f}"
            f"   ({each['tried']} tried, {each['seeds']} seeds, {each['seconds']:.0f} s)"
        )
    for measure, found in about.items():
        ci95 = "no interval" if found["ci95"] is None else f"[{found['ci95'][0]:+.4f}, {found['ci95'][1]:+.4f}]"
        gains = ", ".join(f"{gain:+.4f}" for gain in found["gain"])
        print(f"  gain in {measure}: {found['mean']:+.4f} {ci95}  ({gains})")


def main() -> None:
    """Run what is asked for and print the tables."""
    parser = argparse.ArgumentParser(description="Baseline against what wellfit fit ends with, on sealed test sets.")
    parser.add_argument("--only", choices=sorted(CASES), action="append")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--budget", default="3m")
    parser.add_argument("--network", choices=["mlp", "default"], default="mlp")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-fit"))
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for case in wanted.only or CASES:
        repeats = [repeat_of(case, repeat, wanted) for repeat in range(wanted.repeats)]
        found[case] = {"repeats": repeats, "summary": summary(repeats)}
        show(case, repeats, found[case]["summary"])
        if wanted.json is not None:
            made = {"command": " ".join(sys.argv), "budget": wanted.budget, "torch": torch.__version__, "cases": found}
            wanted.json.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
