"""Train what is not finished of a study's members: what happens goes to the store, the models to the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from wellfit.data.memory import memory_limit
from wellfit.machine import physical_memory
from wellfit.random import derive
from wellfit.study.files import StudyFolder
from wellfit.study.plans import Planned, plan_all, structure_key
from wellfit.study.prepare import Prepared
from wellfit.study.store import Store
from wellfit.study.trained import save_model
from wellfit.train import checkpoint as disk
from wellfit.train.events import EpochEnded, Event, Key, MemberFinished, PopulationStarted
from wellfit.train.fit import Leave, default_device, fit, nobody
from wellfit.train.member import Member
from wellfit.train.start import populations, within_memory

Listener = Callable[[Event], None]


def train_members(
    members: Sequence[Member],
    prepared: Prepared,
    folder: StudyFolder,
    store: Store,
    listen: Listener,
    *,
    measured: bool = False,
    leave: Leave = nobody,
) -> None:
    """Train those of the members that are not finished: first what checkpoints hold, then the rest.

    How is ``measured`` where that is worth it, else by rule. ``leave`` is asked after each epoch who leaves a race
    (``study.race``).

    An exception of ``listen`` ends the training; the same call goes on from the last checkpoint, with fewer members
    too.
    """
    finished = store.finished()
    left = {member.key: member for member in members if member.key not in finished}
    todo = _todo(prepared, left, folder)
    plans = _plans([group for group, _ in todo], prepared, store) if measured else {}
    for group, path in todo:
        replicates = prepared.replicates_of(group[0])
        planned = plans.get(structure_key(group[0]))
        plan = None if planned is None else planned.plan
        for event in fit(group, replicates, checkpoint=path, plan=plan, leave=leave):
            if isinstance(event, PopulationStarted):
                store.truncate(event.members, event.epochs_done)
                _note_plan(store, event, planned)
            elif isinstance(event, EpochEnded):
                store.add_epochs(event.rows)
            elif isinstance(event, MemberFinished):
                save_model(folder, event, replicates[event.record.seed])
                store.finish(event.record)
            listen(event)


def _todo(prepared: Prepared, left: Mapping[Key, Member], folder: StudyFolder) -> list[tuple[list[Member], Path]]:
    """Return the populations to train, each with its checkpoint: first those that have one to go on from.

    A checkpoint may hold members that finished after it was written, or were begun with another recipe or other data;
    they are left out.
    """
    waiting = dict(left)
    todo = []
    for path in sorted(folder.checkpoints.glob("*.safetensors")):
        marks = disk.peek(path)
        members = [
            waiting.pop(key)
            for key, mark in marks.items()
            if key in waiting and mark == disk.mark(waiting[key], prepared.replicates_of(waiting[key])[key[1]])
        ]
        if members:
            todo.append((members, path))
        else:
            path.unlink()
    for together in populations(list(waiting.values()), sizes=prepared.sizes):
        for members in within_memory(together, prepared.replicates_of(together[0]), _for_weights()):
            name = f"{derive(0, *(str(member.key) for member in members)):016x}"
            todo.append((members, folder.checkpoints / f"{name}.safetensors"))
    return todo


def _for_weights() -> int | None:
    """Return the bytes that a population may take where it is trained; ``None``: not known."""
    device = default_device()
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    limit = memory_limit() or physical_memory()
    return None if limit is None else limit // 2


def _plans(groups: Sequence[Sequence[Member]], prepared: Prepared, store: Store) -> dict[str, Planned]:
    """Return how to compute the populations, and keep it: a study goes on as it has begun."""
    known = store.meta("plans", {})
    plans = plan_all(groups, prepared, known)
    store.set_meta("plans", known | {key: planned.to_dict() for key, planned in plans.items()})
    return plans


def _note_plan(store: Store, event: PopulationStarted, planned: Planned | None) -> None:
    """Keep how the population is computed, for the result's ``plan``."""
    known = store.meta("plan", [])
    note = {**event.plan.to_dict(), "members": len(event.members), "epochs": event.epochs, "how": event.how}
    note |= {} if planned is None else {"source": planned.source, "trials": list(planned.trials)}
    note |= {} if planned is None or planned.agreement is None else {"agreement": planned.agreement}
    if note not in known and event.epochs_done == 0:
        store.set_meta("plan", [*known, note])
