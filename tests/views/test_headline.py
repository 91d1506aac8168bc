"""The sentence: it claims a winner only where the evidence allows it, and says what is missing otherwise."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.report.sample import make_result, make_run, untested
from wellfit.views.headline import headline


def block(mean: float | None, values: list[float], half: float | None = 0.01) -> dict[str, Any] | None:
    if mean is None:
        return None
    return {"values": values, "mean": mean, "ci95": None if half is None else [mean - half, mean + half]}


def arm(name: str, mean: float | None, *, seeds: int = 5, verdict: str = "unclear", **extra: Any) -> dict[str, Any]:
    values = [] if mean is None else [mean] * seeds
    made = {"name": name, "val_loss": block(mean, values), "status": ["complete"] * seeds, "verdict": verdict}
    return {**made, "findings": [], **extra}


def contrast(name: str, difference: float, half: float, p_holm: float, **extra: Any) -> dict[str, Any]:
    made = {"arm": name, "against": "plain", "metric": "val_loss", "difference": difference, "p": p_holm}
    ends = [difference - half, difference + half]
    return {**made, "ci95": ends, "p_holm": p_holm, "dz": 1.0, "seeds_needed": 11, **extra}


def study(arms: list[dict[str, Any]], contrasts: list[dict[str, Any]], **extra: Any) -> dict[str, Any]:
    seeds = list(range(len(arms[0]["status"])))
    base = {"name": "s", "status": "complete", "metric": "val_loss", "control": "plain", "seeds": seeds}
    return {**base, "arms": arms, "contrasts": contrasts, "best": None, **extra}


OVERFIT: dict[str, Any] = {"verdict": "overfit", "findings": [{"name": "overfitting", "epoch": 9, "words": "It rose."}]}


def test_winner_with_interval_seeds_and_corrected_p() -> None:
    result = study(
        [arm("plain", 0.352, **OVERFIT), arm("dropout+l2", 0.331)], [contrast("dropout+l2", -0.021, 0.009, 0.003)]
    )
    found = headline(result)
    assert found.sentence == (
        "dropout+l2 beats plain by 0.021 val_loss [0.012, 0.030] (5 seeds, Holm p = 0.003); "
        "plain overfits from epoch 9."
    )
    assert found.tone == "better"


def test_interval_without_zero_is_not_enough_when_holm_does_not_hold() -> None:
    found = headline(study([arm("plain", 0.35), arm("l2", 0.34)], [contrast("l2", -0.01, 0.004, 0.08)]))
    assert found.sentence.startswith("No arm differs from plain beyond chance with 5 seeds")
    assert found.tone == "unclear"


def test_holm_is_not_enough_when_the_interval_holds_zero() -> None:
    found = headline(study([arm("plain", 0.35), arm("l2", 0.34)], [contrast("l2", -0.01, 0.02, 0.01)]))
    assert "beats" not in found.sentence


def test_seeds_that_would_resolve_the_half_width() -> None:
    arms = [arm("plain", 0.35, seeds=3), arm("l2", 0.349, seeds=3)]
    result = study(arms, [contrast("l2", -0.001, 0.02, 0.9, half_width=0.01)])
    assert headline(result).sentence == (
        "No arm differs from plain beyond chance with 3 seeds; 11 seeds would resolve 0.01."
    )
    del result["contrasts"][0]["half_width"]
    assert headline(result).sentence.endswith("; 11 seeds would give the precision that was asked for.")


def test_seeds_needed_at_the_end_of_the_scale_are_a_lower_bound() -> None:
    noisy = contrast("l2", -0.001, 0.02, 0.9, seeds_needed=10_000)
    sentence = headline(study([arm("plain", 0.35), arm("l2", 0.349)], [noisy])).sentence
    assert "10000 or more seeds" in sentence


def test_pairs_are_counted_not_seeds() -> None:
    few = contrast("l2", -0.02, 0.01, 0.01, n=4)
    assert "(4 seeds, Holm p = 0.010)" in headline(study([arm("plain", 0.35), arm("l2", 0.33)], [few])).sentence


def test_enough_seeds_ask_for_no_more() -> None:
    fine = contrast("l2", -0.001, 0.002, 0.9, seeds_needed=4)
    sentence = headline(study([arm("plain", 0.35), arm("l2", 0.349)], [fine])).sentence
    assert sentence == "No arm differs from plain beyond chance with 5 seeds."


def test_loss_and_accuracy_have_opposite_signs() -> None:
    worse = contrast("l2", 0.02, 0.01, 0.01)
    lost = headline(study([arm("plain", 0.35), arm("l2", 0.37)], [worse]))
    assert lost.tone == "worse"
    assert lost.sentence.startswith("No arm beats plain, which has the best val_loss itself; l2 is worse by 0.020")
    accuracy = copy.deepcopy(study([arm("plain", 0.90), arm("l2", 0.92)], [{**worse, "metric": "val_accuracy"}]))
    accuracy["metric"] = "val_accuracy"
    for one in accuracy["arms"]:
        one["val_accuracy"] = one.pop("val_loss")
    won = headline(accuracy)
    assert won.tone == "better"
    assert won.sentence.startswith("l2 beats plain by 2.0 points of val_accuracy [1.0, 3.0]")


def test_best_mean_that_is_not_beyond_chance_is_named_as_such() -> None:
    arms = [arm("plain", 0.35), arm("lucky", 0.30), arm("steady", 0.33)]
    result = study(arms, [contrast("lucky", -0.05, 0.06, 0.2), contrast("steady", -0.02, 0.01, 0.01)])
    sentence = headline(result).sentence
    assert sentence.startswith("steady beats plain by")
    assert "lucky has a better mean, but its lead over plain may be chance" in sentence


def test_several_winners() -> None:
    arms = [arm("plain", 0.35), arm("a", 0.33), arm("b", 0.32), arm("c", 0.31)]
    all_win = [contrast(name, size, 0.005, 0.001) for name, size in (("a", -0.02), ("b", -0.03), ("c", -0.04))]
    assert "c beats plain by" in headline(study(arms, all_win)).sentence
    assert "and 2 other arms beat it too" in headline(study(arms, all_win)).sentence
    assert "and 1 other arm beats it too" in headline(study(arms[:3], all_win[:2])).sentence


def test_one_arm() -> None:
    found = headline(study([arm("plain", 0.352, **OVERFIT)], []))
    assert found.sentence == "plain reaches val_loss 0.352 [0.342, 0.362] over 5 seeds; plain overfits from epoch 9."


def test_one_arm_one_seed_says_that_no_interval_is_possible() -> None:
    single = arm("plain", 0.352, seeds=1, verdict="well-fit")
    single["val_loss"]["ci95"] = None
    assert headline(study([single], [])).sentence == (
        "plain reaches val_loss 0.352; with one seed no interval is possible; plain fits well."
    )


def test_one_seed_claims_nothing() -> None:
    result = make_result([make_run("plain"), make_run("l2", chosen=("l2",))])
    found = headline(result)
    assert "with one seed no interval is possible" in found.sentence
    assert "beats" not in found.sentence
    assert found.tone == "unclear"


def test_control_is_best_with_one_seed() -> None:
    arms = [arm("plain", 0.30, seeds=1), arm("l2", 0.35, seeds=1)]
    raw = contrast("l2", 0.05, 0.0, 1.0) | {"ci95": None, "p": None, "p_holm": None}
    assert headline(study(arms, [raw])).sentence == (
        "plain itself has the best val_loss (0.300), but with one seed no interval is possible."
    )


def test_control_is_best_but_nothing_differs() -> None:
    found = headline(study([arm("plain", 0.30), arm("l2", 0.31)], [contrast("l2", 0.01, 0.02, 0.4, seeds_needed=3)]))
    assert found.sentence == "No arm differs from plain, which has the best mean itself, beyond chance with 5 seeds."


def test_diverged_arms_are_counted() -> None:
    hot = arm("hot", 0.4, status=["complete", "diverged", "diverged", "complete", "diverged"])
    dead = arm("dead", None, status=["diverged"] * 5, verdict="diverged")
    win = contrast("l2", -0.02, 0.01, 0.01)
    sentence = headline(study([arm("plain", 0.35), arm("l2", 0.33), hot, dead], [win])).sentence
    assert sentence.endswith("; hot diverged in 3 of 5 seeds and dead diverged in 5 of 5 seeds.")
    many = [arm(name, None, status=["diverged"] * 5) for name in "xyz"]
    assert "15 runs of 3 arms diverged" in headline(study([arm("plain", 0.35), arm("l2", 0.33), *many], [win])).sentence


def test_every_run_diverged() -> None:
    dead = [arm(name, None, status=["diverged"] * 2, verdict="diverged") for name in ("plain", "l2")]
    assert headline(study(dead, [])).sentence == "Every run diverged before it had a usable val_loss."


def test_diverged_control_leaves_nothing_to_compare_with() -> None:
    dead = arm("plain", None, status=["diverged"] * 5, verdict="diverged")
    sentence = headline(study([dead, arm("l2", 0.33)], [])).sentence
    assert sentence == (
        "plain, the control, diverged, so nothing can be compared with it; "
        "l2 has the best val_loss, 0.330 [0.320, 0.340]."
    )


def test_interrupted_study_says_how_far_it_came() -> None:
    done = untested([make_run("plain", seed) for seed in range(2)])
    result = make_result(done, status="interrupted") | {"seeds": [0, 1, 2]}
    result["arms"].append({"name": "l2", "status": [], "val_loss": None})
    sentence = headline(result).sentence
    assert sentence.startswith("Interrupted after 2 of 6 runs: ")


def test_interrupted_before_the_first_run() -> None:
    empty = study([arm("plain", None, status=[])], [], status="interrupted") | {"seeds": [0, 1]}
    assert headline(empty).sentence == "Interrupted after 0 of 2 runs: no run has a val_loss yet."


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("underfit", "plain underfits"), ("unconverged", "plain has not converged"), ("overfit", "plain overfits")],
)
def test_verdict_of_the_control_is_said(verdict: str, words: str) -> None:
    result = study([arm("plain", 0.35, verdict=verdict), arm("l2", 0.33)], [contrast("l2", -0.02, 0.01, 0.01)])
    assert headline(result).sentence.endswith(f"; {words}.")


def test_it_is_one_sentence() -> None:
    sentence = headline(make_result([make_run(name, seed) for name in ("plain", "x") for seed in range(3)])).sentence
    assert sentence.endswith(".")
    assert ". " not in sentence
