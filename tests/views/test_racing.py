"""Who left a race is said with when and against whom; nothing is claimed from the values of an early epoch."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from tests.views.test_headline import arm, contrast, study
from wellfit.cli.table import leaderboard_table
from wellfit.report.facts import cards
from wellfit.report.page import render
from wellfit.views.headline import headline
from wellfit.views.leaderboard import leaderboard
from wellfit.views.racing import left_race, race_text

LEFT = {"arm": "slow", "epoch": 8, "by": "good", "difference": 0.21, "ci95": [0.18, 0.24], "hoped": 0.05, "n": 5}


def raced(*, winners: list[str], others: list[str], **extra: Any) -> dict[str, Any]:
    arms = [arm("plain", 0.35), *(arm(name, 0.33) for name in others), arm("slow", 0.54, status=["beaten"] * 5)]
    found = [*(contrast(name, -0.02, 0.01, 0.01) for name in others)]
    found.append({**contrast("slow", 0.19, 0.02, 0.5), "p": None, "p_holm": None, "left": 8})
    race = {"alpha": 0.05, "looks": [4, 8], "left": [LEFT], "epochs": 360, "epochs_in_full": 640, "winners": winners}
    return study(arms, found, racing=race, **extra)


def test_words_of_who_left() -> None:
    found = raced(winners=["good"], others=["good"])
    assert left_race(found) == {"slow": "left after epoch 8: good was better by 0.21 val_loss [0.18, 0.24]"}
    share = {**found, "metric": "val_accuracy"}
    share["racing"] = {**found["racing"], "left": [{**LEFT, "difference": -0.021, "ci95": [-0.03, -0.012]}]}
    assert left_race(share)["slow"] == ("left after epoch 8: good was better by 2.1 points of val_accuracy [1.2, 3.0]")


def test_a_race_in_a_sentence() -> None:
    assert race_text(raced(winners=["good"], others=["good"])) == (
        "Race: 1 of 3 arms left early; 360 of 640 epochs were run (56%). Surely better than all others: good."
    )
    several = raced(winners=["plain", "good"], others=["good"])
    assert race_text(several).endswith("Not surely worse than any other: plain, good.")
    assert race_text({**several, "status": "interrupted"}).endswith("(56%).")
    assert race_text(study([arm("plain", 0.35)], [])) == ""


def test_the_headline_claims_nothing_of_who_left() -> None:
    found = headline(raced(winners=["good"], others=["good"]))
    assert found.sentence.startswith("good beats plain by 0.020 val_loss")
    assert "1 of 3 arms left the race early" in found.sentence
    alone = headline(raced(winners=["plain"], others=[]))
    assert alone.sentence.startswith("No arm beats plain: all others left the race, surely behind another")


def test_the_tables_mark_who_left() -> None:
    result = raced(winners=["good"], others=["good"])
    rows = {row.arm: row for row in leaderboard(result)}
    assert rows["slow"].left.startswith("left after epoch 8")
    assert rows["good"].left == ""
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(leaderboard_table(tuple(rows.values()), metric="val_loss", control="plain", width=100))
    line = next(line for line in console.export_text().splitlines() if "slow" in line)
    assert line.split()[-1] == "left"


def test_the_page_says_so() -> None:
    result = raced(winners=["good"], others=["good"])
    page = render(result, [], None)
    assert "left after epoch 8: good was better by 0.21 val_loss [0.18, 0.24]" in page
    assert "are those of the epoch it left after, not of its end" in page
    assert "slow (left after epoch 8)" in page
    runs = next(card for card in cards(result, leaderboard(result), tone="better") if card.label == "Runs")
    assert "5 left the race" in runs.note
    assert "left the race" not in render(study([arm("plain", 0.35), arm("good", 0.3)], []), [], None)
