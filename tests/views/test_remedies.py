"""A fit told: a gain is claimed only where the sealed test set shows it; lines fit the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.report.fit_sample import gain, make_fit, make_round, part, remedy, usual_fit
from wellfit.views.fit_story import fit_headline, gain_text, story_lines, watch_lines
from wellfit.views.remedies import Fit, Gain, read_fit

KEPT = make_round(1, "plain", [remedy("a", "BETTER", 0.1)], winner="a")


def fit_of(block: dict[str, Any], metric: str = "val_loss") -> Fit:
    found = read_fit({"metric": metric, "fit": block})
    assert found is not None
    return found


def ended(arm: str, verdict: str, found: dict[str, Any] | None) -> dict[str, Any]:
    return {**part(arm, verdict, 0.3, 0.9), "gain": found}


def test_what_was_seen_is_said_once_for_a_control() -> None:
    tried = [remedy("a", "NO GAIN", 0.0)]
    rounds = [make_round(1, "plain", tried), make_round(2, "plain", tried), make_round(3, "a", tried)]
    assert [bool(each.words) for each in fit_of(make_fit(*rounds)).rounds] == [True, False, True]


def test_what_was_never_tried_by_its_last_reason() -> None:
    skipped = [{"name": name, "why": "budget"} for name in ("b", "c", "d")]
    later = [{"name": "c", "why": "budget"}, {"name": "d", "why": "tried as a + d"}]
    rounds = [
        make_round(1, "plain", [remedy("a", "NO GAIN", 0.0)], skipped=skipped),
        make_round(2, "plain", [remedy("b", "NO GAIN", 0.0)], skipped=later),
    ]
    assert fit_of(make_fit(*rounds)).untried == (("budget", ("c",)), ("tried as a + d", ("d",)))


def test_a_combination_is_watched_with_its_parts() -> None:
    tried = [remedy(name, "BETTER", 0.1) for name in ("a", "b", "c", "a + b")]
    fit = fit_of(
        make_fit(make_round(1, "plain", tried, winner="a + b"), final=ended("a + b", "well-fit", gain(0.1, 0.02)))
    )
    assert [name for name, _ in fit.to_watch] == ["a", "b", "a + b"]


def test_the_baseline_has_the_verdict_that_the_first_round_went_by() -> None:
    block = make_fit(make_round(1, "plain", [], verdict="unclear"), baseline=part("plain", "well-fit", 0.3, 0.9))
    assert fit_of(block).baseline.verdict == "unclear"


def test_a_study_is_no_fit() -> None:
    assert read_fit({"metric": "val_loss"}) is None
    assert read_fit({"metric": "val_loss", "fit": None}) is None


def test_rounds_and_what_was_kept() -> None:
    fit = fit_of(usual_fit())
    assert [len(each.attempts) for each in fit.rounds] == [6, 2]
    assert [one.name for one in fit.applied] == ["dropout=0.3", "epochs x2"]
    assert fit.metric == "test_loss"
    assert fit.simple == ("logistic regression", 0.52)
    smaller = fit.attempts[3]
    assert (smaller.seeds, smaller.outcome, smaller.tone) == (3, "WORSE", "worse")
    assert smaller.left is not None
    assert (smaller.left.look, smaller.left.why) == (1, "clearly behind another arm")
    assert smaller.test is not None
    assert len(smaller.test.per_seed) == 3
    assert fit.attempts[-1].test is None


@pytest.mark.parametrize(
    ("block", "expected", "tone"),
    [
        (
            make_fit(KEPT, final=ended("a", "well-fit", gain(0.112, 0.03))),
            "a takes the place of plain, from overfit to well-fit: test_loss 0.300 instead of 0.412, a gain of 0.11 "
            "[0.08, 0.14] on the sealed test set.",
            "better",
        ),
        (
            make_fit(KEPT, final=ended("a", "overfit", gain(0.01, 0.02))),
            "a was chosen on validation over plain, but its gain may be chance by the sealed test set: +0.010 "
            "[\N{MINUS SIGN}0.010, 0.030] test_loss.",
            "unclear",
        ),
        (
            make_fit(KEPT, final=ended("a", "overfit", gain(-0.1, 0.02))),
            "a was chosen on validation over plain, but it is worse on the sealed test set: \N{MINUS SIGN}0.100 "
            "[\N{MINUS SIGN}0.120, \N{MINUS SIGN}0.080] test_loss.",
            "worse",
        ),
        (
            make_fit(KEPT, final=ended("a", "overfit", gain(0.1, None))),
            "a takes the place of plain, still overfit; what that is worth on the test set has no interval.",
            "unclear",
        ),
        (
            make_fit(KEPT, final=ended("plain", "overfit", None)),
            "plain overfits, and the one remedy that was tried did not help surely enough to be taken.",
            "unclear",
        ),
        (
            make_fit(final=ended("plain", "overfit", None), ended="budget"),
            "plain overfits; the budget had no time for a remedy.",
            "unclear",
        ),
        (
            make_fit(final=ended("plain", "overfit", None), ended="no remedy left"),
            "plain overfits, and there is nothing worth trying.",
            "unclear",
        ),
    ],
)
def test_headline(block: dict[str, Any], expected: str, tone: str) -> None:
    found = fit_headline(fit_of(block))
    assert (found.sentence, found.tone) == (expected, tone)


def test_accuracy_gains_are_points() -> None:
    tried = make_round(1, "plain", [remedy("a", "BETTER", 0.02, 0.01, metric="test_accuracy")], winner="a")
    found = fit_headline(fit_of(make_fit(tried, final=ended("a", "well-fit", gain(0.026, 0.012))), "val_accuracy"))
    assert "test_accuracy 90.0 % instead of 87.1 %, a gain of 2.6 [1.4, 3.8]" in found.sentence


def test_an_interval_that_excludes_zero_is_seen_to() -> None:
    assert gain_text(Gain(0.067, 0.0006, 0.133), "test_loss") == "+0.067 [0.001, 0.133]"
    assert gain_text(Gain(0.067, -0.0006, 0.1346), "test_loss") == "+0.07 [0.00, 0.13]"
    assert gain_text(Gain(0.067, float("nan"), float("nan")), "test_loss") == "+0.0670"
    assert gain_text(Gain(1.94e20, -7.2e18, 3.9e20), "test_loss") == "+1.9e+20 [\N{MINUS SIGN}7.2e+18, 3.9e+20]"
    assert gain_text(None, "test_loss") == "\N{EN DASH}"


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_lines_fit_the_terminal_and_lose_nothing(width: int) -> None:
    lines = story_lines(fit_of(usual_fit()), width=width)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for one in fit_of(usual_fit()).attempts:
        assert one.name in text
        assert one.outcome in text
    assert text.count("left after 3 seeds: ") == 2  # one was beaten, one diverged
    assert "hold for all 8 together. * is what was gone on from." in text
    lines = watch_lines(fit_of(usual_fit()), width=width)
    assert max(map(len, lines)) <= width
    assert "dropout=0.3: Harm of dropout=0.3." in " ".join(" ".join(lines).split())


def test_lines_of_a_fit_without_rounds() -> None:
    block = make_fit(final=ended("plain", "well-fit", None), baseline=part("plain", "well-fit", 0.3, 0.9))
    assert story_lines(fit_of(block), width=80) == []
    assert watch_lines(fit_of(block), width=80) == []
    late = fit_of({**block, "skipped": [{"name": "l2", "why": "budget"}, {"name": "l1", "why": "tried as a"}]})
    assert story_lines(late, width=80) == ["No time was left for l2.", ""]


def test_unknown_outcomes_claim_nothing() -> None:
    fit = fit_of(make_fit(make_round(1, "plain", [remedy("a", "SPLENDID", 0.1)])))
    assert (fit.attempts[0].outcome, fit.attempts[0].tone) == ("INCONCLUSIVE", "unclear")
