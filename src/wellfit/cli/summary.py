"""What a study ends with on the terminal: leaderboard, verdicts, the answer in a sentence, where the report is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from wellfit.cli.table import leaderboard_table
from wellfit.views.cleaning import cleaning
from wellfit.views.headline import headline
from wellfit.views.interactions import Effect, effects
from wellfit.views.leaderboard import LeaderboardRow, leaderboard
from wellfit.views.numbers import count_text, difference_text, duration_text, interval_text, shown_decimals
from wellfit.views.racing import left_race, race_text

WIDEST = 100
"""Columns beyond which text is hard to read."""
NARROWEST = 80
"""Columns of the table: below, the terminal breaks its lines, which reads better than cells of one character."""

MOST_LEFT = 20
"""Arms that left a race, of which each is named."""

INTERVALS = "\N{PLUS-MINUS SIGN} half a 95 % interval"
OUTCOMES = "better and worse: beyond chance, with Holm's correction"


def print_result(result: Mapping[str, Any], report: Path) -> None:
    """Print the result on stdout, for people."""
    width = Console().width
    console = Console(highlight=False, width=min(width, WIDEST))
    wide = Console(highlight=False, width=max(width, NARROWEST))
    metric, rows = str(result["metric"]), leaderboard(result)
    wide.print(leaderboard_table(rows, metric=metric, control=str(result.get("control")), width=wide.width))
    if len(rows) > 1 or len(result["seeds"]) > 1:
        console.print(Text("; ".join([INTERVALS, OUTCOMES][: 1 + (len(rows) > 1)]), style="dim"))
    console.print()
    for line in _verdicts(result, rows):
        console.print(line)
    console.print()
    console.print(Text(headline(result).sentence, style="bold"))
    for text in (*_interactions(result, metric), *_notes(result)):
        console.print(Text(text))
    console.print(Text(f"Report: {report}"), soft_wrap=True)  # a path must stay one line, to be clicked or copied


def _verdicts(result: Mapping[str, Any], rows: tuple[LeaderboardRow, ...]) -> Iterator[Text]:
    """Yield what speaks for the verdicts on the control and on the best arm."""
    words = {str(arm["name"]): str(arm.get("words") or "") for arm in result["arms"]}
    for row in rows:
        if (row.is_control or row.is_best) and words.get(row.arm):
            yield Text.assemble((f"{row.arm}: ", "bold"), f"{row.verdict}. {words[row.arm]}")


def _interactions(result: Mapping[str, Any], metric: str) -> Iterator[str]:
    """Yield the interactions that are there beyond chance."""
    found = effects(result, metric=metric)
    for pair in found.pairs if found is not None else ():
        if pair.outcome != "unclear":
            yield _interaction(pair, metric)


def _interaction(pair: Effect, metric: str) -> str:
    places = shown_decimals(metric, [(pair.high - pair.low) / 2])
    size = difference_text(metric, pair.difference, places=places)
    interval = interval_text(metric, pair.low, pair.high, places=places)
    sense = "more" if pair.outcome == "better" else "less"
    return f"{pair.label}: together they bring {sense} than one by one ({metric} {size} {interval})."


def _notes(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield what else a reader must know: what a plan did, what was left out, the certificate, the time."""
    if race := race_text(result):
        yield race
        yield from _left(left_race(result))
    for one in cleaning(result):
        yield f"{one.arm}: {one.words}."
    skipped = (result.get("data") or {}).get("skipped") or ()
    if skipped:
        yield f"Left out as corrupt: {count_text(len(skipped), 'sample')}; the first: {skipped[0]}"
    certificate = result.get("certificate") or {}
    if certificate.get("largest") is not None:
        yield _certificate(certificate)
    yield f"Time: {duration_text(float(result.get('seconds') or 0.0))}."


def _left(left: Mapping[str, str]) -> Iterator[str]:
    """Yield who left a race."""
    for arm, words in list(left.items())[:MOST_LEFT]:
        yield f"  {arm} {words}."
    if len(left) > MOST_LEFT:
        yield f"  and {count_text(len(left) - MOST_LEFT, 'more arm')}, which the report names."


def _certificate(certificate: Mapping[str, Any]) -> str:
    """Return how far apart training alone and together ended, and the saved network's loss from what was measured."""
    members = count_text(len(certificate["members"]), "run")
    text = f"Certificate: {members} trained again alone; largest deviation of a weight {_tiny(certificate['largest'])}"
    loss = certificate.get("largest_loss")  # older results have none
    return f"{text}." if loss is None else f"{text}, of a saved network's val_loss {_tiny(loss)}."


def _tiny(deviation: float) -> str:
    return f"{deviation:.1e}" if deviation else "0"
