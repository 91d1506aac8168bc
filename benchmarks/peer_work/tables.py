"""The results as text: goals with what was got, and every raw value, in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.peer_work.candidates import TITLES, WORKS, Candidate
from benchmarks.peer_work.goals import Goal, goals
from benchmarks.peer_work.results import Measurement, Results, training

MET = {True: "yes", False: "**no**", None: "not measured"}
INSTALL = "python -m venv peers && peers/bin/pip install -r benchmarks/peers.txt    # the others, by themselves"
RULES = " ".join(
    (
        "Every value is a process of its own with a clean environment; in each round every candidate runs once, in",
        "rotating order. Two epochs each: the first warms up and compiles, the second counts, scaled to a whole one",
        "where it is shorter. Of several forms of a candidate (threads, compiled or not, steps a call) the fastest",
        "counts; one more than 50 % slower in the first round is not repeated. Loops of peers are training alone;",
        "wellfit's figures hold its evaluation of 12,000 samples a whole epoch too, with training alone beside. Where",
        "a subset stands for an epoch (CNN, LSTM, ResNet) training alone is compared. The study is compared with the",
        "mean of others with and without augmentation, who have neither dropout nor L2. In brackets behind a value:",
        "cores that others kept busy just before. Start-up: until the end of the first epoch, less the seconds of one.",
    )
)


def markdown(results: Results, *, command: str, machine: str) -> str:
    """Return the section of ``docs/benchmarks.md``."""
    parts = [
        "## Against others",
        f"```sh\n{INSTALL}\n{command}\n```",
        machine + versions(results) + " " + RULES,
        table(("work", "against", "goal", "got", "met", ""), [_row(goal) for goal in goals(results)]),
    ]
    for work in WORKS:
        lines = [_line(results, candidate) for candidate in _in_order(results, work)]
        if lines:
            head = ("who", "median", "training alone", "every round (busy)", "start-up, s", "peak, MiB")
            parts += [f"{TITLES[work][0].upper()}{TITLES[work][1:]}:", table(head, lines)]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def versions(results: Results) -> str:
    """Return the libraries that were measured, with their versions, of both environments."""
    found: dict[str, set[str]] = {}
    for measurements in results.of.values():
        for one in measurements:
            for name, version in one.answer.get("versions", {}).items():
                found.setdefault(name, set()).add(version)
    return "; " + ", ".join(f"{name} {'/'.join(sorted(found[name]))}" for name in sorted(found)) + "." if found else "."


def _row(goal: Goal) -> tuple[str, ...]:
    return goal.work, goal.against, goal.goal, goal.got, MET[goal.met], goal.beside


def _in_order(results: Results, work: str) -> list[Candidate]:
    """Return the work's candidates that were run, the fastest first, those that failed last."""
    ran = [c for c in results.candidates if c.work == work and results.of[c.key]]
    if work == "linear":
        return ran
    return sorted(ran, key=lambda c: statistics.median(results.values(c)) if results.values(c) else float("inf"))


def _line(results: Results, candidate: Candidate) -> tuple[str, ...]:
    measured = [one for one in results.of[candidate.key] if one.is_value]
    ways = sorted({one.answer["how"] for one in measured if one.answer.get("how")})
    title = candidate.key.partition(": ")[2] + "".join(f"; {way}" for way in ways)
    whys = sorted({one.why_not for one in results.of[candidate.key] if not one.is_value})
    if not measured:
        return title, "", "", "; ".join(whys), "", ""
    values = results.values(candidate)
    alone = statistics.median(results.values(candidate, training)) if _has(measured, "training") else None
    every = ", ".join(f"{number(own)}{_busy(one)}" for own, one in zip(values, measured, strict=True))
    start = _middle(measured, "start", 1)
    return (
        title,
        number(statistics.median(values)),
        "" if alone is None else number(alone),
        "; ".join([every, *whys]),
        "" if start is None else f"{start:.1f}",
        "" if (most := _middle(measured, "peak", 2**20)) is None else f"{most:.0f}",
    )


def _has(measured: Sequence[Measurement], name: str) -> bool:
    return name in measured[0].answer


def _middle(measured: Sequence[Measurement], name: str, unit: float) -> float | None:
    return statistics.median(one.answer[name] / unit for one in measured) if _has(measured, name) else None


def _busy(one: Measurement) -> str:
    return "" if one.busy is None else f" ({one.busy:.1f})"


def number(seconds: float) -> str:
    """Return three digits that mean something."""
    return f"{seconds:.3f}" if seconds < 10 else f"{seconds:.1f}"


def plain_table(rows: Sequence[Goal]) -> str:
    """Return the goals for a terminal."""
    lines = [f"{'goal':>24} {'got':>8}  met"]
    for goal in rows:
        met: Mapping[bool | None, str] = {True: "yes", False: "NO", None: "-"}
        against = f" / {goal.against}" if goal.against else ""
        lines.append(f"{goal.goal:>24} {goal.got:>8}  {met[goal.met]:4} {goal.work}{against}")
        lines += [f"{'':39} {goal.beside}"] if goal.beside else []
    return "\n".join(lines)
