"""Fit the numbers of ``wellfit.diagnosis.calibration`` on both halves, and print them as they stand there.

    python benchmarks/calibrate.py

Logistic regression with normal priors: what few runs show is drawn towards what all show. Each run is judged with the
losses alone, with chance, with the number of validation samples, and with a weak and a strong reference.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only this folder is on it

from benchmarks.diagnosis import STORED, diagnosed, load
from wellfit.diagnosis.calibration import Known

PRIOR = 1.0
"""Standard deviation of a cell's log odds around the common ones."""
SLOPE_PRIOR = 5.0
"""Standard deviation of the slope around 0: it moves a robustness of 0.8 by about one."""


KNOWN = get_args(Known)
SETTINGS = (
    ("losses", "losses"), ("chance", "chance"), ("samples", "chance"), ("arms", "reference"), ("all", "reference")
)  # fmt: skip
"""How runs are judged, and what that knows: a reference may be weak or strong, and nobody tells."""


def fit(cells: Sequence[tuple[str, ...]], robustness: Sequence[float], right: Sequence[bool]) -> dict[str, float]:
    """Return the log odds of each cell and the slope: a row's log odds are the sum over its cells + slope (r - 1)."""
    names = sorted({name for row in cells for name in row})
    design = np.zeros((len(cells), len(names) + 2))
    for i, row in enumerate(cells):
        design[i, [names.index(name) for name in row]] = 1
    design[:, -2], design[:, -1] = 1, np.asarray(robustness) - 1
    y = np.asarray(right, dtype=float)

    precision = np.array([PRIOR**-2] * len(names) + [0.0, SLOPE_PRIOR**-2])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = design @ w
        value = float(np.logaddexp(0, z).sum() - y @ z + w @ (precision * w) / 2)
        return value, design.T @ (expit(z) - y) + precision * w

    bounds = [(None, None)] * (len(names) + 1) + [(0.0, None)]  # a more robust one is never less often right
    found = minimize(loss, np.zeros(design.shape[1]), jac=True, bounds=bounds).x
    return {**dict(zip(names, found[:-2], strict=True)), "": float(found[-2]), "slope": float(found[-1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--curves", type=Path, default=STORED, help="another labelled set")
    runs = load(parser.parse_args().curves)
    verdicts: list[tuple[tuple[str, ...], float, bool]] = []
    findings: list[tuple[tuple[str, ...], float, bool]] = []
    for knowledge, known in SETTINGS:
        for run in runs:
            found = diagnosed(run, knowledge=knowledge)
            if found.verdict != "unclear":
                cells = (found.verdict, known, f"{known}, {found.verdict}")
                verdicts.append((cells, found.robustness, found.verdict == run["verdict"]))
            for each in found.findings:
                if each.name in run["findings"]:
                    findings.append(((each.name, known), each.robustness, run["findings"][each.name]))
    print_verdicts(verdicts)
    print_findings(findings)


Rows = Sequence[tuple[tuple[str, ...], float, bool]]


def print_verdicts(rows: Rows) -> None:
    found = fit(*zip(*rows, strict=True))
    print("VERDICT = {")
    for known, verdict in itertools.product(KNOWN, sorted({cells[0] for cells, _, _ in rows})):
        odds = sum(found.get(cell, 0.0) for cell in ("", known, verdict, f"{known}, {verdict}"))
        print(f'    ("{known}", "{verdict}"): {odds:.2f},  # {counted(rows, known, verdict)}')
    print(f"}}\nSLOPE = {found['slope']:.2f}")


def print_findings(rows: Rows) -> None:
    found = fit(*zip(*rows, strict=True))
    print("FINDING = {")
    for name in sorted({cells[0] for cells, _, _ in rows}):
        print(f'    "{name}": {found[""] + found[name]:.2f},  # {counted(rows, name)}')
    print(f"}}\nOTHER_FINDING = {found['']:.2f}\nFINDING_KNOWN = {{")
    for known in KNOWN:
        print(f'    "{known}": {found[known]:.2f},  # {counted(rows, known)}')
    print(f"}}\nFINDING_SLOPE = {found['slope']:.2f}")


def counted(rows: Rows, *cells: str) -> str:
    """Return how often what belongs to all of the cells was right."""
    right = [each for names, _, each in rows if set(cells) <= set(names)]
    return f"{sum(right)} of {len(right)}"


if __name__ == "__main__":
    main()
