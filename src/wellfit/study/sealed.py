"""The sealed test set: read once, when every run is finished, with the weights that each hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from safetensors.torch import load_file

from wellfit.models import load_state
from wellfit.record import TestRow
from wellfit.study.files import StudyFolder
from wellfit.study.store import Store
from wellfit.train.choose import choose_network
from wellfit.train.evaluate import Score, evaluate, measure_of
from wellfit.train.events import Key
from wellfit.train.fit import default_device
from wellfit.train.member import Member
from wellfit.train.population import Population
from wellfit.train.replicate import Replicate
from wellfit.train.sites import find_sites
from wellfit.train.start import start_modules

Keep = Callable[[Key, Score], None]


def read_test_set(
    members: Sequence[Member],
    replicates_of: Callable[[Member], Mapping[int, Replicate]],
    folder: StudyFolder,
    store: Store,
    *,
    keep: Keep | None = None,
) -> None:
    """Enter each run's test loss and accuracy into the store.

    Runs that have theirs are left alone; the reading is counted where at least one is added. Every choice (of epoch,
    arm and seed) was made on validation before. ``keep`` is given what each test sample came to, before the run's row
    is entered.
    """
    finished = store.finished()
    unread = [m for m in members if finished[m.key].test is None and finished[m.key].best_epoch > 0]
    if not unread:
        return
    store.count_test_read()
    device = default_device()
    for member in unread:
        score = _score(member, replicates_of(member), folder, device, each=keep is not None)
        if keep is not None:
            keep(member.key, score)
        accuracy, iou = (None if share is None else float(share[0]) for share in (score.accuracy, score.iou))
        store.set_test(member.key, TestRow(test_loss=float(score.loss[0]), test_accuracy=accuracy, test_iou=iou))


def _score(
    member: Member, replicates: Mapping[int, Replicate], folder: StudyFolder, device: torch.device, *, each: bool
) -> Score:
    (module,) = start_modules([member], replicates)
    load_state(module, load_file(folder.weights(member.arm, member.seed)))
    shape = replicates[member.seed].shape
    sites = find_sites(module, shape)
    population = Population([member], [module], sites=sites, steps=1, device=device)
    return evaluate(
        choose_network(module, [member], sites=sites, shape=shape, device=device),
        population.leaves,
        population.buffers,
        [member],
        dict(replicates),
        lambda replicate: replicate.split.test,
        loss=measure_of(member.recipe, pixels=replicates[member.seed].pixels),
        device=device,
        hidden=population.hidden if population.hidden.evaluation else None,
        each=each,
    )
