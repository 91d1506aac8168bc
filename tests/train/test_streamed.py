"""Training on samples that stay on the disk: the same numbers, and no more memory than allowed."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from wellfit.data import Dataset
from wellfit.data.mapped import just_written, writing
from wellfit.data.stream import is_streamed, streamed
from wellfit.recipe import DataSpec, Recipe
from wellfit.train.events import EpochEnded, MemberFinished
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import make_replicate


def stored_set(path: Path, n: int, row: tuple[int, ...]) -> Dataset:
    """A data set of images on the disk."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    with writing(path) as writer:
        writer.begin(n, row, where="x", advice="")
        for start in range(0, n, 1000):
            part = y[start : start + 1000]
            writer.write((rng.integers(0, 150, (len(part), *row)) + 50 * part.reshape(-1, 1, 1, 1)).astype(np.uint8))
        writer.finish(y, source="s", notes={})
    return open_set(path)


def open_set(path: Path) -> Dataset:
    """The data set of such a file."""
    stored = just_written(path, source="s")
    assert stored is not None
    y = torch.from_numpy(stored.y)
    return Dataset("set", "classification", "image", streamed(stored, stored.size // 20), y, ("a", "b", "c"), None)


@pytest.mark.parametrize("augmented", [False, True])
def test_training_is_bit_identical(tmp_path: Path, augmented: bool) -> None:
    there = stored_set(tmp_path / "c.u8", 3000, (1, 6, 6))
    here = replace(there, x=there.x.clone())
    assert is_streamed(there.x)
    assert not is_streamed(here.x)
    methods = {"translation": {"fraction": 0.2}} if augmented else {}
    recipe = Recipe.model_validate(
        {
            "data": {"source": "set"},
            "model": {"kind": "mlp", "hidden": [8]},
            "loss": "cross_entropy",
            "optimizer": {"kind": "sgd", "lr": 0.1},
            "regularizers": methods,
            "batch_size": 64,
            "epochs": 3,
        }
    )
    seen = []
    for dataset in (here, there):
        members = [Member("plain", seed, recipe) for seed in (0, 1)]
        replicates = {seed: make_replicate(dataset, DataSpec(source="set"), seed) for seed in (0, 1)}
        rows, weights = [], []
        for event in fit(members, replicates):
            if isinstance(event, EpochEnded):
                rows += [(key, replace(row, seconds=0.0)) for key, row in event.rows.items()]
            elif isinstance(event, MemberFinished):
                weights.append(event.weights)
        seen.append((rows, weights))
    assert repr(seen[0][0]) == repr(seen[1][0])
    assert len(seen[0][0]) == 6
    for one, other in zip(seen[0][1], seen[1][1], strict=True):
        for name in one:
            assert torch.equal(one[name], other[name])


MEASURE = """
import json, sys, threading, time
from pathlib import Path
import torch
from tests.train.test_streamed import open_set
from wellfit.recipe import DataSpec, Recipe
from wellfit.train.fit import fit
from wellfit.train.member import Member
from wellfit.train.replicate import make_replicate

torch.set_num_threads(1)

def resident():
    found = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(found[key].split()[0]) for key in ("RssAnon", "RssFile")) * 1024

def train(name):
    data = {"source": "set"}
    recipe = Recipe.model_validate({"data": data, "model": {"kind": "mlp", "hidden": [4]}, "loss": "cross_entropy",
        "optimizer": {"kind": "sgd", "lr": 0.1}, "batch_size": 64, "epochs": 2})
    dataset = open_set(Path(sys.argv[1]) / name)
    for event in fit([Member("plain", 0, recipe)], {0: make_replicate(dataset, DataSpec(source="set"), 0)}):
        pass
    return dataset.x.numel()

train("small")  # the libraries that torch loads on first use belong to the baseline
baseline, most, done = resident(), 0, False

def watch():
    global most
    while not done:
        most = max(most, resident())
        time.sleep(0.002)

thread = threading.Thread(target=watch)
thread.start()
size = train("large")
done = True
thread.join()
print(json.dumps({"size": size, "beyond": most - baseline}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_resident_memory_stays_under_the_limit(tmp_path: Path) -> None:
    """A twentieth of 1 GiB of images, beyond the interpreter; most of it are batches, and indices of the samples."""
    root = Path(__file__).parents[2]
    stored_set(tmp_path / "small", 4000, (3, 32, 32))
    stored_set(tmp_path / "large", 350_000, (3, 32, 32))
    process = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, cwd=root, check=False
    )
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    assert found["size"] > 2**30
    assert found["beyond"] < found["size"] / 20
