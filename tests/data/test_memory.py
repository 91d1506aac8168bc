import platform
import subprocess
import sys

import pytest

from wellfit.data import memory
from wellfit.data.memory import for_samples, memory_limit, parse_memory
from wellfit.errors import DataError
from wellfit.machine import physical_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [("256M", 2**28), ("4G", 2**32), ("1.5g", 3 * 2**29), ("2048 KiB", 2**21), ("1T", 2**40), ("1048576", 2**20)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_memory(text, where="--memory") == size


@pytest.mark.parametrize("text", ["", "M", "-1G", "0", "100K", "1e9", "4 X", "nan", "9" * 50])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(DataError, match="--memory: received") as caught:
        parse_memory(text, where="--memory")
    assert len(str(caught.value)) < 150


def test_the_limit_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WELLFIT_MEMORY", raising=False)
    assert memory_limit() is None
    monkeypatch.setenv("WELLFIT_MEMORY", "64M")
    assert memory_limit() == 2**26


def test_half_is_for_the_samples() -> None:
    assert for_samples(100) == 50
    whole = physical_memory()
    assert for_samples(None) == (None if whole is None else whole // 2)


def test_a_limit_is_a_promise_whatever_is_asked_for_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(memory, "_gives_back", False)
    monkeypatch.setattr(memory, "_set_malloc", lambda *thresholds: asked.append(thresholds))
    memory.keep_freed()
    memory.give_back_freed()
    memory.keep_freed()
    assert asked == [(memory.MOST_REUSED, 2**31 - 1), (memory.LARGE, memory.KEPT)]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="without effect elsewhere")
def test_freed_memory_is_used_again() -> None:
    """In a process of its own, as the setting is the whole process's."""
    program = """
import resource, torch
from wellfit.data.memory import keep_freed
keep_freed()
def faults():
    tensors = [torch.zeros(2**21) for _ in range(16)]
    tensors.clear()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
faults()
print(-faults() + faults())
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert int(said.stdout) < 8_000  # of the 32,768 pages that 128 MiB have
