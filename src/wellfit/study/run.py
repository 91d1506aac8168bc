"""Run a study: what is not done yet is trained, the test set is read once, the folder is completed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from wellfit.atomic import write_atomic
from wellfit.errors import InterruptedStudyError, RecipeError, StorageError
from wellfit.recipe import StudySpec
from wellfit.record import RunRecord
from wellfit.study.activations import of_arms
from wellfit.study.analyse import Facts, analyse
from wellfit.study.certify import certify
from wellfit.study.circumstances import about_data, chance_loss, environment
from wellfit.study.cleaning import cleaned_arms, plan_digests
from wellfit.study.design import control_of, recipe_hash
from wellfit.study.files import StudyFolder, dump_yaml, write_json
from wellfit.study.plans import begun_plan
from wellfit.study.prepare import Prepared, design, prepare
from wellfit.study.sealed import read_test_set
from wellfit.study.store import Store
from wellfit.study.training import Listener, train_members

Loaded = Callable[[Prepared], None]


def run_study(
    spec: StudySpec,
    out: Path,
    *,
    store_url: str | None = None,
    fresh: bool = False,
    certificates: int = 0,
    memory: int | None = None,
    listen: Listener = lambda event: None,
    loaded: Loaded = lambda prepared: None,
) -> dict[str, Any]:
    """Run a study, or what is left of it, in the folder ``out`` and return its result (the content of ``result.json``).

    Parameters
    ----------
    spec
        Arms times seeds over a base recipe.
    out
        The study's folder. The same spec in the same folder goes on where it was interrupted; what is complete is not
        run again.
    store_url, fresh
        Where runs and curves are kept (``None``: SQLite in the folder), and whether what is there is forgotten.
    certificates
        How many random members are trained again alone, to show that training together changed nothing.
    memory
        Bytes that data and training may use; larger images stay on the disk, with the same results (``data.load``).
    listen, loaded
        Called with each event of the training, and once before it with the data loaded and all checked against it.

    Raises
    ------
    InputError
        Bad recipe, data or model: before anything is written.
    InterruptedStudyError
        On KeyboardInterrupt; the folder holds what was done.

    """
    began = time.perf_counter()
    folder = StudyFolder(out)
    arms = design(spec)
    finished = None if fresh else finished_result(spec, plan_digests(arms), folder, store_url)
    if finished is not None and (finished["certificate"] or not certificates):
        return finished
    prepared = prepare(spec, arms, memory=memory)
    with folder.lock(), Store.open(store_url or folder.results, spec.name) as store:
        if fresh:
            remove_checkpoints(folder)  # first: a kill in between must not leave them to the new runs
            store.clear()
        enter(prepared, folder, store)
        loaded(prepared)
        status = _execute(prepared, folder, store, certificates, listen)
        store.set_meta("seconds", store.meta("seconds", 0.0) + time.perf_counter() - began)
        result = analyse(gather_facts(prepared, folder, store, status))
        write_json(folder.result, result)
        if status == "interrupted":
            done = f"{len(_records(prepared, store))} of {len(prepared.members)}"
            raise InterruptedStudyError(f"interrupted with {done} runs done; the same command goes on from here")
        done_by = {"spec": spec.to_dict(), "result": digest(folder.result.read_bytes())}
        store.set_meta("complete", done_by | ({"plans": plans} if (plans := plan_digests(arms)) else {}))
    return result


def enter(prepared: Prepared, folder: StudyFolder, store: Store) -> None:
    """Enter the study's runs and data into the store; refuse other recipes or data than was trained on before."""
    store.begin([(m.arm, m.seed, recipe_hash(m.recipe), m.recipe.to_dict()) for m in prepared.members])
    known = store.meta("data", {})
    begun = bool(store.finished()) or any(folder.checkpoints.glob("*"))
    prints = {spec.model_dump_json(): prepared.fingerprint(spec) for spec in prepared.replicates}
    for spec in prepared.replicates:
        name = spec.model_dump_json()
        if begun and known.get(name, prints[name]) != prints[name]:
            plan = "" if spec.clean is None else f" or the plan {spec.clean.plan}"
            what = f"{spec.source}{plan} has changed since this study was begun"
            raise RecipeError("data", what, "the same data, another --out, or --fresh to begin anew")
    store.set_meta("data", known | prints)
    store.set_meta("complete", None)
    write_atomic(folder.spec, dump_yaml(prepared.spec))


def _execute(prepared: Prepared, folder: StudyFolder, store: Store, certificates: int, listen: Listener) -> str:
    """Train what is left, certify, and read the test set at last; return the study's status."""
    try:
        train_members(prepared.members, prepared, folder, store, listen, measured=True)
        if certificates and store.meta("certificate") is None:
            plan_of = partial(begun_plan, known=store.meta("plans", {}))
            made = certify(
                prepared.members, prepared.replicates_of, store.finished(), folder, certificates, plan_of=plan_of
            )
            store.set_meta("certificate", made)
        read_test_set(prepared.members, prepared.replicates_of, folder, store)
    except KeyboardInterrupt:
        return "interrupted"
    return "complete"


def finished_result(
    spec: StudySpec, plans: Mapping[str, str], folder: StudyFolder, store_url: str | None
) -> dict[str, Any] | None:
    """Return the result of a study that is complete already, without loading its data; ``plans``: as they are now."""
    try:
        content = folder.result.read_bytes()
        with Store.open(store_url or folder.results, spec.name, create=False) as store:
            complete = store.meta("complete")
        known = {} if complete is None else complete.pop("plans", {})
        if complete != {"spec": spec.to_dict(), "result": digest(content)} or any(
            known.get(path) != now for path, now in plans.items()
        ):
            return None
        found: dict[str, Any] = json.loads(content)
    except (OSError, StorageError, ValueError):
        return None  # whatever is wrong there is said when the study is run
    return found


def digest(content: bytes) -> str:
    """Return the SHA-256 that a result is known by."""
    return hashlib.sha256(content).hexdigest()


def remove_checkpoints(folder: StudyFolder) -> None:
    """Remove what runs under way would go on from."""
    for path in folder.checkpoints.glob("*"):
        path.unlink(missing_ok=True)


def _records(prepared: Prepared, store: Store) -> list[RunRecord]:
    """Return the finished runs of this study's arms and seeds, in their order."""
    finished = store.finished()
    return [finished[member.key] for member in prepared.members if member.key in finished]


def gather_facts(prepared: Prepared, folder: StudyFolder, store: Store, status: str) -> Facts:
    """Return all that a study's tables are made from."""
    replicates = next(iter(prepared.replicates.values()))
    replicate = next(iter(replicates.values()))
    return Facts(
        spec=prepared.spec,
        arms=prepared.arms,
        control=control_of(prepared.spec, prepared.arms),
        status=status,
        records=_records(prepared, store),
        data=about_data(replicate, store.test_reads()),
        chance=chance_loss(replicate),
        cleaning=cleaned_arms(prepared.arms, prepared.replicates, prepared.spec.seeds),
        activations=of_arms(
            {member.key: member for member in prepared.members}, store.finished(), prepared.replicates_of, folder
        ),
        advice=prepared.advice,
        plan=store.meta("plan", []),
        certificate=store.meta("certificate"),
        environment=asdict(environment()),
        seconds=store.meta("seconds", 0.0),
    )
