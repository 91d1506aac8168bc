"""wellfit from Python: the same studies as the command line's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study, read_study
from wellfit.report.study import report_study
from wellfit.study.find_lr import find_lr as _find_lr
from wellfit.study.run import Listener
from wellfit.study.run import run_study as _run_study
from wellfit.study.trained import TrainedModel, find_card
from wellfit.study.trained import load_model as _load_model
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
