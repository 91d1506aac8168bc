"""Cleaning as an arm, where labels are known to be wrong, and where a plan is mistaken about right ones.

A fifth of the train labels of the digits is planted wrong (symmetric noise); the test labels stay right. The audit's
doubts become a plan, and a study compares keeping, cleaning and leaving out as many at random, paired by seed. Then the
same samples are left out of the digits as they are: nothing is wrong with them, so nothing should be gained.

    python benchmarks/cleaning.py [--out runs/cleaning]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wellfit.api import run_study
from wellfit.data import load
from wellfit.data.audit import Finding, read_subject
from wellfit.data.audit.judge import judge_labels
from wellfit.data.clean import Action, Plan, propose
from wellfit.data.split import test_indices
from wellfit.recipe import DataSpec, SplitSpec

NOISE = 0.2
SEEDS = 5
METRICS = ("val_accuracy", "test_accuracy", "val_loss", "test_loss")


def write_archive(path: Path, *, planted: bool) -> set[str]:
    """Write the digits as an archive with its test part given; return the names of the samples drawn for noise, whose
    labels are wrong where it is ``planted``.
    """
    dataset = load("digits")
    test = test_indices(dataset, SplitSpec()).numpy()
    rest = np.setdiff1d(np.arange(len(dataset)), test)
    x, y = dataset.x.numpy(), dataset.y.numpy().copy()
    draw = np.random.default_rng(0)
    drawn = draw.choice(rest, round(NOISE * len(rest)), replace=False)
    if planted:
        y[drawn] = (y[drawn] + draw.integers(1, 10, len(drawn))) % 10
    np.savez_compressed(path, x_train=x[rest], y_train=y[rest], x_test=x[test], y_test=y[test])
    return {f"train sample {row}" for row in np.flatnonzero(np.isin(rest, drawn)).tolist()}


def doubted(findings: Sequence[Finding]) -> dict[str, str]:
    """Return the samples whose label the audit doubts, with the class that it suggests."""
    found: dict[str, str] = {}
    for one in findings:
        found |= dict(zip(one.where, one.evidence["suggested"], strict=True))
    return found


def plans_of(path: Path, drawn: set[str], *, planted: bool) -> dict[str, Plan]:
    """Return the plans: what the audit proposes for labels, and all samples that it doubts left out, or relabeled; for
    right labels one that leaves out the samples drawn for noise.
    """
    subject = read_subject(DataSpec(source=str(path)))
    findings, _ = judge_labels(subject)
    audit, doubts = propose(subject, findings), doubted(findings)
    hits = f", {len(drawn & doubts.keys())} of the {len(drawn)} planted among them" if planted else ""
    print(f"  in doubt: {len(doubts)} of {len(subject.train)}{hits}")
    bare = Plan(source=str(path), fingerprint=subject.fingerprint)
    if not planted:
        mistaken = Action(action="drop", where=tuple(sorted(drawn)), why="mistaken")
        return {"mistaken": bare.model_copy(update={"actions": (mistaken,)})}
    drop = Action(action="drop", where=tuple(doubts), why="in doubt")
    relabel = tuple(Action(action="relabel", where=(name,), to=to, why="in doubt") for name, to in doubts.items())
    return {
        "proposed": audit,
        "drop": bare.model_copy(update={"actions": (drop,)}),
        "relabel": bare.model_copy(update={"actions": relabel}),
    }


def study_of(path: Path, plan: Path, name: str) -> dict[str, Any]:
    """Return the study as a recipe file holds it."""
    return {
        "name": name,
        "data": str(path),
        "model": {"kind": "mlp", "hidden": [64]},
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "batch_size": 64,
        "epochs": 20,
        "restore": "last",
        "study": {"seeds": SEEDS, "metric": "val_accuracy", "cleaning": str(plan)},
    }


def show(result: dict[str, Any]) -> None:
    """Print what was done, and each arm against the control: mean paired difference, interval and every value."""
    for arm in result["arms"]:
        about = arm["cleaning"]
        print(f"  {arm['name']}: train {about['train']}, left out {about['dropped']}, relabeled {about['relabeled']}")
    for metric in METRICS:
        for arm in result["arms"]:
            values = ", ".join(f"{value:.4f}" for value in arm[metric]["values"])
            found = [one for one in result["contrasts"] if one["metric"] == metric and one["arm"] == arm["name"]]
            against = "control"
            if found:
                low, high = found[0]["ci95"] or (float("nan"), float("nan"))
                against = f"{found[0]['difference']:+.4f} [{low:+.4f}, {high:+.4f}] p(Holm) {found[0]['p_holm']:.3g}"
            print(f"  {metric:13} {arm['name']:6} n={len(arm[metric]['values'])} {against:42} {values}")


def main() -> None:
    """Make the data, the plans and the studies; print tables and write ``cleaning.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/cleaning"))
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    results = {}
    for planted in (True, False):
        path = folder / ("digits.npz" if planted else "right-digits.npz")
        print(f"digits, {NOISE if planted else 0:.0%} of the train labels wrong")
        drawn = write_archive(path, planted=planted)
        for kind, plan in plans_of(path, drawn, planted=planted).items():
            print(kind)
            file = folder / f"digits-{kind}.yaml"
            file.write_text(plan.to_yaml(), encoding="utf-8")
            results[kind] = run_study(study_of(path, file, f"digits-{kind}"), out=folder / kind, fresh=True)
            show(results[kind])
    (folder / "cleaning.json").write_text(json.dumps(results, indent=2), encoding="utf-8")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
