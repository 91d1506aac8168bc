"""Bias and variance over an axis of complexity, by bootstrap: k of k-NN, width, depth, strength of L2."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wellfit.errors import DataError, InputError
from wellfit.examine.complexity import SIMPLER_UP, Axis, axis_values, check_axis, default_network, network_at
from wellfit.examine.decompose import FEWEST
from wellfit.examine.repeated import Predictions, neighbors, networks
from wellfit.examine.resample import Drawn, Vary, check_vary, draw
from wellfit.examine.terms import taken_apart
from wellfit.models.build import describe
from wellfit.recipe import ModelSpec, Recipe, StudySpec
from wellfit.recipe_file import parse_study, read_file
from wellfit.regularize.stages import Stopping
from wellfit.study.prepare import Prepared, design, prepare
from wellfit.train.events import Event
from wellfit.train.member import Member

BOOTSTRAPS = 30
MOST_BOOTSTRAPS = 1000
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 2000, 30, 400
"""Of a training, unless the recipe says how many epochs: about so many steps."""
SPLIT = {"validation": 0.25}
"""Where the recipe does not say how to split: the more samples are predicted, the narrower the intervals."""
Values = Mapping[str, Any]


def bias_variance(
    data: Values | str | Path,
    *,
    over: str,
    values: Sequence[float] | None = None,
    bootstraps: int = BOOTSTRAPS,
    seed: int = 0,
    vary: str = "data",
    target: str | None = None,
    overrides: Sequence[str] = (),
    listen: Callable[[Event], None] = lambda event: None,
    loaded: Callable[[Prepared], None] = lambda prepared: None,
) -> dict[str, Any]:
    """Train on bootstrap resamples of the train split at each value, and take the loss on fixed samples apart.

    The samples are those of the validation split; the sealed test set is never read. Networks train all their epochs
    and hand over their last weights: nothing is chosen by samples that the loss is measured on. Regressions have the
    squared loss, in units of the variance of the train targets; classifications the Brier score of the probabilities
    and the 0-1 loss, by Kohavi & Wolpert 1996 and by Domingos 2000.

    What this train set has by chance counts as bias: its resamples share it.

    Parameters
    ----------
    data
        A name, a path, a recipe file, or a recipe's plain values. What it leaves open: an ``mlp``, Adam for about 2,000
        steps, at most 2,000 train samples and 2,000 to predict (``data.limit`` sets another number).
    over, values
        ``k``, ``width``, ``depth`` or ``lambda``, and its values; ``None``: a list that suits the data.
    bootstraps, seed
        Resamples, at least 3; the seed draws them, split, start and order.
    vary
        ``data``: all networks start alike, so that variance comes from the data alone. ``init``: one train set, many
        starts. ``data,init``: both.
    target, overrides
        The column to predict; dotted, ``"model.hidden=[256,256]"``.
    listen, loaded
        Called with each event of the training, and once before it with the data loaded.

    Returns ``values``: for each its terms with intervals, and ``turn``: where the lowest total lies; plain values.

    Raises
    ------
    InputError
        Bad input; whatever would stop a training.

    """
    began = time.perf_counter()
    axis, what = _checked(over, vary, bootstraps)
    plain = _plain(data, target)
    spec, given_network = _spec(plain, axis, seed, overrides)
    prepared = prepare(spec, design(spec)[:1])
    drawn = _drawn(prepared, bootstraps, what)
    chosen = axis_values(axis, values, samples=len(drawn.resamples[0]), given_network=given_network)
    loaded(prepared)
    fixed = _says_epochs(plain, overrides)
    found, network = _repeated(prepared.members[0].recipe, axis, chosen, drawn, fixed=fixed, listen=listen)
    about = {"bootstraps": bootstraps, "vary": what, "seed": seed, "network": network, **_about(axis, drawn)}
    return {**about, **taken_apart(axis, found, drawn), "seconds": time.perf_counter() - began}


def _checked(over: str, vary: str, bootstraps: int) -> tuple[Axis, Vary]:
    axis, what = check_axis(over), check_vary(vary)
    if axis == "k" and what != "data":
        raise InputError("--vary", f"received '{vary}' for k", "data: neighbors have no start")
    if not FEWEST <= bootstraps <= MOST_BOOTSTRAPS:
        raise InputError("--bootstraps", f"received {bootstraps}", f"{FEWEST} to {MOST_BOOTSTRAPS}")
    return axis, what


def _drawn(prepared: Prepared, bootstraps: int, vary: Vary) -> Drawn:
    (member,) = prepared.members
    data = member.recipe.data
    replicate = prepared.replicates_of(member)[member.seed]
    if replicate.dataset.task == "segmentation":
        raise DataError(data.source, "is a segmentation", "a classification or regression")
    return draw(replicate, bootstraps=bootstraps, seed=member.seed, vary=vary, limited=data.limit is not None)


def _about(axis: Axis, drawn: Drawn) -> dict[str, Any]:
    dataset = drawn.replicate.dataset
    return {
        "data": dataset.name,
        "task": dataset.task,
        "over": axis,
        "simpler_up": axis in SIMPLER_UP,
        "train": len(drawn.resamples[0]),
        "evaluated": len(drawn.evaluation),
        "part": "validation",
    }


def _repeated(
    recipe: Recipe,
    axis: Axis,
    values: Sequence[float],
    drawn: Drawn,
    *,
    fixed: bool,
    listen: Callable[[Event], None],
) -> tuple[dict[float, Predictions], str]:
    """Return the predictions by value, and what was trained in words."""
    if axis == "k":
        return neighbors(drawn, [int(k) for k in values]), "k nearest neighbors"
    recipes = _recipes(recipe, axis, values, len(drawn.resamples[0]), fixed=fixed)
    first = recipes[values[0]]
    network = f"{_named(recipes)}, {first.epochs} epochs of {first.optimizer.kind}"
    return networks(drawn, recipes, over=axis, listen=listen), network


def _plain(data: Values | str | Path, target: str | None) -> dict[str, Any]:
    """Return the plain values of a recipe, its data as a mapping."""
    if isinstance(data, Mapping):
        plain = dict(data)
    elif str(data).lower().endswith((".yaml", ".yml")):
        plain = read_file(Path(data))
    else:
        plain = {"data": {"source": str(data)}}
    own = plain.get("data")
    own = dict(own) if isinstance(own, Mapping) else {"source": own}
    return {**plain, "data": {"split": SPLIT, **own, **({} if target is None else {"target": target})}}


def _says_epochs(plain: Values, overrides: Sequence[str]) -> bool:
    return "epochs" in plain or any(text.partition("=")[0].strip() == "epochs" for text in overrides)


def _spec(plain: Values, over: Axis, seed: int, overrides: Sequence[str]) -> tuple[StudySpec, bool]:
    """Return the recipe as a study of one seed, and whether its network was given."""
    if "study" in plain or any(text.partition("=")[0].strip().partition(".")[0] == "study" for text in overrides):
        raise InputError("study", "this is one recipe with one seed", "a recipe without 'study'")
    given = "model" in plain or any(text.partition("=")[0].strip().partition(".")[0] == "model" for text in overrides)
    open_ones: dict[str, Any] = {"optimizer": {"kind": "adam", "lr": 0.003}}
    if not given:
        open_ones["model"] = default_network(over)
    whole = {**open_ones, **plain, "restore": "last", "study": {"seeds": [seed]}}
    return parse_study(whole, overrides=overrides, name="bias-variance"), given


def _recipes(recipe: Recipe, over: Axis, values: Sequence[float], samples: int, *, fixed: bool) -> dict[float, Recipe]:
    steps = -(-samples // recipe.batch_size)
    epochs = recipe.epochs if fixed else min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-STEPS // steps)))
    stopping = {name for name, method in Member("", 0, recipe).methods.items() if isinstance(method, Stopping)}
    stays = {name: given for name, given in recipe.regularizers.items() if name not in stopping}
    update: dict[str, Any] = {
        "epochs": epochs,
        "restore": "last",
        "regularizers": stays,
        "batch_size": min(recipe.batch_size, samples),
    }
    base = recipe.model_copy(update=update)
    return {value: network_at(base, over, value) for value in values}


def _named(recipes: Mapping[float, Recipe]) -> str:
    names = list(dict.fromkeys(describe(_model(recipe)) for recipe in recipes.values()))
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _model(recipe: Recipe) -> ModelSpec:
    if recipe.model is None:
        raise InputError("model", "none", "a network")
    return recipe.model
