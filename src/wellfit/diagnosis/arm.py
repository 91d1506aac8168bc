"""The verdict on an arm: its seeds vote."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from wellfit.diagnosis.finding import Finding
from wellfit.diagnosis.verdict import Diagnosis, Verdict, judge
from wellfit.errors import InputError
from wellfit.record import EpochRow

PerSeed = float | None | Sequence[float | None]


def diagnose_arm(
    runs: Sequence[Sequence[EpochRow]],
    *,
    reference: PerSeed = None,
    chance_loss: PerSeed = None,
    diverged: Sequence[bool] | None = None,
    validation: int | None = None,
) -> Diagnosis:
    """Judge an arm by the curves of its seeds: the verdict of more than half of them, else ``unclear``.

    ``reference`` and ``chance_loss`` are one number for all seeds or one per seed. Where seeds have their own
    validation sets, the reference should be per seed: the best over all arms *and* seeds belongs to the luckiest
    validation set. ``validation`` is the number of samples in each, where known. A finding is kept if more than half of
    the seeds show it, with the median epoch and medians of its evidence; the diagnoses of the seeds are in ``seeds``.
    The confidence is the mean of the seeds' in that verdict.

    Raises
    ------
    InputError
        If there is no run, or a sequence does not have one entry per run.

    """
    if not runs:
        raise InputError("arm", "no run", "the curves of at least one seed")
    references = _per_seed("reference", reference, len(runs))
    chances = _per_seed("chance_loss", chance_loss, len(runs))
    marks = [False] * len(runs) if diverged is None else list(diverged)
    if len(marks) != len(runs):
        raise InputError("diverged", f"{len(marks)} values", f"{len(runs)}, one per seed")
    seeds = tuple(
        judge(curves, reference=ref, chance_loss=chance, diverged=mark, validation=validation)
        for curves, ref, chance, mark in zip(runs, references, chances, marks, strict=True)
    )
    if len(seeds) == 1:
        only = seeds[0]
        return replace(only, seeds=seeds)
    return combine(seeds)


def combine(seeds: Sequence[Diagnosis]) -> Diagnosis:
    """Return the diagnosis of an arm from those of its seeds, at least one."""
    votes = Counter(seed.verdict for seed in seeds)
    leader, count = votes.most_common(1)[0]
    is_major = 2 * count > len(seeds)
    verdict: Verdict = leader if is_major else "unclear"
    agreeing = [seed for seed in seeds if seed.verdict == verdict]
    doubt = 1 - count / len(seeds)
    return Diagnosis(
        verdict=verdict,
        confidence=sum(seed.confidence for seed in agreeing) / len(seeds) if is_major else doubt,
        findings=_common_findings(seeds),
        words=_words(verdict, votes, seeds),
        evidence=_medians([seed.evidence for seed in seeds]),
        seeds=tuple(seeds),
        robustness=sum(seed.robustness for seed in agreeing) / len(seeds) if is_major else doubt,
    )


def _common_findings(seeds: Sequence[Diagnosis]) -> tuple[Finding, ...]:
    """Return the findings that more than half of the seeds show, in the order in which they weigh."""
    shown: dict[str, list[Finding]] = {}
    for seed in seeds:
        for finding in seed.findings:
            shown.setdefault(finding.name, []).append(finding)
    common = []
    for name in dict.fromkeys(("divergence", "overfitting", "unconverged", "underfitting", "noisy_validation", *shown)):
        found = shown.get(name, [])
        if 2 * len(found) <= len(seeds):
            continue
        middle = sorted(found, key=lambda finding: finding.epoch)[len(found) // 2]
        evidence = {**_medians([finding.evidence for finding in found]), "seeds": float(len(found))}
        words = f"{len(found)} of {len(seeds)} seeds; for one: {middle.words}"
        confidence, robust = (
            sum(getattr(finding, field) for finding in found) / len(seeds) for field in ("confidence", "robustness")
        )
        common.append(replace(middle, evidence=evidence, words=words, confidence=confidence, robustness=robust))
    return tuple(common)


def _medians(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: statistics.median(row[name] for row in rows if name in row) for name in names}


def _words(verdict: Verdict, votes: Mapping[Verdict, int], seeds: Sequence[Diagnosis]) -> str:
    tally = ", ".join(f"{count} {name}" for name, count in votes.items())
    like = next((seed for seed in seeds if seed.verdict == verdict), None)
    if votes.get(verdict, 0) * 2 > len(seeds) and like is not None:
        return f"{votes[verdict]} of {len(seeds)} seeds; for one: {like.words}"
    return f"The seeds do not agree ({tally}): add seeds, or read them one by one."


def _per_seed(name: str, value: PerSeed, n: int) -> list[float | None]:
    if value is None or isinstance(value, int | float):
        return [value] * n
    if len(value) != n:
        raise InputError(name, f"{len(value)} values", f"one number, or {n}, one per seed")
    return list(value)
