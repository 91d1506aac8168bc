"""A learning-rate range test for a study's first arm with its first seed: data loaded, recipe checked, then tested."""

from __future__ import annotations

from collections.abc import Callable

from wellfit.recipe import StudySpec
from wellfit.study.prepare import Prepared, design, prepare
from wellfit.train.events import Event
from wellfit.train.range_test import HIGHEST, LOWEST, POINTS, STEPS, RangeTest, range_test


def find_lr(
    spec: StudySpec,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    points: int = POINTS,
    steps: int = STEPS,
    memory: int | None = None,
    listen: Callable[[Event], None] = lambda event: None,
    loaded: Callable[[Prepared], None] = lambda prepared: None,
) -> RangeTest:
    """Return the range test of the first arm with the first seed; nothing is written, the test set stays sealed.

    See ``wellfit.train.range_test.range_test``; ``memory`` is that of ``data.load``, and ``loaded`` that of
    ``study.run.run_study``.
    """
    one = spec.model_copy(update={"seeds": spec.seeds[:1]})
    prepared = prepare(one, design(one)[:1], memory=memory)
    (member,) = prepared.members
    loaded(prepared)
    replicate = prepared.replicates_of(member)[member.seed]
    return range_test(member, replicate, lowest=lowest, highest=highest, points=points, steps=steps, listen=listen)
