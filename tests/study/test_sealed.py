"""What each test sample came to: its mean is what the run's row says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wellfit.recipe_file import parse_study
from wellfit.study.files import StudyFolder
from wellfit.study.prepare import design, prepare
from wellfit.study.run import enter
from wellfit.study.sealed import read_test_set
from wellfit.study.store import Store
from wellfit.study.training import train_members
from wellfit.train.evaluate import Score
from wellfit.train.events import Key


@pytest.mark.parametrize(("data", "loss"), [("wine", None), ("diabetes", None), ("wine", {"kind": "dice"})])
def test_samples_add_up_to_the_row(tmp_path: Path, data: str, loss: Any) -> None:
    values = {"data": data, "model": {"hidden": [4]}, "epochs": 2, "study": {"seeds": 2}}
    spec = parse_study(values | ({} if loss is None else {"loss": loss}), name="sealed")
    prepared = prepare(spec, design(spec))
    kept: dict[Key, Score] = {}
    folder = StudyFolder(tmp_path)
    with Store.open(folder.results, spec.name) as store:
        enter(prepared, folder, store)
        train_members(prepared.members, prepared, folder, store, lambda event: None)
        read_test_set(prepared.members, prepared.replicates_of, folder, store, keep=kept.__setitem__)
        read_test_set(prepared.members, prepared.replicates_of, folder, store, keep=lambda *_: pytest.fail("twice"))
        records = store.finished()
        assert store.test_reads() == 1
    assert kept.keys() == records.keys()
    for key, score in kept.items():
        row = records[key].test
        assert row is not None
        if loss is None:
            assert score.losses is not None
            assert float(score.losses.double().mean()) == pytest.approx(row.test_loss, rel=1e-6)
        else:
            assert score.losses is None  # dice means something for all samples at once
        if data == "wine":
            assert score.right is not None
            assert float(np.mean(score.right.numpy())) == pytest.approx(row.test_accuracy)
        else:
            assert score.right is None
