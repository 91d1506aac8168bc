"""Racing inside a study: after some epochs, arms that are surely not the best leave the population.

Who leaves is decided by the curves alone (``stats/epoch_race.py``): those of the arms that train together, and of the
populations that finished before them. So a study that was killed decides the same when it goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wellfit.errors import RecipeError
from wellfit.record import EpochRow, is_share
from wellfit.stats.epoch_race import ALPHA, leaving, level_of, looks_over
from wellfit.stats.paired import paired_difference
from wellfit.stats.racing import FEWEST
from wellfit.study.design import Arm, control_of
from wellfit.study.prepare import Prepared
from wellfit.study.settled import first_look
from wellfit.study.store import Store
from wellfit.train.events import Key
from wellfit.train.start import populations

META = "racing"
"""Under this name the store keeps the design of a race and who has left it."""
WHERE = "study.racing"

Rows = Mapping[Key, Sequence[EpochRow]]
Left = dict[str, dict[str, Any]]
"""Arm -> when it left, and against whom."""


@dataclass(frozen=True)
class Course:
    """What a race is run by: who began it, and what all looks share."""

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    metric: str
    control: str

    @property
    def looks(self) -> tuple[int, ...]:
        """The epochs after which arms may leave."""
        return looks_over(max(arm.recipe.epochs for arm in self.arms))

    def to_dict(self) -> dict[str, Any]:
        """Return what a race cannot go on without."""
        epochs = {arm.name: arm.recipe.epochs for arm in self.arms}
        return {"arms": epochs, "seeds": list(self.seeds), "metric": self.metric, "control": self.control}

    def leaving(self, epoch: int, rows: Rows, *, crew: Collection[str], out: Collection[str]) -> Left:
        """Return who leaves after an epoch: arm -> ``epoch``, ``by`` whom it is beaten, and by how much. Pure.

        ``difference`` is the mean of arm minus rival over the seeds then, ``hoped`` the same with the best that the arm
        could still reach: both in units of the metric.

        Parameters
        ----------
        epoch
            One of the ``looks``.
        rows
            All curves: of the population in training, also beyond the epoch, and of those that finished before it.
        crew
            The arms of the population in training, who may leave.
        out
            Arms that have left before.

        """
        known = [arm for arm in self.arms if arm.name not in out and any(key[0] == arm.name for key in rows)]
        shape = len(known), len(self.seeds)
        best, ends = np.full((*shape, epoch), np.nan), np.full(shape, epoch)
        for i, arm in enumerate(known):
            for j, seed in enumerate(self.seeds):
                own = rows.get((arm.name, seed), ())
                best[i, j] = _best_so_far(own[:epoch] if arm.name in crew else own, self.metric, epoch)
                ends[i, j] = arm.recipe.epochs if arm.name in crew and len(own) >= epoch else epoch
            if arm.name not in crew:
                best[i] = best[i, :, -1:]
        may_leave = [
            arm.name in crew and arm.name != self.control and first_look(arm.recipe) <= epoch < ends[i].max()
            for i, arm in enumerate(known)
        ]
        level = level_of(len(self.looks), len(self.arms))
        gone = leaving(best, ends, may_leave=np.array(may_leave, dtype=bool), level=level)
        return {
            known[i].name: {
                "epoch": epoch,
                "by": known[rival].name,
                **_behind(best[i, :, -1], best[rival, :, -1], hope, self.metric),
            }
            for i, (rival, hope) in gone.items()
        }


@dataclass(frozen=True)
class Race:
    """A race under way."""

    course: Course
    crews: tuple[frozenset[str], ...]
    """The arms of each population; each arm is in one."""
    store: Store

    def leave(self, epoch: int, curves: Rows) -> Collection[Key]:
        """Return the members that leave after an epoch; ``curves``: of a population in training (``train.fit``)."""
        if epoch not in self.course.looks:
            return ()
        crew = next(crew for crew in self.crews if next(iter(curves))[0] in crew)
        kept = self.store.meta(META)
        # who left at this very epoch is asked again: the study may have been killed while its runs were written
        out = {name for name, one in kept["left"].items() if name not in crew or one["epoch"] < epoch}
        finished = {key: record.curves for key, record in self.store.finished().items()}
        # a run that is shorter has ended, and so is stored; else it was not there yet, and nothing is known of it
        rows = {**finished, **{key: own for key, own in curves.items() if len(own) >= epoch}}
        gone = self.course.leaving(epoch, rows, crew=crew, out=out)
        if gone:
            self.store.set_meta(META, {**kept, "left": {**kept["left"], **gone}})
        return {key for key in curves if key[0] in gone}


def begin_race(prepared: Prepared, store: Store) -> Race:
    """Begin the race of a study that was checked (:func:`check_race`), or go on with it."""
    course = course_of(prepared)
    if store.meta(META) is None:
        store.set_meta(META, {"course": course.to_dict(), "left": {}})
    return Race(course, _crews(prepared), store)


def course_of(prepared: Prepared) -> Course:
    """Return what the race of a study is run by."""
    spec = prepared.spec
    return Course(prepared.arms, spec.seeds, spec.metric, control_of(spec, prepared.arms))


def refuse_another_race(prepared: Prepared, store: Store) -> None:
    """Refuse to go on where other arms raced, or without racing where some have left: they would count as whole.

    Raises
    ------
    RecipeError
        One of these.

    """
    known = store.meta(META)
    expected = "the same study, another --out, or --fresh to begin anew"
    if known is None:
        return
    if prepared.spec.racing and known["course"] != course_of(prepared).to_dict():
        what = "the race in this folder began with other arms, seeds, epochs, metric or control"
        raise RecipeError(WHERE, what, expected)
    if not prepared.spec.racing and known["left"]:
        what = f"is off, and {', '.join(sorted(known['left'])[:3])} left the race in this folder"
        raise RecipeError(WHERE, what, expected)


def raced(prepared: Prepared, store: Store) -> dict[str, Any]:
    """Return what there is to say about a race: its looks, who left when and against whom, and the epochs it took."""
    kept = store.meta(META) or {"left": {}}
    records = store.finished()
    runs = [record for member in prepared.members if (record := records.get(member.key)) is not None]
    return {
        "alpha": ALPHA,
        "looks": list(course_of(prepared).looks),
        "left": [{"arm": arm, **one} for arm, one in kept["left"].items()],
        "epochs": sum(run.epochs_run for run in runs),
        "epochs_in_full": sum(run.recipe["epochs"] if run.status == "beaten" else run.epochs_run for run in runs),
    }


def check_race(prepared: Prepared) -> Prepared:
    """Return the study; refuse a race that cannot be run: too few seeds or arms, values that can get worse, arms that
    never can leave.

    Raises
    ------
    RecipeError
        One of these.

    """
    spec, arms = prepared.spec, prepared.arms
    if not spec.racing:
        return prepared
    if (seeds := len(spec.seeds)) < FEWEST:
        what = f"the study has {seeds} seed{'s' if seeds > 1 else ''}"
        raise RecipeError(WHERE, what, f"{FEWEST} seeds or more, or racing: false")
    if len(arms) < 2:
        raise RecipeError(WHERE, "the study has 1 arm", "2 arms or more, or racing: false")
    for arm in arms:
        where = f"{WHERE}, arm {arm.name}"
        if arm.recipe.restore == "last":
            what = "restore: last hands over what can get worse after it was best"
            raise RecipeError(where, what, "restore: best, or racing: false")
        if arm.recipe.monitor != spec.metric:
            what = f"its best epoch goes by {arm.recipe.monitor}, the race by {spec.metric}"
            raise RecipeError(where, what, f"monitor: {spec.metric}, or racing: false")
    looks = course_of(prepared).looks
    if not looks:
        raise RecipeError(WHERE, "no arm can leave: too few epochs for a look", "5 epochs or more, or racing: false")
    if all(first_look(arm.recipe) > looks[-1] for arm in arms if arm.name != control_of(spec, arms)):
        what = f"no arm can leave: rates or methods change by plan after the last look, at epoch {looks[-1]}"
        raise RecipeError(WHERE, what, "a constant, exponential or stepped schedule, or racing: false")
    if sum(len(crew) for crew in _crews(prepared)) > len(arms):
        what = "splits differ in size from seed to seed, so that an arm's seeds do not train together"
        raise RecipeError(WHERE, what, "splits of equal sizes, or racing: false")
    return prepared


def _crews(prepared: Prepared) -> tuple[frozenset[str], ...]:
    groups = populations(prepared.members, sizes=prepared.sizes)
    return tuple(frozenset(member.arm for member in group) for group in groups)


def _best_so_far(rows: Sequence[EpochRow], metric: str, epochs: int) -> np.ndarray:
    """Return the best error after each epoch, float64 ``(epochs,)``; the last one is that of all rows."""
    values = np.array([row.value(metric) if row.is_finite else np.nan for row in rows], dtype=np.float64)
    errors = 1 - values if is_share(metric) else values
    best = np.fmin.accumulate(np.where(np.isfinite(errors), errors, np.nan)) if len(errors) else np.full(1, np.nan)
    found = np.full(epochs, best[-1])
    found[: len(best) - 1] = best[:-1][:epochs]
    found[-1] = best[-1]
    return found


def _behind(own: Any, rival: Any, hope: Any, metric: str) -> dict[str, Any]:
    """Return the paired differences to the rival, in units of the metric: now, and of what it hoped for at least."""
    sign = -1 if is_share(metric) else 1
    own, rival, hope = ((sign * values).tolist() for values in (own, rival, hope))
    now, later = paired_difference(own, rival), paired_difference(hope, rival)
    return {
        "difference": now.difference,
        "ci95": None if now.ci95 is None else [now.ci95[0], now.ci95[1]],
        "hoped": later.difference,
        "n": now.n,
    }
