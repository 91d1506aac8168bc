"""A fit as ``result.json`` tells it: two rounds with every outcome, arms that left early, one that broke."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.report.sample import make_result, make_run
from wellfit.record import RunRecord

WORDS = (
    "The baseline is overfit, with a test loss of 0.412. 6 changes were tried in 2 rounds, and on validation"
    " 'dropout=0.3 + epochs x2' came out best."
)


def gain(difference: float, half: float | None, *, seeds: int = 5) -> dict[str, Any]:
    each = [difference + 0.4 * (half or 0.0) * (seed - (seeds - 1) / 2) / seeds for seed in range(seeds)]
    ci95 = None if half is None else [difference - half, difference + half]
    return {"difference": difference, "ci95": ci95, "p": 0.01, "per_seed": each, "samples": 359}


def remedy(name: str, outcome: str, difference: float, half: float | None = 0.02, **given: Any) -> dict[str, Any]:
    """One remedy; the gain on validation is a little larger, as it is where one chooses by it."""
    seeds = given.pop("seeds", 5)
    return {
        "arm": name,
        "name": name,
        "finding": "overfitting",
        "change": name.split("=")[0],
        "reason": f"Reason for {name}.",
        "source": "Srivastava et al. 2014",
        "harm": f"Harm of {name}.",
        "patch": {"dropout": {"rate": 0.3}},
        "seeds": list(range(seeds)),
        "left": None,
        "validation": {
            "difference": difference + 0.005,
            "ci95": [difference - 0.01, difference + 0.02],
            "p_holm": 0.04,
        },
        "test": gain(difference, half, seeds=seeds),
        "metric": "test_loss",
        "verdict_after": "well-fit",
        "outcome": outcome,
        **given,
    }


def part(arm: str, verdict: str, loss: float, accuracy: float) -> dict[str, Any]:
    def block(mean: float, half: float) -> dict[str, Any]:
        return {"values": [mean] * 5, "mean": mean, "ci95": [mean - half, mean + half]}

    return {"arm": arm, "verdict": verdict, "test_loss": block(loss, 0.02), "test_accuracy": block(accuracy, 0.008)}


def make_fit(*rounds: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Return a block ``fit``; without rounds: nothing was tried."""
    made = {
        "rounds": list(rounds),
        "baseline": part("plain", "overfit", 0.412, 0.871),
        "final": {**part("dropout=0.3 + epochs x2", "well-fit", 0.318, 0.897), "gain": gain(0.094, 0.03)},
        "simple": {"kind": "logistic regression", "val_loss": 0.52},
        "ended": "well-fit",
        "budget": 240.0,
        "words": WORDS,
        "advice": [{"change": "more_data", "reason": "There are few samples.", "source": "Banko & Brill 2001"}],
    }
    return {**made, **given}


def make_round(number: int, control: str, remedies: Sequence[dict[str, Any]], **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "round": number,
        "control": control,
        "verdict": "overfit",
        "words": "Validation loss turned at epoch 9 and rose while the train loss fell.",
        "findings": ["overfitting"],
        "risks": [{"name": "few_samples", "words": "Only 360 samples to train on."}],
        "remedies": list(remedies),
        "winner": None,
        "skipped": [],
    }
    return {**made, **given}


def usual_fit() -> dict[str, Any]:
    """Return the block of a fit that went well."""
    behind = {"look": 1, "why": "clearly behind another arm"}
    broke = {"look": 1, "why": "the budget"}
    first = [
        remedy("dropout=0.3", "CURED", 0.06),
        remedy("l2=0.001", "BETTER", 0.025, verdict_after="overfit"),
        remedy("max_norm=3", "NO GAIN", 0.001, 0.012, verdict_after="overfit"),
        remedy("smaller", "WORSE", -0.05, seeds=3, left=behind, verdict_after="underfit"),
        remedy("lr x10", "WORSE", -9.5, 4.0, seeds=3, left=broke, verdict_after="diverged"),
        remedy("augment", "INCONCLUSIVE", 0.01, 0.04, verdict_after="unclear"),
    ]
    second = [
        remedy("epochs x2", "BETTER", 0.034, 0.02, arm="dropout=0.3 + epochs x2", finding="unconverged"),
        remedy("batch x2", "INCONCLUSIVE", 0.004, None, test=None, finding="noisy_validation", harm=""),
    ]
    return make_fit(
        make_round(1, "plain", first, winner="dropout=0.3", skipped=[{"name": "wider", "why": "budget"}]),
        make_round(2, "dropout=0.3", second, verdict="unconverged", winner="dropout=0.3 + epochs x2", risks=[]),
    )


def fit_study(block: dict[str, Any]) -> tuple[dict[str, Any], list[RunRecord]]:
    """Return a result with a block ``fit``, and runs of its arms."""
    arms = ["plain", "dropout=0.3", "l2=0.001", "dropout=0.3 + epochs x2"]
    chosen = {"plain": (), "l2=0.001": ("l2",)}
    runs = [make_run(arm, seed, chosen=chosen.get(arm, ("dropout",))) for arm in arms for seed in range(3)]
    result = make_result(runs)
    result["fit"] = block
    return result, runs
