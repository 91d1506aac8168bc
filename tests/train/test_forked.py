"""Worker processes: what they change is shared, what they find comes back, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support import CPU, member, replicates, tiny_images
from tests.train.test_shards import LEAVING, MIXED, OWN, SGD, Failing, assert_same, trained
from wellfit.errors import DataError, WellfitError
from wellfit.train import forked
from wellfit.train.events import EpochEnded
from wellfit.train.fit import fit
from wellfit.train.forked import Forks, can_fork, share
from wellfit.train.plan import Plan

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux only, and beside no GPU")

PATIENCE = 60.0
"""Seconds after which a test has hung; nothing waits so long."""

PROCESSES = [Plan(workers=2, threads=1, processes=True), Plan(width=2, workers=3, threads=1, processes=True)]


def is_gone(pid: int) -> bool:
    """Return whether a process has ended, within reason."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":  # whom nobody has asked yet
            return True
        time.sleep(0.01)
    return False


def test_answers_come_in_the_order_of_the_things() -> None:
    forks = Forks(2)
    assert forks.map(lambda thing: thing * thing, range(7)) == [thing * thing for thing in range(7)]
    assert forks.map(lambda thing: thing, []) == []


def test_each_thing_has_a_process_with_one_thread() -> None:
    found = Forks(2).map(lambda _: (os.getpid(), torch.get_num_threads()), range(3))
    assert len({pid for pid, _ in found} | {os.getpid()}) == 4
    assert [threads for _, threads in found] == [1, 1, 1]


def test_what_is_shared_is_changed_for_all() -> None:
    tensors = [torch.arange(6.0).view(2, 3), torch.zeros(4, dtype=torch.int64), torch.tensor(True), torch.empty(0, 3)]
    own, shared = [value.clone() for value in tensors], [value.clone() for value in tensors]
    view = shared[0][1]  # of where it was before
    share(shared)
    for value, before in zip(shared, tensors, strict=True):
        assert value.dtype == before.dtype
        assert torch.equal(value, before)

    def work(row: int) -> None:
        for first in (own[0], shared[0]):
            first[row] += 10

    Forks(2).map(work, range(2))
    assert torch.equal(own[0], tensors[0])
    assert torch.equal(shared[0], tensors[0] + 10)
    assert torch.equal(view, tensors[0][1])


def test_autograd_and_products_work_in_them() -> None:
    """After the process that is copied has used several threads, which its copies do not have."""

    def work(seed: int) -> Tensor:
        x = torch.randn(300, 300, generator=torch.Generator().manual_seed(seed)).requires_grad_()
        (gradient,) = torch.autograd.grad((x @ x).relu().sum(), x)
        return gradient

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = [work(0), work(1)]
        found = Forks(2).map(lambda seed: work(seed).tolist(), (0, 1))
    finally:
        torch.set_num_threads(before)
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.tensor(own), other)


def beside_a_long_one(pids: Tensor, then: Callable[[], None]) -> None:
    """Do something in the second process while the first, whose number is in ``pids``, works on and on."""

    def work(thing: int) -> None:
        if thing == 0:
            pids[0] = os.getpid()
            time.sleep(PATIENCE)
        while not pids[0]:
            time.sleep(0.001)
        then()

    Forks(2).map(work, range(2))


def failing(error: BaseException) -> Callable[[], None]:
    def then() -> None:
        raise error

    return then


@pytest.fixture
def pids() -> Tensor:
    made = torch.zeros(2, dtype=torch.int64)
    share([made])
    return made


def test_a_failure_ends_the_others_and_says_where(pids: Tensor) -> None:
    with pytest.raises(DataError, match=r"^a\.csv: no rows; expected some\n") as raised:
        beside_a_long_one(pids, failing(DataError("a.csv", "no rows", "some")))
    assert raised.value.where == "a.csv"
    assert "test_forked.py" in raised.value.__notes__[0]
    assert is_gone(int(pids[0]))


class OwnError(Exception):
    """Cannot be made again from its message."""

    def __init__(self, one: object, other: object) -> None:
        super().__init__(f"{one} and {other}")


def test_an_error_that_cannot_be_sent_is_told(pids: Tensor) -> None:
    with pytest.raises(RuntimeError, match=r"^OwnError: this and that\n"):
        beside_a_long_one(pids, failing(OwnError("this", "that")))


def test_an_answer_that_cannot_be_sent_is_an_error() -> None:
    with pytest.raises(Exception, match=r"pickle|local"):
        Forks(2).map(lambda _: lambda: None, range(2))


def test_a_worker_that_is_killed_is_told_in_one_line(pids: Tensor) -> None:
    with pytest.raises(WellfitError, match=r"^a worker process was killed \(exit code -9; .*the same command goes on"):
        beside_a_long_one(pids, lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert is_gone(int(pids[0]))


def test_an_interrupt_ends_them(monkeypatch: pytest.MonkeyPatch, pids: Tensor) -> None:
    """Ctrl-C reaches all processes of a terminal: the one that waits decides."""

    def work(thing: int) -> None:
        pids[thing] = os.getpid()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE)

    def interrupted(answers: object) -> None:
        while not pids.all():
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr(forked, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Forks(2).map(work, range(2))
    assert all(is_gone(pid) for pid in pids.tolist())


def test_they_end_when_nobody_waits_for_them(tmp_path: Path) -> None:
    """The process that forked them is killed, and cannot say so."""
    script = """
        import os, sys, time
        from wellfit.train.forked import Forks
        forks = Forks(2)
        def work(thing):
            print(os.getpid(), flush=True)
            while True:
                forks.check()
                time.sleep(0.001)
        forks.map(work, range(2))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        workers = [int(process.stdout.readline()) for _ in range(2)]
        process.kill()
    assert all(is_gone(pid) for pid in workers)


@pytest.mark.parametrize("plan", PROCESSES)
@pytest.mark.parametrize("kind", MIXED)
def test_members_are_trained_as_by_threads(kind: str, plan: Plan) -> None:
    members = [member(str(i), seed, **given) for i, given in enumerate(MIXED[kind]) for seed in (0, 1)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    assert_same(trained(members, tiny_images(), plan), whole, plan)


@pytest.mark.parametrize("name", ["normed", "convolved"])
def test_running_statistics_come_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    changes: dict[str, Any] = {"model": {"import": f"{path}:{name}"}, "optimizer": SGD}
    methods: list[dict[str, Any]] = [{}, {"dropout": {}}, {"ema": {"decay": 0.9}}]
    members = [member(str(i), regularizers=own, **changes) for i, own in enumerate(methods)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    assert_same(trained(members, tiny_images(), PROCESSES[0]), whole)


def test_a_checkpoint_is_gone_on_from_by_processes_and_by_threads(tmp_path: Path) -> None:
    members = [member(str(i), **given) for i, given in enumerate(LEAVING)]
    whole = trained(members, tiny_images(), Plan(threads=1))
    for first, second in ((PROCESSES[0], Plan(threads=1)), (Plan(workers=2, threads=1), PROCESSES[1])):
        path = tmp_path / f"{first.processes}.safetensors"
        done = trained(members, tiny_images(), first, checkpoint=path, until=3)
        left = [one for one in members if one.key not in done or whole[one.key].record.epochs_run > 3]
        assert_same(trained(left, tiny_images(), second, checkpoint=path), {one.key: whole[one.key] for one in left})


def test_what_fails_in_a_step_ends_the_training_and_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [member(str(i), seed) for i in range(2) for seed in (0, 1)]
    whole, path = trained(members, tiny_images(), Plan(threads=1)), tmp_path / "c"
    with monkeypatch.context() as patch:
        patch.setattr("wellfit.train.epoch.step", Failing(RuntimeError, at=5))
        with pytest.raises(RuntimeError, match="in a step"):
            trained(members, tiny_images(), PROCESSES[0], checkpoint=path)
    events = fit(members, replicates(tiny_images(), members), device=CPU, plan=PROCESSES[0], checkpoint=path)
    assert sum(isinstance(next(events), EpochEnded) for _ in range(2)) == 1
    events.close()  # type: ignore[attr-defined]
    assert_same(trained(members, tiny_images(), PROCESSES[0], checkpoint=path), whole)
