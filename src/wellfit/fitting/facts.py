"""What is known of the data and the network beside the curves."""

from __future__ import annotations

import math

from wellfit.diagnosis.risk import DataFacts
from wellfit.fitting.bench import Bench
from wellfit.study.circumstances import class_counts


def data_facts(bench: Bench, arm: str, *, label_noise: float | None = None, plan: str | None = None) -> DataFacts:
    """Return the facts about an arm's data, as its first seed sees it, and its network."""
    member = bench.members(arm, bench.seeds[:1])[0]
    replicate = bench.prepared.replicates_of(member)[member.seed]
    dataset, parts = replicate.dataset, replicate.split
    is_numbers = dataset.task == "regression"
    counts = [] if is_numbers else class_counts(dataset, parts.train)
    return DataFacts(
        kind=dataset.kind,
        task=dataset.task,
        train=len(parts.train),
        validation=len(parts.validation),
        classes=0 if is_numbers else dataset.outputs,
        smallest_class=min(counts) if counts else None,
        features=math.prod(replicate.shape),
        parameters=bench.parameters(member),
        label_noise=label_noise,
        plan=plan,
    )
