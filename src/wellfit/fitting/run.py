"""Run a fit in its folder, or what is left of it: search, read the test set once, say what came of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from wellfit.errors import InputError, InterruptedStudyError, RecipeError, StorageError
from wellfit.fitting.bench import Bench
from wellfit.fitting.budget import DEFAULT, Clock, check_budget
from wellfit.fitting.events import FitEvent
from wellfit.fitting.gains import FOLDER, Sealed
from wellfit.fitting.journal import Journal
from wellfit.fitting.outcomes import Course, fit_block
from wellfit.fitting.pace import Pace
from wellfit.fitting.search import search
from wellfit.fitting.session import Session
from wellfit.fitting.trials import Setting
from wellfit.fitting.words import words_of
from wellfit.recipe import StudySpec
from wellfit.record import better_sign
from wellfit.study.analyse import analyse
from wellfit.study.difference import first_difference
from wellfit.study.files import StudyFolder, write_json
from wellfit.study.prepare import Prepared
from wellfit.study.run import digest, gather_facts, remove_checkpoints
from wellfit.study.sealed import read_test_set
from wellfit.study.store import Store

JOURNAL = "journal.json"
OTHER = "the same recipe and options, another --out, or --fresh to begin anew"

Loaded = Callable[[Prepared], None]


def run_fit(
    spec: StudySpec,
    out: Path,
    *,
    budget: float = DEFAULT,
    fresh: bool = False,
    memory: int | None = None,
    listen: Callable[[FitEvent], None] = lambda event: None,
    loaded: Loaded = lambda prepared: None,
) -> dict[str, Any]:
    """Fit a recipe: train it, diagnose it, try remedies, keep what helps; return the content of ``result.json``.

    Parameters
    ----------
    spec
        The recipe with its seeds and the metric; without factors and arms.
    out
        The folder. The same call in the same folder goes on where it was interrupted, with the same decisions; a fit
        that is complete is not run again, whatever its budget was.
    budget
        Seconds of wall time, over all sessions. The baseline is trained with one seed at least, however small it is.
    fresh, memory
        Whether what is there is forgotten; bytes that data and training may use (``data.load``).
    listen, loaded
        Called with each event, and once before with the data loaded and checked.

    Raises
    ------
    InputError
        Bad recipe, data or budget, or a folder that holds something else: before anything is written.
    InterruptedStudyError
        On KeyboardInterrupt; the folder holds what was done.

    """
    check_budget(budget)
    if spec.factors or spec.arms:
        raise RecipeError("study", "factors or arms", "a recipe alone: fit chooses the arms")
    folder = StudyFolder(out)
    if not fresh:
        finished = _finished(spec, folder)
        if finished is not None:
            return finished
        _check_folder(spec, folder)
    bench = Bench(spec, memory=memory)
    with folder.lock(), Store.open(folder.results, spec.name) as store:
        if fresh:
            _forget(folder, store)
        journal, clock = Journal(folder.path / JOURNAL), Clock(budget, before=store.meta("seconds", 0.0))
        journal.decide("fit", lambda: _about(spec))
        session = Session(bench, folder, store, journal, clock, Pace(bench.parameters), listen)
        session.learn_pace()
        loaded(bench.prepared)
        try:
            result = _run(session)
        except KeyboardInterrupt:
            store.set_meta("seconds", clock.spent)
            done = f"{len(store.finished())} runs done"
            raise InterruptedStudyError(f"interrupted with {done}; the same command goes on from here") from None
        store.set_meta("complete", {"fit": _about(spec), "result": digest(folder.result.read_bytes())})
    return result


def _run(session: Session) -> dict[str, Any]:
    setting, course = search(session)
    session.say("reads the sealed test set")
    bench, records = session.bench, session.store.finished()
    # what was begun and not finished in time is no arm of the result
    whole = {arm.name for arm in bench.prepared.arms if any((arm.name, seed) in records for seed in setting.seeds)}
    for arm in [arm.name for arm in bench.prepared.arms if arm.name not in whole]:
        bench.drop(arm)
    bench.prepared = _with_seeds(bench.prepared, setting)
    session.enter()
    members = [member for member in bench.prepared.members if member.key in records]
    sealed = Sealed(session.folder.path, bench.spec.metric)
    read_test_set(members, bench.prepared.replicates_of, session.folder, session.store, keep=sealed.keep)
    remove_checkpoints(session.folder)
    session.store.set_meta("seconds", session.clock.spent)
    result = _result(session, setting, course)
    write_json(session.folder.result, result)
    return result


def _with_seeds(prepared: Prepared, setting: Setting) -> Prepared:
    """Return the study with the seeds that were trained."""
    spec = prepared.spec.model_copy(update={"seeds": setting.seeds})
    members = tuple(member for member in prepared.members if member.seed in setting.seeds)
    return replace(prepared, spec=spec, members=members)


def _result(session: Session, setting: Setting, course: Course) -> dict[str, Any]:
    """Return the study's result with the block ``fit``; the best model is the final arm's."""
    result = analyse(gather_facts(session.bench.prepared, session.folder, session.store, "complete"))
    metric, records = session.bench.spec.metric, session.store.finished()
    runs = [records[course.final, seed] for seed in setting.seeds if (course.final, seed) in records]
    values = {run.seed: better_sign(metric) * run.value(metric) for run in runs if run.best_epoch > 0}
    if values:
        seed = max(values, key=lambda one: values[one])
        result["best"] = {"arm": course.final, "seed": seed, "model": f"models/{course.final}/{seed}.safetensors"}
    block = fit_block(session, setting, course)
    result["fit"] = {**block, "words": words_of(block, metric)}
    return result


def _about(spec: StudySpec) -> dict[str, Any]:
    """Return what must be the same for a fit to be gone on with."""
    values = spec.to_dict()
    values["study"] = {key: values["study"][key] for key in ("seeds", "metric")}
    return values


def _finished(spec: StudySpec, folder: StudyFolder) -> dict[str, Any] | None:
    """Return the result of a fit that is complete, without loading its data."""
    try:
        content = folder.result.read_bytes()
        with Store.open(folder.results, spec.name, create=False) as store:
            complete = store.meta("complete")
        if complete != {"fit": json.loads(json.dumps(_about(spec))), "result": digest(content)}:
            return None
        found: dict[str, Any] = json.loads(content)
    except (OSError, StorageError, ValueError):
        return None  # whatever is wrong there is said when the fit is run
    return found


def _check_folder(spec: StudySpec, folder: StudyFolder) -> None:
    """Refuse a folder that holds a study, or the fit of another recipe."""
    path = folder.path / JOURNAL
    if not path.exists():
        if folder.spec.exists():
            raise InputError(
                str(folder.path), "holds a study that is no fit", "another --out, or --fresh to begin anew"
            )
        return
    journal = Journal(path)
    found = first_difference(journal["fit"], _about(spec)) if "fit" in journal else None
    if found is not None:
        raise RecipeError(found.key, f"is {found.new} now and was {found.old} when this fit was begun", OTHER)


def _forget(folder: StudyFolder, store: Store) -> None:
    """Remove what is there of a fit: the decisions first, so that a kill in between leaves none without its runs."""
    (folder.path / JOURNAL).unlink(missing_ok=True)
    remove_checkpoints(folder)
    store.clear()
    shutil.rmtree(folder.path / FOLDER, ignore_errors=True)
