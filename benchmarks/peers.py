"""wellfit against others, side by side in one run: prints the table of goals, medians and every raw value.

    python -m venv peers && peers/bin/pip install -r benchmarks/peers.txt
    python benchmarks/peers.py [--rounds 3] [--only mlp cnn ...] [--peers peers/bin/python]
                               [--json FILE] [--markdown FILE] [--from FILE ...] [--steps N]

Works: mlp, augmented, wide, cnn, lstm, resnet, racing, linear, start; the table of candidates is
``peer_work/candidates.py``, with a file a peer beside it. Every candidate is a process of its own with a clean
environment; rounds are interleaved, in rotating order. Of the forms of a candidate (threads, compiled or not, ...) the
fastest counts; one that is clearly slower in the first round is not repeated. ``--steps`` takes only so many batches an
epoch: for trying it out, not for figures. ``--from`` reads earlier ``--json`` files and only prints. Without the peers'
environment their rows say so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, only this folder is on it

from benchmarks.peer_work.candidates import CIFAR, EPOCH, WORKS, Candidate, candidates
from benchmarks.peer_work.goals import goals
from benchmarks.peer_work.order import BATCH, Order, write_order
from benchmarks.peer_work.results import Measurement, Results
from benchmarks.peer_work.tables import markdown, plain_table

ROOT = Path(__file__).resolve().parents[1]
SHORT = {work.replace("mlp augmented", "augmented"): work for work in WORKS}
LIMIT = 900.0
"""Seconds after which a candidate is given up."""
LOOK = 0.5
"""Seconds for which the machine is looked at before each candidate."""
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "WELLFIT_DATA", "SSL_CERT_FILE")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


class Runner:
    """Starts candidates, one at a time."""

    def __init__(self, own: str, peers: str | None, folder: Path) -> None:
        self.own, self.peers, self.folder = own, peers, folder
        found = importlib.util.find_spec("wellfit")
        self.source = Path(found.origin).parents[1] if found and found.origin else ROOT / "src"

    def export(self, works: Collection[str]) -> None:
        """Write the data that the works need."""
        names = [f"fashion={EPOCH}", *([f"cifar={CIFAR}"] if "resnet" in works else [])]
        command = [self.own, "-m", "benchmarks.peer_work.wellfit_export", str(self.folder), *names]
        subprocess.run(command, env=self.environment(), cwd=ROOT, check=True)

    def environment(self, candidate: Candidate | None = None) -> dict[str, str]:
        """Return the environment of a candidate; wellfit chooses its threads itself."""
        given = {name: value for name, value in os.environ.items() if name in KEPT}
        given |= {"KERAS_HOME": str(self.folder / "keras"), "WELLFIT_CACHE": str(self.folder / "cache")}
        given["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(self.source)])
        if candidate is None:
            return given
        if candidate.of_peers:
            given["PYTHONPATH"] = str(ROOT)
        if not candidate.module.startswith("wellfit"):
            given |= dict.fromkeys(THREADS, str(candidate.threads))
        return given | dict(candidate.environment)

    def measure(self, candidate: Candidate, number: int) -> Measurement:
        """Run a candidate once."""
        busy, load = busy_cores(LOOK), os.getloadavg()[0]
        python = self.peers if candidate.of_peers else self.own
        if python is None:
            return Measurement(candidate.key, number, busy, load, {}, "not measured: no environment of the peers")
        order = Order(
            candidate.net, str(self.folder), time.time(), candidate.samples, candidate.threads, candidate.options
        )
        command = [python, "-m", f"benchmarks.peer_work.{candidate.module}", write_order(order)]
        try:
            done = subprocess.run(
                command, env=self.environment(candidate), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT
            )
        except subprocess.TimeoutExpired:
            return Measurement(candidate.key, number, busy, load, {}, f"more than {LIMIT:.0f} s")
        answer, failed = read_answer(done)
        return Measurement(candidate.key, number, busy, load, answer, failed)


def read_answer(done: subprocess.CompletedProcess[str]) -> tuple[dict[str, Any], str]:
    """Return the answer, or in one line why there is none."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and lines:
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer, ""
    said = (done.stderr.strip() or done.stdout.strip() or "no answer").splitlines()[-1]
    return {}, f"failed with {done.returncode}: {said[:160]}"


def busy_cores(seconds: float) -> float | None:
    """Return how many cores the machine keeps busy now, by looking for so long; ``None`` where it does not say."""
    try:
        before = _ticks()
        time.sleep(seconds)
        after = _ticks()
    except OSError:
        return None
    idle, total = after[0] - before[0], after[1] - before[1]
    return (1 - idle / total) * (os.cpu_count() or 1) if total else None


def _ticks() -> tuple[int, int]:
    """Return the ticks that all cores were idle, and all ticks."""
    fields = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def shortened(every: Sequence[Candidate], steps: int | None) -> list[Candidate]:
    """Return the candidates with no more than so many batches an epoch."""
    most = None if steps is None else steps * BATCH
    return [c if most is None else replace(c, samples=min(c.samples, most)) for c in every]


def run(chosen: Sequence[Candidate], runner: Runner, rounds: int, path: Path | None) -> list[Measurement]:
    """Measure all rounds; what was measured so far is written each time."""
    found: list[Measurement] = []
    left: set[str] = set()
    for number in range(rounds):
        shift = number * len(chosen) // rounds
        for candidate in [*chosen[shift:], *chosen[:shift]]:
            if candidate.key in left:
                continue
            one = runner.measure(candidate, number)
            found.append(one)
            said = f"{one.answer['seconds']:.3f} s" if one.is_value else one.why_not
            print(f"round {number + 1}/{rounds}  {candidate.key}: {said}", file=sys.stderr, flush=True)
            if path is not None:
                path.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
        if number == 0:  # what failed, or has no environment, is not tried again either
            left = Results(chosen, found).slow_forms() | {one.key for one in found if not one.is_value}
    return found


def machine() -> str:
    """Return the machine in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores ({name}), Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SHORT, default=list(SHORT))
    parser.add_argument("--who", help="a regular expression: only candidates whose name it finds")
    parser.add_argument("--peers", type=Path, help="the Python of their environment; default: peers/bin/python")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--from", type=Path, nargs="+", dest="earlier", default=[])
    options = parser.parse_args()
    for path in (*([options.peers] if options.peers else []), *options.earlier):
        if not path.is_file():
            parser.error(f"{path}: no such file")
    works = {SHORT[name] for name in options.only}
    chosen = shortened(
        [c for c in candidates() if c.work in works and re.search(options.who or "", c.key)], options.steps
    )
    if options.earlier:
        known = {candidate.key for candidate in chosen}
        stored = [Measurement(**one) for path in options.earlier for one in json.loads(path.read_text())]
        found = [one for one in stored if one.key in known]
    else:
        python: Path = options.peers or ROOT / "peers" / "bin" / "python"
        peers = str(python.absolute()) if python.exists() else None  # not resolved: the link is the environment
        with tempfile.TemporaryDirectory() as folder:
            runner = Runner(sys.executable, peers, Path(folder))
            runner.export(works)
            found = run(chosen, runner, options.rounds, options.json)
    results = Results(chosen, found)
    print(machine())
    print(plain_table(goals(results)))
    if options.markdown is not None:
        only = "" if works == set(WORKS) else f" --only {' '.join(options.only)}"
        command = f"python benchmarks/peers.py --rounds {1 + max((one.round for one in found), default=0)}{only}"
        options.markdown.write_text(markdown(results, command=command, machine=machine()))


if __name__ == "__main__":
    main()
