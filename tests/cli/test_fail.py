from __future__ import annotations

import pytest
import torch

from wellfit.cli.fail import guarded


def test_a_full_memory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def python() -> int:
        raise MemoryError

    def torchs() -> int:
        return len(torch.empty(2**60, dtype=torch.uint8))

    for work in (python, torchs):
        assert guarded(work) == 1
        said = capsys.readouterr().err
        assert said.startswith("wellfit: the memory is full; expected")
        assert said.count("\n") == 1
