"""What a process asks of the machine before PyTorch is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from wellfit.machine import WAITING, physical_memory, wait_briefly


def test_memory_is_that_of_the_machine() -> None:
    found = physical_memory()
    assert found is None or found > 2**28


def test_threads_wait_briefly_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    wait_briefly()
    assert os.environ == WAITING
    for name in WAITING:
        monkeypatch.setattr(os, "environ", {name: "own"})
        wait_briefly()
        assert os.environ == {name: "own"}


def test_the_command_says_it_before_torch_is_there() -> None:
    code = """
import json, os, sys
from wellfit.__main__ import main
sys.argv = ["wellfit", "--version"]
code = main()
names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
print(json.dumps([code, "torch" in sys.modules, {name: os.environ.get(name) for name in names}]))
"""
    environment = {name: value for name, value in os.environ.items() if name not in WAITING}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, False, WAITING]
