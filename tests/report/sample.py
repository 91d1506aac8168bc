"""A made-up study that looks like a real one: a 2 x 2 x 2 factorial over five seeds, with plausible overfitting."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from wellfit.record import EpochRow, RunRecord, Status, TestRow, best_epoch

FACTORS: dict[str, dict[str, Any]] = {
    "dropout": {"rate": 0.4},
    "l2": {"strength": 1e-4},
    "augmentation": {"rotation": 10.0, "flip": True},
}
Weights = dict[str, dict[str, np.ndarray]]


def arm_names(factors: Sequence[str] = tuple(FACTORS)) -> dict[str, tuple[str, ...]]:
    """Return arm -> its factors: plain, the factors, their pairs, and so on."""
    subsets = (chosen for size in range(len(factors) + 1) for chosen in itertools.combinations(factors, size))
    return {"+".join(chosen) or "plain": chosen for chosen in subsets}


def make_run(
    arm: str = "plain",
    seed: int = 0,
    *,
    chosen: Sequence[str] = (),
    epochs: int = 30,
    diverges_at: int = 0,
    accuracy: bool = True,
    status: Status = "complete",
    tested: bool = True,
) -> RunRecord:
    """Return one run. Seeds shift all arms alike, as in a paired study; regularizers slow the fall of train."""
    shared, own = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2, len(arm), sum(arm.encode())])
    base, pace = 0.012 * shared.standard_normal(), 1 + 0.12 * own.standard_normal()
    strength = 0.85 * ("dropout" in chosen) + 0.1 * ("l2" in chosen) + 0.6 * ("augmentation" in chosen)
    floor = 0.285 - 0.006 * ("dropout" in chosen) + 0.035 * ("augmentation" in chosen) + 0.008 * own.standard_normal()
    floor -= 0.012 * ({"dropout", "l2"} <= set(chosen))
    rows = []
    for epoch in range(1, epochs + 1):
        train = (0.045 + 0.06 * strength) + 0.62 * math.exp(-epoch / (6.5 + 2.5 * strength))
        overfit = 0.02 * pace * max(0.0, epoch - 7 - 3 * strength) ** 1.1 * math.exp(-1.5 * strength)
        val = floor + 0.42 * math.exp(-epoch / (3.2 + strength)) + overfit
        train, val = train * (1 + 0.02 * own.standard_normal()) + base / 2, val + base + 0.006 * own.standard_normal()
        if diverges_at and epoch >= diverges_at:
            train = val = math.nan if epoch > diverges_at else 1e9
        fits = [1 - 0.36 * value**1.05 if math.isfinite(value) and value < 2 else 0.1 for value in (train, val)]
        if diverges_at and epoch > diverges_at + 1:
            break  # a run ends with the first epoch whose loss is not finite
        penalty = 0.02 * (1 - math.exp(-epoch / 9)) * ("l2" in chosen)
        rows.append(
            EpochRow(
                epoch=epoch,
                train_loss=train,
                val_loss=val,
                train_accuracy=fits[0] if accuracy else None,
                val_accuracy=fits[1] if accuracy else None,
                objective=train * (1 + 0.4 * strength) + penalty,
                penalty=penalty,
                lr=0.1,
                grad_norm=0.8 + 0.1 * own.standard_normal(),
                seconds=0.9,
            )
        )
    finite = [row for row in rows if math.isfinite(row.val_loss) and row.val_loss < 1e6]
    best = best_epoch(finite, "val_loss")
    test = None
    if tested and best:
        row = rows[best - 1]
        test = TestRow(row.val_loss + 0.008, None if row.val_accuracy is None else row.val_accuracy - 0.003)
    ended: Status = "diverged" if diverges_at else status
    return RunRecord(arm, seed, recipe_of(chosen, epochs=epochs), ended, best, tuple(rows), test, 0.9 * epochs)


def recipe_of(chosen: Sequence[str] = (), *, epochs: int = 30) -> dict[str, Any]:
    """Return a full recipe as ``Recipe.to_dict`` gives it."""
    return {
        "data": {"source": "fashion-mnist", "scale": "standardize", "split": {"validation": 0.1, "seed": 0}},
        "model": {"kind": "mlp", "hidden": [128, 128], "activation": "relu"},
        "loss": "cross_entropy",
        "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.0},
        "regularizers": {name: FACTORS[name] for name in chosen},
        "batch_size": 64,
        "epochs": epochs,
        "monitor": "val_loss",
        "restore": "best",
    }


def study_runs(*, seeds: int = 5, epochs: int = 30, factors: Sequence[str] = tuple(FACTORS)) -> list[RunRecord]:
    """Return the runs of the factorial."""
    arms = arm_names(factors)
    return [make_run(arm, seed, chosen=chosen, epochs=epochs) for arm, chosen in arms.items() for seed in range(seeds)]


def block(values: Sequence[float]) -> dict[str, Any] | None:
    """Return a metric block; ``None`` where no value is finite."""
    finite = np.asarray([value for value in values if math.isfinite(value)])
    if finite.size == 0:
        return None
    ci95 = None
    if finite.size > 1:
        half = float(stats.t.ppf(0.975, finite.size - 1) * stats.sem(finite))
        ci95 = [finite.mean() - half, finite.mean() + half]
    kept = [value if math.isfinite(value) else None for value in values]
    return {"values": kept, "mean": float(finite.mean()), "ci95": ci95}


def contrast(arm: str, against: str, metric: str, differences: Sequence[float]) -> dict[str, Any]:
    """Return the contrast of some paired differences, without its correction."""
    finite = np.asarray([value for value in differences if math.isfinite(value)])
    found: dict[str, Any] = {
        "arm": arm,
        "against": against,
        "metric": metric,
        "difference": None,
        "ci95": None,
        "p": None,
    }
    found |= {"p_holm": None, "dz": None, "n": int(finite.size), "seeds_needed": None, "half_width": 0.005}
    if finite.size:
        found["difference"] = float(finite.mean())
    if finite.size > 1:
        half = float(stats.t.ppf(0.975, finite.size - 1) * stats.sem(finite))
        found |= {"ci95": [float(finite.mean()) - half, float(finite.mean()) + half]}
        found |= {"p": float(stats.ttest_1samp(finite, 0).pvalue), "dz": float(finite.mean() / finite.std(ddof=1))}
        found |= {"seeds_needed": max(2, math.ceil(finite.size * (half / 0.005) ** 2))}
    return found


def correct(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fill in Holm's p: of m sorted p the i-th times (m - i), never falling."""
    known = sorted((one for one in found if one["p"] is not None), key=lambda one: one["p"])
    highest = 0.0
    for index, one in enumerate(known):
        highest = max(highest, min(1.0, one["p"] * (len(known) - index)))
        one["p_holm"] = highest
    return found


METRICS = ("val_loss", "val_accuracy", "train_loss", "train_accuracy", "gap", "test_loss", "test_accuracy")


def make_result(
    runs: Sequence[RunRecord], *, metric: str = "val_loss", control: str = "plain", status: str = "complete"
) -> dict[str, Any]:
    """Return the ``result.json`` of some runs, computed apart from wellfit's own statistics."""
    arms: dict[str, list[RunRecord]] = {}
    for run in runs:
        arms.setdefault(run.arm, []).append(run)
    seeds = sorted({run.seed for run in runs})
    described = [_arm(name, found) for name, found in arms.items()]
    contrasts = []
    for named in ("val_loss", "val_accuracy"):
        known = arms.get(control, [])
        against = {run.seed: run.value(named) for run in known}
        if not any(math.isfinite(value) for value in against.values()):
            continue
        family = [
            contrast(name, control, named, [run.value(named) - against.get(run.seed, math.nan) for run in found])
            for name, found in arms.items()
            if name != control
        ]
        contrasts += correct(family)
    best = min((arm for arm in described if arm[metric]), key=lambda arm: float(arm[metric]["mean"]), default=None)
    kept = None if best is None else {"arm": best["name"], "seed": 0, "model": f"models/{best['name']}/0.safetensors"}
    mains, crossed = _factorial(arms, metric)
    return {
        "name": "fashion-regularizers",
        "status": status,
        "data": _data(tested=all(run.test for run in runs)),
        "metric": metric,
        "control": control,
        "seeds": seeds,
        "arms": described,
        "contrasts": contrasts,
        "interactions": crossed,
        "main_effects": mains,
        "best": kept,
        "plan": {"populations": [{"members": 40, "epochs": 30, "how": "stacked"}]},
        "certificate": {"members": [{"arm": "l2", "seed": 3, "deviation": 2.1e-6}], "largest": 2.1e-6},
        "environment": {
            "wellfit": "0.1.0",
            "python": "3.11.7",
            "torch": "2.10.0",
            "platform": "Linux-6.1-x86_64",
            "device": "cpu",
            "threads": 2,
            "started": "2026-01-15T09:30:00Z",
            "libraries": {"numpy": "2.4.6", "scipy": "1.17.1"},
        },
        "seconds": 431.7,
    }


def _data(*, tested: bool) -> dict[str, Any]:
    return {
        "name": "fashion-mnist",
        "task": "classification",
        "kind": "image",
        "train": 54000,
        "validation": 6000,
        "test": 10000,
        "classes": ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"],
        "shape": [1, 28, 28],
        "skipped": [],
        "test_reads": 1 if tested else 0,
        "fingerprint": "9f2c" * 16,
    }


def _arm(name: str, found: Sequence[RunRecord]) -> dict[str, Any]:
    overfits = found[-1].curves[-1].gap > 0.2
    diverged = all(run.status == "diverged" for run in found)
    verdict = "diverged" if diverged else "overfit" if overfits else "well-fit"
    epoch = found[0].best_epoch
    words = f"Validation loss turned at epoch {epoch} and rose while the train loss fell."
    finding = {"name": "overfitting", "epoch": epoch, "evidence": {"rise_share": 0.21}, "words": words}
    findings = [finding] if verdict == "overfit" else []
    return {
        "name": name,
        "recipe": found[0].recipe,
        "epochs_run": [run.epochs_run for run in found],
        "best_epoch": [run.best_epoch for run in found],
        "status": [run.status for run in found],
        "seconds": sum(run.seconds for run in found),
        "verdict": verdict,
        "words": words if findings else "Validation loss ended near its best.",
        "findings": findings,
        **{metric: block([run.value(metric) for run in found]) for metric in METRICS},
    }


def _factorial(
    arms: Mapping[str, Sequence[RunRecord]], metric: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return main effects and interactions where the arms are the full factorial; else nothing."""
    names = arm_names()
    if set(names) != set(arms):
        return [], []
    table = {frozenset(chosen): np.array([run.value(metric) for run in arms[arm]]) for arm, chosen in names.items()}
    mains, crossed = [], []
    for name in FACTORS:
        off = [cell for cell in table if name not in cell]
        per_seed = np.mean([table[cell | {name}] - table[cell] for cell in off], axis=0)
        mains.append({"factor": name, "level": "on", **_effect(metric, per_seed)})
    for first, second in itertools.combinations(FACTORS, 2):
        off = [cell for cell in table if first not in cell and second not in cell]
        both = [
            table[cell | {first, second}] - table[cell | {first}] - table[cell | {second}] + table[cell] for cell in off
        ]
        crossed.append({"factors": [first, second], "levels": ["on", "on"], **_effect(metric, np.mean(both, axis=0))})
    return correct(mains), correct(crossed)


def _effect(metric: str, per_seed: np.ndarray) -> dict[str, Any]:
    found = contrast("", "", metric, per_seed.tolist())
    return {key: found[key] for key in ("metric", "difference", "ci95", "p", "p_holm")}


def make_weights(arms: Sequence[str] = tuple(arm_names()), *, seed: int = 0) -> Weights:
    """Return weights of a small MLP for each arm: narrower with L2, wider with dropout."""
    shapes = {"layers.0.weight": (64, 196), "layers.1.weight": (64, 64), "layers.2.weight": (10, 64)}
    weights: Weights = {}
    for arm in arms:
        rng = np.random.default_rng([seed, len(arm)])
        scale = (0.75 if "l2" in arm else 1.0) * (1.2 if "dropout" in arm else 1.0)
        weights[arm] = {
            name: (rng.standard_t(6, shape) * scale / math.sqrt(shape[1])).astype(np.float32)
            for name, shape in shapes.items()
        }
        weights[arm]["layers.0.bias"] = np.zeros(64, dtype=np.float32)
    return weights


def make_study(*, seeds: int = 5, epochs: int = 30) -> tuple[dict[str, Any], list[RunRecord], Weights]:
    """Return result, runs and weights of the whole factorial."""
    runs = study_runs(seeds=seeds, epochs=epochs)
    return make_result(runs), runs, make_weights()


def untested(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the runs as an interrupted study leaves them: the test set was never read."""
    return [replace(run, test=None) for run in runs]
