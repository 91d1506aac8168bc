"""Race real studies of 16 arms x 5 seeds, and compare with the same studies in full.

    python benchmarks/racing_study.py                      # replays the stored curves, and simulates
    WELLFIT_DATA=/data python benchmarks/racing_study.py --rebuild   # trains all studies in full again (about an hour)
    WELLFIT_DATA=/data python benchmarks/racing_study.py --live lr   # one study in full and raced, by the clock

*Studies* (``STUDIES``): small MLPs of 64-64 units, constant rates, 64 epochs, 20 seeds in full; from arms that hardly
differ to learning rates over three decades. Each is four studies of 5 seeds that share no seed, and 200 more of 5 seeds
drawn from the 20, which overlap. The rate is constant, so the first 32 or 16 epochs are the study of that length.

*Same winner set*: ``stats.epoch_race.winners`` of the full study and of what the raced one hands over. *Best lost*: the
arm with the best mean over the study's own 5 seeds left; "of 20": the one with the best mean over all 20 did. *Floor*:
the epochs of the winner set and the control alone, which must run to their end.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only this folder is on it

import numpy as np

from benchmarks import diagnosis
from benchmarks.racing import interval
from wellfit.stats.epoch_race import hoped, looks_over, race_over, winners

STORED = Path(__file__).parent / "racing_curves.json.gz"
EPOCHS, SEEDS, OF = 64, 5, 20
DRAWS = 200
FASHION = {"source": "fashion-mnist", "limit": 2500, "split": {"validation": 0.2}}
SGD_RATES = [0.0003, 0.0006, 0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3]
ADAM_RATES = [1e-5, 2e-5, 4e-5, 7e-5, 1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3, 4e-3, 7e-3, 1.5e-2]
DROPOUT = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9]
STUDIES: dict[str, dict[str, Any]] = {
    "lr": {
        "data": "digits",
        "optimizer": {"kind": "sgd", "lr": 0.5},
        "study": {"arms": {f"lr{lr:g}": {"optimizer": {"lr": lr}} for lr in SGD_RATES}},
    },
    "lr-adam": {
        "data": FASHION,
        "optimizer": {"kind": "adam", "lr": 0.03},
        "study": {"arms": {f"lr{lr:g}": {"optimizer": {"lr": lr}} for lr in ADAM_RATES}},
    },
    "factors-cancer": {
        "data": "breast-cancer",
        "optimizer": {"kind": "momentum", "lr": 0.02},
        "study": {
            "factors": {
                "dropout": {"rate": 0.3},
                "l2": {"strength": 1e-2},
                "noise": {"gaussian_noise": {"std": 0.3}},
                "smooth": {"label_smoothing": {"strength": 0.1}},
            }
        },
    },
    "factors-digits": {
        "data": "digits",
        "optimizer": {"kind": "momentum", "lr": 0.02},
        "study": {
            "factors": {
                "dropout": {"rate": 0.4},
                "l2": {"strength": 1e-3},
                "noise": {"gaussian_noise": {"std": 0.5}},
                "move": {"translation": {"fraction": 0.1}},
            }
        },
    },
    "factors-fashion": {
        "data": FASHION,
        "optimizer": {"kind": "momentum", "lr": 0.05},
        "study": {
            "factors": {
                "dropout": {"rate": 0.3},
                "l2": {"strength": 1e-3},
                "noise": {"gaussian_noise": {"std": 0.5}},
                "move": {"translation": {"fraction": 0.05}},
            }
        },
    },
    "dropout": {
        "data": "diabetes",
        "optimizer": {"kind": "momentum", "lr": 0.01},
        "study": {"arms": {f"d{rate:g}": {"dropout": {"rate": rate}} for rate in DROPOUT}},
    },
    "equal": {
        "data": "digits",
        "optimizer": {"kind": "momentum", "lr": 0.02},
        "study": {"arms": {f"n{at}": {"gaussian_noise": {"std": 0.01 + 0.001 * at}} for at in range(15)}},
    },
}
"""Name -> recipe: two sweeps of learning rates, three factorials, a sweep of dropout rates, and 16 arms as good as
equal (input noise of standard deviation 0.010 to 0.024)."""


class Outcome(NamedTuple):
    """What the race of one study came to."""

    epochs: float
    """Part of the full study's epochs."""
    floor: float
    same: bool
    winners: int
    lost: bool
    lost_of_all: bool


def values_of(name: str, *, seeds: int = SEEDS) -> dict[str, Any]:
    """Return the plain values of a study's recipe file."""
    recipe = {"model": {"kind": "mlp", "hidden": [64, 64]}, "batch_size": 64, "epochs": EPOCHS, **STUDIES[name]}
    return {**recipe, "study": {**STUDIES[name]["study"], "seeds": seeds}}


def train(name: str) -> dict[str, list[list[float]]]:
    """Return the validation losses of a study in full: arm -> seed -> epochs."""
    from wellfit.recipe_file import parse_study
    from wellfit.study.prepare import design, prepare
    from wellfit.train.events import MemberFinished
    from wellfit.train.fit import fit

    spec = parse_study(values_of(name, seeds=OF), name=name)
    prepared = prepare(spec, design(spec))
    curves: dict[str, list[list[float]]] = {arm.name: [[]] * OF for arm in prepared.arms}
    for start in range(0, OF, SEEDS):  # 80 at a time: wider stacks do not fit into the cache
        some = [member for member in prepared.members if start <= member.seed < start + SEEDS]
        for event in fit(some, prepared.replicates_of(some[0])):
            if isinstance(event, MemberFinished):
                record = event.record
                curves[record.arm] = list(curves[record.arm])
                curves[record.arm][record.seed] = [float(f"{loss:.5g}") for loss in record.series("val_loss")]
    return curves


def load() -> dict[str, np.ndarray]:
    """Return the stored studies: name -> losses ``(arms, seeds, epochs)``, NaN after a run that diverged."""
    with gzip.open(STORED, "rt") as file:
        stored = json.load(file)
    return {
        name: np.array([[(one + [np.nan] * EPOCHS)[:EPOCHS] for one in seeds] for seeds in arms.values()], dtype=float)
        for name, arms in stored.items()
    }


def race(curves: np.ndarray, best_of_all: int) -> Outcome:
    """Race one study; its first arm is the control."""
    arms, _, epochs = curves.shape
    left = race_over(curves, control=0)
    final = -np.nanmin(curves, axis=-1)
    handed = np.array([-np.nanmin(own[:, :last], axis=-1) for own, last in zip(curves, left, strict=True)])
    whole = set(np.flatnonzero(winners(final)).tolist())
    raced = set(np.flatnonzero(winners(handed) & (left == epochs)).tolist())
    gone, best = left < epochs, int(final.mean(axis=-1).argmax())
    lost = bool(gone[best]), bool(gone[best_of_all])
    return Outcome(float(left.mean() / epochs), len(whole | {0}) / arms, whole == raced, len(whole), *lost)


def print_replayed(studies: Mapping[str, np.ndarray]) -> None:
    """Print what racing does to the stored studies."""
    head = ("epochs", "study", "winner set (mean)", "floor", "epochs run, four studies", "same winner set, of 4")
    more = ("epochs run, 200 draws", "same winner set, %", "best lost", "best of 20 lost")
    print(f"\n| {' | '.join((*head, *more))} |\n|{'---|' * len(head + more)}")
    for epochs in (64, 32, 16):
        for name, curves in studies.items():
            cut = curves[..., :epochs]
            best = int(np.nanmin(cut, axis=-1).mean(axis=-1).argmin())
            four = [race(cut[:, at : at + SEEDS], best) for at in range(0, OF, SEEDS)]
            draw = np.random.default_rng(0)
            drawn = [race(cut[:, draw.choice(OF, SEEDS, replace=False)], best) for _ in range(DRAWS)]
            mean = np.array(drawn, dtype=float).mean(axis=0)
            run = ", ".join(f"{one.epochs:.2f}" for one in four)
            cells = [
                *(str(epochs), name, f"{mean[3]:.1f}", f"{mean[1]:.2f}", run, f"{sum(one.same for one in four)}"),
                *(f"{mean[0]:.2f}", f"{100 * mean[2]:.0f}"),
                *(f"{sum(one.lost for one in drawn)}", f"{sum(one.lost_of_all for one in drawn)}"),
            ]
            print(f"| {' | '.join(cells)} |", flush=True)


def print_bound() -> None:
    """Print how often a real training ends below what it was hoped to reach, on the labelled curves."""
    whole: dict[tuple[str, ...], list[float]] = {}
    for run in [*diagnosis.load(), *diagnosis.load(diagnosis.FINAL)]:
        family, network, arm, seed, _, validation = run["id"].split("/")
        losses = [np.nan if value is None else value for value in run["curves"]["val_loss"]]
        key = (family, network, arm, seed, validation, run["half"])
        whole[key] = max(whole.get(key, []), losses, key=len)
    print("\n| look at | trainings | end below what was hoped | by more than 5 % of what is left |\n|---|---|---|---|")
    for part in (16, 8, 4, 2):
        below, far, count = 0, 0, 0
        for losses in whole.values():
            epochs, seen = len(losses), len(losses) // part
            best = np.fmin.accumulate(np.array(losses))
            if seen < 4 or not np.isfinite(best[-1]):
                continue
            hope = float(hoped(best[None, :seen], np.array([epochs]))[0])
            count += 1
            below += best[-1] < hope * (1 - 1e-9)
            far += best[-1] < 0.95 * hope
        print(f"| E/{part} | {count} | {interval(below, count)} % | {interval(far, count)} % |")


def power_law(draw: np.random.Generator, *, arms: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Return losses of arms with floors, heights and speeds of their own, and their expected ends."""
    e = np.arange(1, EPOCHS + 1)
    floors, heights = 0.3 + spread * draw.random(arms), np.exp(draw.normal(0, 0.5, arms))
    powers = draw.uniform(0.4, 1.5, arms)
    return _noisy(draw, floors[:, None] + heights[:, None] * e ** -powers[:, None])


def late(draw: np.random.Generator, *, arms: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """The same for arms that stand still at first, each for as long as it likes: what the bound does not hold for."""
    e = np.arange(1, EPOCHS + 1)
    floors, begin = 0.3 + spread * draw.random(arms), np.exp(draw.uniform(np.log(0.5), np.log(EPOCHS / 4), arms))
    return _noisy(draw, floors[:, None] + 2.0 / (1 + (e / begin[:, None]) ** 2))


def _noisy(draw: np.random.Generator, clean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shift = 0.05 * draw.standard_normal((1, SEEDS, 1)) + 0.02 * draw.standard_normal((len(clean), SEEDS, 1))
    noise = 0.01 * draw.standard_normal((len(clean), SEEDS, EPOCHS))
    return np.maximum(clean[:, None] + shift + noise, 1e-3), clean[:, -1]


def print_simulated(races: int) -> None:
    """Print how often the truly best arm is lost, and what is saved, where it is known."""
    kinds: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {"power laws": power_law, "late starters": late}
    print(f"\n{races:,} races, 5 seeds; a run's noise has standard deviation 0.02\n")
    print("| curves | arms | floors differ by up to | best lost, % | epochs run |\n|---|---|---|---|---|")
    for kind, curves in kinds.items():
        for arms in (4, 16):
            for spread in (0.0, 0.02, 0.1, 0.5, 2.0):
                draw = np.random.default_rng([arms, int(100 * spread)])
                lost, run = 0, []
                for _ in range(races):
                    values, ends = curves(draw, arms=arms, spread=spread)
                    left = race_over(values)
                    lost += int(left[ends.argmin()] < EPOCHS)
                    run.append(left.mean() / EPOCHS)
                print(f"| {kind} | {arms} | {spread:g} | {interval(lost, races)} | {np.mean(run):.2f} |", flush=True)


class Run(NamedTuple):
    """A study that was run, and what it cost."""

    result: dict[str, Any]
    epochs: int
    seconds: float
    """In training."""
    processor: float
    """Seconds of the processor in all."""


class Live(NamedTuple):
    """The same study in full and raced."""

    full: Run
    raced: Run

    @property
    def part(self) -> float:
        """Of the epochs in full."""
        return self.raced.epochs / self.full.epochs

    @property
    def winners(self) -> list[str]:
        """The winner set in full."""
        arms = self.full.result["arms"]
        whole = winners(-np.array([arm["val_loss"]["values"] for arm in arms]))
        return [arm["name"] for arm, wins in zip(arms, whole, strict=True) if wins]

    @property
    def same_winners(self) -> bool:
        """Whether racing found the same set."""
        return set(self.winners) == set(self.raced.result["racing"]["winners"])


def live(name: str) -> Live:
    """Run one study in full and raced, one after the other."""
    from wellfit.recipe_file import parse_study
    from wellfit.study.run import run_study

    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        for racing in (False, True):
            values = values_of(name)
            spec = parse_study({**values, "study": {**values["study"], "racing": racing}}, name=name)
            began = time.process_time()
            result = run_study(spec, Path(folder) / str(racing))
            epochs = sum(sum(arm["epochs_run"]) for arm in result["arms"])
            seconds = sum(arm["seconds"] for arm in result["arms"])
            runs.append(Run(result, epochs, seconds, time.process_time() - began))
    return Live(*runs)


def print_live(name: str) -> None:
    """Run one study in full and raced, and print what both took and found."""
    found = live(name)
    full, raced = found
    print(f"\n| {name} | epochs | seconds in training | seconds of processor in all |\n|---|---|---|---|")
    for words, run in (("in full", full), ("raced", raced)):
        print(f"| {words} | {run.epochs:,} | {run.seconds:.1f} | {run.processor:.1f} |")
    parts = found.part, raced.seconds / full.seconds, raced.processor / full.processor
    print(f"| part | {parts[0]:.2f} | {parts[1]:.2f} | {parts[2]:.2f} |\n")
    print(f"winner set in full: {', '.join(found.winners)}; best: {full.result['best']['arm']}")
    race = raced.result["racing"]
    print(f"winner set raced: {', '.join(race['winners'])}; best: {raced.result['best']['arm']}")
    for one in race["left"]:
        print(f"  {one['arm']} left after epoch {one['epoch']}, behind {one['by']} by {one['difference']:.4f}")


def main() -> None:
    """Train anew, run live, or replay and simulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rebuild", action="store_true", help="train all studies in full, and store their curves")
    parser.add_argument("--live", metavar="STUDY", choices=STUDIES, help="run one study in full and raced")
    parser.add_argument("--races", type=int, default=2000, help="simulated races of each row")
    options = parser.parse_args()
    if options.live:
        print_live(options.live)
        return
    if options.rebuild:
        stored = {name: train(name) for name in STUDIES}
        with gzip.open(STORED, "wt") as file:
            json.dump(stored, file)
    print(f"looks after epochs {', '.join(str(look) for look in looks_over(EPOCHS))} of {EPOCHS}")
    print_replayed(load())
    print_bound()
    print_simulated(options.races)


if __name__ == "__main__":
    main()
