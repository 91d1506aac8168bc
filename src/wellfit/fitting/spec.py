"""From what a user gives (data, a recipe file, plain values) to the study that a fit begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wellfit.errors import RecipeError
from wellfit.recipe import StudySpec
from wellfit.recipe_file import parse_study, read_file, study_name

RECIPES = (".yaml", ".yml")
SEEDS = 5
METRIC = "val_loss"


def fit_spec(
    source: str | Mapping[str, Any],
    *,
    target: str | None = None,
    seeds: int = SEEDS,
    metric: str = METRIC,
    overrides: Sequence[str] = (),
) -> StudySpec:
    """Return a study of one arm.

    Parameters
    ----------
    source
        Data (a name or a path), the path of a recipe file, or the plain values of a recipe.
    target
        The column to predict (tables).
    seeds, metric
        How many seeds, counted from 0, and what is chosen by.
    overrides
        Dotted, ``"model.hidden=[256,256]"``.

    Raises
    ------
    RecipeError
        A recipe or an override with a part ``study``, or one that breaks a rule.

    """
    for text in overrides:
        if text.partition("=")[0].strip().partition(".")[0] == "study":
            raise RecipeError(f"--set {text}", "fit chooses the arms", "--seeds or --metric")
    values, name = _values(source)
    if target is not None:
        # as YAML a target named 1 or yes would not stay a text
        data = values.get("data")
        values["data"] = {**(data if isinstance(data, dict) else {"source": data}), "target": target}
    study = {"seeds": seeds, "metric": metric}
    return parse_study({**values, "study": study}, overrides=overrides, name=f"{name[:96]}-fit")


def _values(source: str | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the plain values of the recipe, and a name."""
    if isinstance(source, Mapping):
        values, where, name = dict(source), "recipe", "study"
    elif source.lower().endswith(RECIPES):
        values, where, name = read_file(Path(source)), source, study_name(source)
    else:
        return {"data": {"source": source}}, study_name(source)
    if "study" in values:
        raise RecipeError(where, "has a part 'study'", "a recipe without it: fit chooses the arms")
    return values, name
