"""Train networks with L1, L2, both or neither, and see whether their weights alone tell which.

    OMP_NUM_THREADS=1 nice python benchmarks/fingerprint.py [--keep DIR] [--fit]

Half of the networks are held out: they have other widths, learning rates, epochs, strengths and seeds than those that
the rule was fitted to. Prints the confusion and the accuracy by strength of the held-out half; ``--fit`` prints the
coefficients that the tuning half gives, ``--keep`` stores the networks and reads them again from there.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression

from wellfit.examine.fingerprint import HELD, KINDS, SHRUNK, SINGLE, judge, signs_of
from wellfit.examine.traces import layer_traces, spread_of_units
from wellfit.examine.weights_file import layers_of
from wellfit.recipe_file import parse_study
from wellfit.study.prepare import design, prepare
from wellfit.train.events import MemberFinished
from wellfit.train.fit import fit
from wellfit.train.start import populations

Arrays = dict[str, npt.NDArray[np.float32]]

HALVES = ("tuning", "held out")
STRENGTHS = ("hardly", "weak", "clear", "strong")
L1 = {"hardly": 3e-5, "weak": 2e-4, "clear": 1e-3, "strong": 4e-3}
L2 = {"hardly": 3e-4, "weak": 2e-3, "clear": 1e-2, "strong": 4e-2}
"""Strengths of the tuning half; the held-out half has them times HELD_OUT."""
HELD_OUT = 0.7
DECAY = {"adam": {"weak": 0.3, "clear": 1.0}, "momentum": {"weak": 2e-3, "clear": 1e-2}}
"""Of decoupled decay, which counts as L2: per unit of lr."""


@dataclass(frozen=True)
class World:
    """A data set with a network and an optimizer, for one half."""

    data: Mapping[str, Any]
    model: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    epochs: int
    half: str
    seeds: tuple[int, ...]
    start: str = "default"

    @property
    def name(self) -> str:
        start = "" if self.start == "default" else f", {self.start}"
        return f"{self.data['source']}, {self.model['kind']}, {self.optimizer['kind']}{start}"


def worlds() -> Iterator[World]:
    """Yield what is trained: four data sets, two kinds of network, two optimizers, two halves."""
    sets: tuple[tuple[dict[str, Any], int], ...] = (
        ({"source": "digits"}, 40),
        ({"source": "breast-cancer"}, 80),
        ({"source": "diabetes"}, 80),
        ({"source": "fashion-mnist", "limit": 2000}, 30),
    )
    mlps = {"tuning": {"kind": "mlp", "hidden": [64, 32]}, "held out": {"kind": "mlp", "hidden": [48, 48]}}
    cnns = {"tuning": {"kind": "cnn", "channels": [8, 16]}, "held out": {"kind": "cnn", "channels": [12, 12]}}
    starts = {"tuning": ("he_normal", "xavier_uniform"), "held out": ("he_uniform", "xavier_normal")}
    rates = {"tuning": {"momentum": 0.03, "adam": 0.002}, "held out": {"momentum": 0.05, "adam": 0.001}}
    for half in HALVES:
        first = 0 if half == "tuning" else 10
        for kind, lr in rates[half].items():
            optimizer = {"kind": kind, "lr": lr}
            for data, epochs in sets:
                more = epochs if half == "tuning" else epochs * 3 // 2
                yield World(data, mlps[half], optimizer, more, half, (first, first + 1))
                if data["source"] != "fashion-mnist":
                    for start in starts[half]:
                        yield World(data, mlps[half], optimizer, more, half, (first + 2,), start)
            yield World({"source": "digits"}, cnns[half], optimizer, 25, half, (first,))
            if half == "held out":  # data that no part of the tuning half has
                yield World({"source": "wine"}, mlps[half], optimizer, 150, half, (first, first + 1))


def arms(world: World) -> dict[str, dict[str, Any]]:
    """Return the arms of a world by ``truth-strength``; ``plain`` comes beside them."""
    factor = 1.0 if world.half == "tuning" else HELD_OUT
    found: dict[str, dict[str, Any]] = {}
    for name in STRENGTHS if world.start == "default" else STRENGTHS[1:3]:
        one, two = {"strength": factor * L1[name]}, {"strength": factor * L2[name]}
        found |= {f"l1-{name}": {"l1": one}, f"l2-{name}": {"l2": two}, f"both-{name}": {"l1": one, "l2": two}}
    if world.start != "default":
        return found | {"neither-barely": {"epochs": 1}, "neither-short": {"epochs": max(1, world.epochs // 4)}}
    if world.model["kind"] == "mlp":
        for name, strength in DECAY[world.optimizer["kind"]].items():
            found[f"l2-{name}-decay"] = {"weight_decay": {"strength": factor * strength}}
        found["neither-barely"] = {"epochs": 1}
        found["neither-short"] = {"epochs": max(1, world.epochs // 4)}
        found["neither-dropout"] = {"dropout": {"rate": 0.3}}
    found["neither-half"] = {"epochs": max(1, world.epochs // 2)}
    return found


def trained(world: World) -> Iterator[tuple[str, int, Arrays]]:
    """Yield arm, seed and weights of a world's networks, trained in lockstep."""
    values = {
        "data": dict(world.data),
        "model": dict(world.model),
        "optimizer": dict(world.optimizer),
        "init": world.start,
        "batch_size": 32,
        "epochs": world.epochs,
        "restore": "last",
        "study": {"seeds": list(world.seeds), "arms": arms(world)},
    }
    spec = parse_study(values)
    prepared = prepare(spec, design(spec))
    for members in populations(list(prepared.members), sizes=prepared.sizes):
        for event in fit(members, prepared.replicates_of(members[0])):
            if isinstance(event, MemberFinished):
                if event.record.status == "diverged":
                    print(f"diverged: {world.name} {event.record.arm}", file=sys.stderr)
                    continue
                arm = "neither-plain" if event.record.arm == "plain" else event.record.arm
                yield arm, event.record.seed, {name: w.numpy() for name, w in event.weights.items()}


def made(world: World, keep: Path | None) -> list[tuple[str, int, Arrays]]:
    """Return a world's networks, trained now or read from ``keep``."""
    folder = None if keep is None else keep / f"{world.half}, {world.name}"
    if folder is not None and (folder / "done").exists():
        names = [(file, file.stem.rpartition("-")) for file in sorted(folder.glob("*.safetensors"))]
        return [(arm, int(seed), load_file(file)) for file, (arm, _, seed) in names]
    began = time.perf_counter()
    found = list(trained(world))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for arm, seed, weights in found:
            save_file(weights, folder / f"{arm}-{seed}.safetensors")
        (folder / "done").touch()
    print(f"{world.half}: {world.name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def networks(keep: Path | None, workers: int) -> Iterator[tuple[World, str, int, Arrays]]:
    """Yield all networks; worlds are trained by so many processes."""
    every = list(worlds())
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for world, found in zip(every, pool.map(partial(made, keep=keep), every), strict=True):
            yield from ((world, *one) for one in found)


def table(keep: Path | None, workers: int) -> pd.DataFrame:
    """Return a row for each network: its world, its truth, what the fingerprint says, and the signs behind it."""
    rows = []
    for world, arm, seed, weights in networks(keep, workers):
        truth, strength = arm.split("-", 1)
        layers = layers_of(weights)
        said = judge(layers, {})
        traces = [found for layer in layers if (found := layer_traces(layer))]
        about = {"half": world.half, "world": world.name, "data": world.data["source"], "arm": arm, "seed": seed}
        about |= {"truth": truth, "strength": strength}
        signs = signs_of(traces, spread_of_units(layers)) if traces else {}
        rows.append({**about, **signs, "guess": said["guess"], "verdict": said["verdict"], "p": said["confidence"]})
    return pd.DataFrame(rows)


def fitted(tuning: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the three questions' coefficients: logistic regressions on the tuning half."""
    single = tuning.truth.isin(["l1", "both"])
    asked = {
        "SINGLE": (tuning, single, SINGLE),
        "SHRUNK": (tuning[~single], tuning.truth[~single] == "l2", SHRUNK),
        "HELD": (tuning[single], tuning.truth[single] == "both", HELD),
    }
    found = {}
    for name, (rows, answer, question) in asked.items():
        signs = [sign for sign in question if sign]
        model = LogisticRegression(C=3, max_iter=10_000).fit(rows[signs], answer)
        found[name] = {"": model.intercept_[0], **dict(zip(signs, model.coef_[0], strict=True))}
    return found


def score(title: str, rows: pd.DataFrame) -> None:
    """Print confusion, accuracy by strength and by world, and how far the confidence holds."""
    right = rows.guess == rows.truth
    said = rows.verdict != "unclear"
    print(
        f"\n{title}: {len(rows)} networks; the likeliest is right in {right.mean():.1%}; says something of "
        f"{said.mean():.1%}, of these right {right[said].mean():.1%}"
    )
    print("\nTruth against verdict")
    print(pd.crosstab(rows.truth, rows.verdict).reindex(columns=[*KINDS, "unclear"], fill_value=0).to_string())
    by = rows.assign(right=right, said=said, sure_right=right & said)
    print("\nBy strength")
    print(by.groupby(["truth", "strength"])[["right", "said", "sure_right"]].mean().round(2).to_string())
    print("\nBy world")
    print(by.groupby("world")[["right", "said", "sure_right"]].mean().round(2).to_string())
    print("\nConfidence")
    bins = pd.cut(by.p, [0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1])
    print(
        by.groupby(bins, observed=True)
        .agg(networks=("p", "size"), said=("p", "mean"), right=("right", "mean"))
        .round(2)
        .to_string()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--keep", type=Path, help="a folder for the networks, read again from there")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that train")
    parser.add_argument("--fit", action="store_true", help="print the coefficients that the tuning half gives")
    options = parser.parse_args()
    began = time.perf_counter()
    rows = table(options.keep, options.workers)
    tuning, held_out = rows[rows.half == "tuning"], rows[rows.half == "held out"]
    if options.fit:
        for name, question in fitted(tuning).items():
            print(name, {sign: round(float(weight), 2) for sign, weight in question.items()})
    score("Tuning half", tuning)
    score("Held-out half", held_out)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
