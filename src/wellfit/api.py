"""wellfit from Python: the same studies as the command line's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wellfit.fitting import fit_spec, parse_budget
from wellfit.fitting import run_fit as _run_fit
from wellfit.fitting.events import FitEvent
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study, read_study
from wellfit.report.study import report_study
from wellfit.study.find_lr import find_lr as _find_lr
from wellfit.study.run import run_study as _run_study
from wellfit.study.trained import TrainedModel, find_card
from wellfit.study.trained import load_model as _load_model
from wellfit.study.training import Listener
from wellfit.train.range_test import RangeTest


def run_study(
    spec: StudySpec | Mapping[str, Any] | str | Path,
    *,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    fresh: bool = False,
    certificates: int = 0,
    store_url: str | None = None,
    listen: Listener = lambda event: None,
) -> dict[str, Any]:
    """Run a study, or what is left of it, write its report, and return its result (the content of ``result.json``).

    Parameters
    ----------
    spec
        A StudySpec, the plain values of a recipe, or the path of a recipe file. Without ``study`` it is one arm, one
        seed.
    out
        The study's folder; ``None``: ``runs/<name>``.
    overrides
        Dotted, ``"model.hidden=[256,256]"``; not with a StudySpec.
    fresh, certificates, store_url, listen
        See ``wellfit.study.run.run_study``.

    Raises
    ------
    WellfitError
        See ``wellfit.errors``.

    """
    whole = _whole(spec, overrides)
    folder = Path(out) if out is not None else Path("runs") / whole.name
    result = _run_study(whole, folder, store_url=store_url, fresh=fresh, certificates=certificates, listen=listen)
    report_study(folder, store_url=store_url)
    return result


def fit(
    spec: StudySpec | Mapping[str, Any] | str | Path,
    *,
    budget: str | float = "10m",
    seeds: int = 5,
    metric: str = "val_loss",
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    fresh: bool = False,
    listen: Callable[[FitEvent], None] = lambda event: None,
) -> dict[str, Any]:
    """Train a baseline, find out what is wrong, try what may help, keep what does; write model and report.

    Parameters
    ----------
    spec
        Data (a name or a path), the path of a recipe file, the plain values of a recipe, or a StudySpec of one arm,
        which has its own seeds and metric.
    budget
        Wall time over all sessions: seconds, or a text such as ``"90s"``, ``"10m"``, ``"1h30m"``.
    seeds, metric
        How many pairs a comparison has, and what is chosen by.
    out
        The folder; ``None``: ``runs/<name>``.
    overrides
        Dotted, ``"model.hidden=[256,256]"``; not with a StudySpec.
    fresh, listen
        See ``wellfit.fitting.run.run_fit``.

    Returns
    -------
    dict
        The content of ``result.json``: a study's, with the block ``fit``.

    Raises
    ------
    WellfitError
        See ``wellfit.errors``.

    """
    given = str(spec) if isinstance(spec, Path) else spec
    whole = given if isinstance(given, StudySpec) else fit_spec(given, seeds=seeds, metric=metric, overrides=overrides)
    folder = Path(out) if out is not None else Path("runs") / whole.name
    seconds = parse_budget(budget, where="budget") if isinstance(budget, str) else float(budget)
    result = _run_fit(whole, folder, budget=seconds, fresh=fresh, listen=listen)
    report_study(folder)
    return result


def find_lr(
    spec: StudySpec | Mapping[str, Any] | str | Path,
    *,
    overrides: Sequence[str] = (),
    lowest: float = 1e-5,
    highest: float = 10.0,
    points: int = 25,
    steps: int = 300,
    listen: Listener = lambda event: None,
) -> RangeTest:
    """Train a recipe briefly with learning rates on a logarithmic grid, from one start, and suggest one.

    Parameters
    ----------
    spec, overrides
        As for ``run_study``; of a study its first arm with its first seed.
    lowest, highest, points
        The grid.
    steps
        Of training with each learning rate, about.
    listen
        Called with each event of the training.

    Returns
    -------
    RangeTest
        ``suggestion``, ``usable`` (lowest and highest), ``best``, and all ``trials``; ``to_dict()`` for JSON.

    Raises
    ------
    WellfitError
        See ``wellfit.errors``.

    """
    return _find_lr(_whole(spec, overrides), lowest=lowest, highest=highest, points=points, steps=steps, listen=listen)


def _whole(spec: StudySpec | Mapping[str, Any] | str | Path, overrides: Sequence[str]) -> StudySpec:
    if isinstance(spec, StudySpec):
        return spec
    if isinstance(spec, Mapping):
        return parse_study(spec, overrides=overrides)
    return read_study(Path(spec), overrides=overrides)


def load_model(path: str | Path) -> TrainedModel:
    """Return a saved model: of a study's folder (its best), an arm's folder with one seed, or a model file."""
    return _load_model(find_card(Path(path)))
