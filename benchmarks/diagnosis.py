"""How often is the diagnosis right? On curves that were really trained, of which the truth is known otherwise.

    python benchmarks/diagnosis.py [--half final|held-out|tuning|all] [--json FILE] [--rebuild]

The runs, how each was spoilt and how its truth was found: ``benchmarks/labelled``. Thresholds and calibration were set
on the two halves; the final part shares no data set with the same network and seed with them, and was looked at once.
``unclear`` counts as a wrong verdict.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only this folder is on it

import wellfit
from benchmarks import scoring, sk_autod_rules
from benchmarks.scoring import Judged, Run, Stated
from wellfit.diagnosis import Diagnosis, reference_loss
from wellfit.diagnosis.risk import DataFacts
from wellfit.record import EpochRow

STORED = Path(__file__).parent / "labelled" / "curves.json.gz"
FINAL = STORED.with_name("final.json.gz")
LOSSES = ("train_loss", "val_loss")
SCALED = (*LOSSES, "penalty")
KNOWLEDGE = ("losses", "chance", "samples", "arms", "reference", "all")
"""Each knows what the one before does, and the next thing: the loss of guessing; the number of validation samples; the
best validation loss of the runs with the same network, as in a small study; that of all runs of the family; accuracies
and all else that was logged."""
PRIMARY = "all"
OFF = 0.05
"""A validation set whose loss differs by this share of what can be won from that of 1,500 further samples misleads."""
ORDER = ("well-fit", "overfit", "underfit", "unconverged", "diverged")
Judging = Callable[[Run, float], Judged]
Rules = Callable[[Sequence[float], Sequence[float]], frozenset[str] | None]
SCALES = {"x0.1": 0.1, "x10": 10.0, "in bits": 1 / math.log(2)}


def load(path: Path = STORED) -> list[Run]:
    """Return the labelled runs, each with ``arms``: the reference that those of its network and seed alone give."""
    with gzip.open(path, "rt") as file:
        runs: list[Run] = json.load(file)["runs"]
    shown: dict[tuple[str, ...], list[list[EpochRow]]] = {}
    for run in runs:
        shown.setdefault(_beside(run), []).append(_rows(run))
    references = {key: reference_loss(rows) for key, rows in shown.items()}
    return [{**run, "arms": references[_beside(run)]} for run in runs]


def _beside(run: Run) -> tuple[str, ...]:
    family, network, _, seed, _, validation = run["id"].split("/")
    return family, network, seed, validation


def _rows(run: Run) -> list[EpochRow]:
    losses = zip(*(_numbers(run, name) for name in LOSSES), strict=True)
    return [
        EpochRow(epoch, train, val, None, None, train, 0.0, math.nan, math.nan, 0.0)
        for epoch, (train, val) in enumerate(losses, 1)
    ]


def _numbers(run: Run, name: str, scale: float = 1.0) -> list[float]:
    return [math.nan if value is None else value * scale for value in run["curves"][name]]


def of_half(runs: Sequence[Run], half: str) -> list[Run]:
    return [run for run in runs if half == "all" or run["half"] == half.replace("-", " ")]


def diagnosed(run: Run, scale: float = 1.0, *, knowledge: str = PRIMARY) -> Diagnosis:
    """Diagnose a labelled run with a part of what is known of it, all losses times ``scale``."""
    rank = KNOWLEDGE.index(knowledge)
    everything = knowledge == PRIMARY
    names = run["curves"] if everything else ("epoch", *LOSSES)
    curves = {name: _numbers(run, name, scale if name in SCALED else 1.0) for name in names}
    reference = run["arms"] if knowledge == "arms" else run["reference"] if rank > KNOWLEDGE.index("arms") else None
    return wellfit.diagnose(
        curves,
        chance_loss=run["chance_loss"] * scale if rank >= 1 else None,
        reference=None if reference is None else reference * scale,
        measured=run.get("measured") if everything else None,
        facts=DataFacts(validation=run["validation"] if rank >= KNOWLEDGE.index("samples") else None),
    )


def judge(run: Run, scale: float = 1.0, *, knowledge: str = PRIMARY) -> Judged:
    found = diagnosed(run, scale, knowledge=knowledge)
    return Judged(run, found.verdict, found.confidence, {each.name: each.confidence for each in found.findings})


def judge_by(run: Run, scale: float = 1.0, *, rules: Rules) -> Judged:
    """Let the peer's rules judge a run; they know the two losses only."""
    found = rules(*(_numbers(run, name, scale) for name in LOSSES))
    return Judged(run, sk_autod_rules.verdict(found), 1.0, dict.fromkeys(found or (), 1.0))


def judges() -> dict[str, Judging]:
    """Name -> judge: wellfit with more and more knowledge, then the peer."""
    named: dict[str, Judging] = {f"wellfit, {each}": partial(judge, knowledge=each) for each in KNOWLEDGE}
    named["sk-autod, as described"] = partial(judge_by, rules=sk_autod_rules.described)
    if sk_autod_rules.is_installed():
        named["sk-autod, as released"] = partial(judge_by, rules=sk_autod_rules.released)
    return named


def clear(judged: Sequence[Judged]) -> list[Judged]:
    return [each for each in judged if each.run["clear"]]


def fairly_shown(judged: Sequence[Judged]) -> list[Judged]:
    """Leave out runs whose validation set is off by more than ``OFF``: no curve can tell that."""
    return [each for each in judged if abs(each.run["oracle"].get("shift") or 0.0) <= OFF]


def print_verdicts(all_judged: Mapping[str, Sequence[Judged]]) -> None:
    print("\n| judge | right, clear runs | right of those decided | right, all runs | healthy called overfit |")
    print("|---|---|---|---|---|")
    for name, judged in all_judged.items():
        plain = clear(judged)
        cells = [score(plain) for score in (scoring.accuracy, scoring.decided)]
        cells += [scoring.accuracy(judged), scoring.false_overfit(plain)]
        print(f"| {name} | {' | '.join(map(str, cells))} |")


def print_groups(judged: Sequence[Judged]) -> None:
    """Print the headline with data sets and seeds drawn whole, and where the validation set does not mislead."""
    print(f"\nIntervals above are Wilson's, as if runs were independent. wellfit, {PRIMARY}, by data set and seed:")
    for title, score in (("verdict right", scoring.accuracy), ("healthy called overfit", scoring.false_overfit)):
        low, high = scoring.bootstrap(judged, lambda each: each.group, partial(scoring.value_of, score))
        print(f"{title}: {score(judged).value:.1%}, {low:.1%} to {high:.1%}")
        print(f"    where the validation set is off by at most {OFF:.0%}: {score(fairly_shown(judged))}")
        print(f"    where by more: {score([each for each in judged if each not in fairly_shown(judged)])}")


def print_confusion(judged: Sequence[Judged], title: str) -> None:
    counts = scoring.confusion(judged)
    said = [*ORDER, "unclear"]
    print(f"\n{title}, {len(judged)} runs: truth by row, said by column\n\n| | {' | '.join(said)} |")
    print("|---|" + "---|" * len(said))
    for truth in ORDER:
        print(f"| {truth} | {' | '.join(str(counts[truth, each] or '') for each in said)} |")


def has_rule(judge: str, finding: str) -> bool:
    return "sk-autod" not in judge or finding in sk_autod_rules.RULES


def print_findings(all_judged: Mapping[str, Sequence[Judged]]) -> None:
    print("\n| finding | " + " | ".join(f"{name}: recall | false alarms" for name in all_judged) + " |")
    print("|---|" + "---|---|" * len(all_judged))
    scores = {name: scoring.by_finding(judged) for name, judged in all_judged.items()}
    for finding in next(iter(scores.values())):
        cells = [
            str(each) if has_rule(name, finding) else "no rule" for name in all_judged for each in scores[name][finding]
        ]
        print(f"| {finding} | {' | '.join(cells)} |")


def print_calibration(stated: Sequence[Stated], title: str, whole: bool) -> None:
    low, high = scoring.bootstrap(stated, lambda each: each[2], scoring.calibration_error)
    error, brier = scoring.calibration_error(stated), scoring.brier(stated)
    print(f"\nConfidence of {title}: n {len(stated)}, ECE {error:.3f} ({low:.3f} to {high:.3f}), Brier {brier:.3f}")
    if not whole:
        return
    print("\n| confidence | mean | right |\n|---|---|---|")
    for (a, b), mean, right in scoring.reliability(stated):
        print(f"| {a:.2f} to {b:.2f} | {mean:.3f} | {right} |")


def print_scaling(
    runs: Sequence[Run], plain: Mapping[str, Sequence[Judged]], named: Mapping[str, Judging]
) -> dict[str, Any]:
    print("\n| judge | losses | verdicts changed | runs with changed findings |\n|---|---|---|---|")
    made: dict[str, Any] = {}
    for name, judged in plain.items():
        for label, factor in SCALES.items():
            verdicts, findings = scoring.changed(judged, [named[name](run, factor) for run in runs])
            print(f"| {name} | {label} | {verdicts.count}/{verdicts.n} | {findings.count}/{findings.n} |")
            made[f"{name}, {label}"] = {"verdicts": verdicts.count, "findings": findings.count, "n": verdicts.n}
    return made


def to_json(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return every number that is printed, and what was said of each run."""

    def numbers(of: scoring.Share) -> dict[str, Any]:
        return {"count": of.count, "n": of.n, "value": of.value if of.n else None, "interval": of.interval}

    plain = clear(judged)
    return {
        "accuracy_clear": numbers(scoring.accuracy(plain)),
        "accuracy_all": numbers(scoring.accuracy(judged)),
        "decided_clear": numbers(scoring.decided(plain)),
        "false_overfit": numbers(scoring.false_overfit(plain)),
        "findings": {
            name: {"recall": numbers(recall), "false_alarms": numbers(alarms)}
            for name, (recall, alarms) in scoring.by_finding(judged).items()
        },
        "runs": [
            {"id": each.run["id"], "truth": each.run["verdict"], "verdict": each.verdict, "confidence": each.confidence,
             "findings": dict(each.findings)} for each in judged
        ],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--half", choices=("final", "held-out", "tuning", "all"), default="final")
    parser.add_argument("--curves", type=Path, help="another labelled set")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--rebuild", action="store_true", help="train the labelled set anew first")
    options = parser.parse_args()
    if options.rebuild:
        command = [sys.executable, "-m", "benchmarks.labelled", *(["--final"] if options.half == "final" else [])]
        subprocess.run(command, cwd=Path(__file__).parents[1], check=True)
    runs = of_half(load(options.curves or (FINAL if options.half == "final" else STORED)), options.half)
    named, started = judges(), time.perf_counter()
    all_judged = {name: [judging(run, 1.0) for run in runs] for name, judging in named.items()}
    primary = all_judged[f"wellfit, {PRIMARY}"]
    groups = len({each.group for each in primary})
    print(f"{options.half}: {len(runs)} runs in {groups} groups, {len(clear(primary))} of them clear")
    print_verdicts(all_judged)
    print_groups(clear(primary))
    print_confusion(clear(primary), f"wellfit, {PRIMARY}, clear runs")
    print_confusion(primary, f"wellfit, {PRIMARY}, all runs")
    print_findings({name: all_judged[name] for name in all_judged if PRIMARY in name or "sk-autod" in name})
    for name in (f"wellfit, {each}" for each in KNOWLEDGE):
        print_calibration(scoring.stated_verdicts(all_judged[name]), f"{name}: verdicts", name.endswith(PRIMARY))
        print_calibration(scoring.stated_findings(all_judged[name]), f"{name}: findings", name.endswith(PRIMARY))
    scaling = print_scaling(runs, all_judged, named)
    print(f"\n{time.perf_counter() - started:.0f} s")
    if options.json:
        made = {"half": options.half, "judges": {name: to_json(each) for name, each in all_judged.items()}}
        options.json.write_text(json.dumps({**made, "scaling": scaling}, indent=1))


if __name__ == "__main__":
    main()
