"""What of a bias-variance decomposition is shown, and how its axis and losses are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellfit.views.numbers import MISSING, decimals, plain

TITLES = {
    "k": "neighbors k",
    "width": "units of a hidden layer",
    "depth": "hidden layers",
    "lambda": "L2 strength \N{GREEK SMALL LETTER LAMDA}",
}
LOGARITHMIC = ("k", "width", "lambda")
LOSSES = {
    "squared": "squared loss, in units of the variance of the train targets",
    "brier": "Brier score (squared loss of the class probabilities, 0 to 2)",
    "error": "0-1 loss (share of wrong classes)",
}


@dataclass(frozen=True)
class Axis:
    """Where the values of an axis are drawn."""

    title: str
    values: tuple[float, ...]
    places: tuple[float, ...]
    """Of ``values``; on a logarithmic axis 0 stands a decade below the smallest other value."""
    texts: tuple[str, ...]
    logarithmic: bool
    reversed: bool
    """Whether larger values stand on the left, so that complexity grows to the right."""

    def place(self, value: float) -> float:
        """Return where a value is drawn."""
        return self.places[self.values.index(value)]


def axis_of(result: Mapping[str, Any]) -> Axis:
    """Return the axis of a result of ``wellfit.bias_variance``."""
    over = str(result["over"])
    values = tuple(float(row["value"]) for row in result["values"])
    positive = [value for value in values if value > 0]
    logarithmic = over in LOGARITHMIC and bool(positive)
    places = tuple(value or min(positive) / 10 for value in values) if logarithmic else values
    texts = tuple(f"{value:g}" for value in values)
    return Axis(TITLES[over], values, places, texts, logarithmic, bool(result["simpler_up"]))


def setting(result: Mapping[str, Any]) -> str:
    """Return in a line what was done: data, trainings, what they were measured on."""
    varied = {
        "data": "resamples of the train set, one start",
        "init": "starts, one train set",
        "data,init": "resamples of the train set, each with a start of its own",
    }[str(result["vary"])]
    if result["over"] == "k":
        varied = "resamples of the train set"
    return (
        f"{result['data']}: {result['network']}; {result['bootstraps']} {varied} ({result['train']:,} samples each), "
        f"measured on the {result['evaluated']:,} samples of the {result['part']} part; the test set was not read"
    )


@dataclass(frozen=True)
class Board:
    """The numbers of one loss as text: a row a value."""

    loss: str
    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[float, tuple[str, ...]], ...]
    """Value, and a cell for each column."""
    lowest: float | None


PM = "\N{PLUS-MINUS SIGN}"
"""Before half of a 95 % interval."""
TERMS = {"loss": "total", "bias2": "bias\N{SUPERSCRIPT TWO}", "variance": "variance"}
MAIN = {"bias": "main wrong", "net": "net"}
"""Domingos' terms of the 0-1 loss."""


def board(result: Mapping[str, Any], loss: str) -> Board:
    """Return the numbers of a loss: the train loss, the total and its terms with intervals."""
    rows = result["values"]
    halves = [(b["ci95"][1] - b["ci95"][0]) / 2 for row in rows if row[loss] for b in (row[loss][n] for n in TERMS)]
    places = min(6, decimals(halves) + 1)
    extra = MAIN if loss == "error" else {}
    turn = result["turn"].get(loss)
    return Board(
        loss=loss,
        title=LOSSES[loss],
        words="" if turn is None else str(turn["words"]),
        columns=("train", *TERMS.values(), *extra.values()),
        rows=tuple((float(row["value"]), _cells(row, loss, extra, places)) for row in rows),
        lowest=None if turn is None else float(turn["lowest"]),
    )


def _cells(row: Mapping[str, Any], loss: str, extra: Mapping[str, str], places: int) -> tuple[str, ...]:
    if row[loss] is None:
        return (MISSING,) * (1 + len(TERMS) + len(extra))
    terms = [row[loss][name] for name in TERMS]
    halves = [(t["ci95"][1] - t["ci95"][0]) / 2 for t in terms]
    cells = [f"{plain(t['mean'], places)} {PM} {plain(half, places)}" for t, half in zip(terms, halves, strict=True)]
    main = [plain(row["main_prediction"][name]["mean"], places) for name in extra]
    return (plain(row["train"][loss], places), *cells, *main)
