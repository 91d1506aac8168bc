"""The fingerprint of a trained network: was it trained with L1, L2, both or neither? From its weights alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from wellfit.examine.traces import LayerTraces, layer_traces, spread_of_units
from wellfit.examine.trained_by import penalties, start_sizes
from wellfit.examine.weights_file import Layer, read_weights

Kind = Literal["neither", "l1", "l2", "both"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SURE = 0.6
"""Below this confidence the verdict is ``unclear``."""

LIKELY = 0.8
"""From where on one of the two penalties is named though the verdict as a whole is ``unclear``."""
MANY_ZEROS = 0.05
"""Share of weights that are exactly 0 from where on it is worth a word."""

Question = Mapping[str, float]

SINGLE: Question = {"": 26.41, "dust": 6.91, "tail": -4.61}
"""Are single weights pulled to zero? The log-odds of an L1 penalty."""
SHRUNK: Question = {"": 12.93, "dead": 3.19, "bulk": -1.94, "spread": -1.52}
"""Where they are not: is the network as a whole shrunk? The log-odds of an L2 penalty or weight decay."""
HELD: Question = {"": -11.68, "dust": -2.32, "spread": -2.6, "scale": -2.9, "tail": 4.17}
"""Where they are: are the weights that are left held down too? The log-odds of both."""

USUAL_SPREAD = -1.1
"""What stands for the spread of units where no two layers follow on each other: the mean over the tuning half."""


def fingerprint(model: str | Path) -> dict[str, Any]:
    """Say by which penalty a network was trained: ``l1``, ``l2`` (or decoupled weight decay), ``both`` or ``neither``.

    Three logistic questions to a few traces (``wellfit.examine.traces``): are single weights pulled to zero, against
    what their rows and columns are like (L1); is the network shrunk as a whole: units and inputs unused, the random
    start decayed, units alike in how they share weights before and behind them (L2); if the first, are the weights that
    are left held down (both). Their coefficients were fitted to really trained networks, and the confidence is checked
    on others (``benchmarks/fingerprint.py``): ReLU networks of linear layers and convolutions, without normalization.

    It cannot see penalties that had no time or strength to act, and takes pruning for L1. Without the card, small
    initial weights look like L2.

    Parameters
    ----------
    model
        A study's folder (its best model) or an arm's, ``.safetensors``, ``.npz``, or Keras' ``.weights.h5``.

    Returns
    -------
    dict
        ``verdict`` (or ``unclear``), ``confidence``, ``probabilities`` of the four, of each penalty (``l1``, ``l2``),
        ``evidence``, ``words``, ``layers``; ``truth`` is what the recipe says where wellfit trained the network, else
        ``None``. The truth is not used for the guess.

    Raises
    ------
    InputError
        No network there, or a form that is not read: pickles never are.

    """
    weights = read_weights(Path(model))
    starts = {} if weights.card is None else start_sizes(weights.card)
    found = judge(weights.layers, starts)
    truth = None if weights.card is None else penalties(weights.card)
    return {"source": str(model), **found, "truth": truth}


def judge(layers: Sequence[Layer], starts: Mapping[str, float]) -> dict[str, Any]:
    """Return verdict, probabilities and evidence of layers in their order; ``starts``: root mean squares at the
    initialization by layer, where they are known.
    """
    each = [traces for layer in layers if (traces := layer_traces(layer, starts.get(layer.name))) is not None]
    spread = spread_of_units(layers)
    if not each:
        return {
            **_said(dict.fromkeys(KINDS, 0.25), {}),
            "words": "All weights are 0: nothing was learned.",
            "layers": [],
        }
    signs = signs_of(each, spread)
    zeros = sum(int((layer.matrix == 0).sum()) for layer in layers) / sum(layer.matrix.size for layer in layers)
    evidence = evidence_of(each, spread) | {"zeros": zeros}
    own = [{**asdict(one), **_said(probabilities(signs_of([one], spread)), {})} for one in each]
    said = _said(probabilities(signs), evidence)
    return {**said, "words": _words(said, evidence), "layers": [_without_evidence(one) for one in own]}


def signs_of(layers: Sequence[LayerTraces], spread: float | None) -> dict[str, float]:
    """Return what the questions ask about: means over layers by their number of weights."""
    mean = evidence_of(layers, spread)
    signs = {
        "dust": math.log(mean["dust"] + 0.01),
        "tail": mean["tail"],
        "dead": math.log(mean["dead"] + 0.01),
        "bulk": max(mean["bulk"], -6.0),
        "scale": mean["scale"],
    }
    return signs | {"spread": USUAL_SPREAD if spread is None else math.log(spread + 0.05)}


def evidence_of(layers: Sequence[LayerTraces], spread: float | None) -> dict[str, float]:
    """Return the traces of the whole network."""

    def mean(name: str) -> float:
        known = [(getattr(one, name), one.size) for one in layers if math.isfinite(getattr(one, name))]
        return sum(value * size for value, size in known) / sum(size for _, size in known) if known else 0.0

    found = {name: mean(name) for name in ("dust", "middle", "tail", "dead", "bulk", "scale", "kurtosis")}
    return found if spread is None else found | {"spread": spread}


def probabilities(signs: Mapping[str, float]) -> dict[Kind, float]:
    """Return how likely each kind is, from the three questions."""
    single, shrunk, held = (_yes(question, signs) for question in (SINGLE, SHRUNK, HELD))
    return {
        "neither": (1 - single) * (1 - shrunk),
        "l1": single * (1 - held),
        "l2": (1 - single) * shrunk,
        "both": single * held,
    }


def _yes(question: Question, signs: Mapping[str, float]) -> float:
    odds = sum(weight * (signs[name] if name else 1.0) for name, weight in question.items())
    return 1 / (1 + math.exp(-min(max(odds, -50.0), 50.0)))


def _said(found: Mapping[Kind, float], evidence: Mapping[str, float]) -> dict[str, Any]:
    guess = max(KINDS, key=lambda kind: found[kind])
    verdict = guess if found[guess] >= SURE else "unclear"
    return {
        "verdict": verdict,
        "guess": guess,
        "confidence": found[guess],
        "probabilities": dict(found),
        "l1": found["l1"] + found["both"],
        "l2": found["l2"] + found["both"],
        "evidence": dict(evidence),
    }


def _without_evidence(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "evidence"}


NAMES = {"neither": "neither L1 nor L2", "l1": "L1", "l2": "L2 or weight decay", "both": "L1 and L2 together"}


def _words(said: Mapping[str, Any], evidence: Mapping[str, float]) -> str:
    """Return the verdict and the evidence in sentences."""
    lines = [
        _verdict(said),
        f"{_percent(evidence['dust'])} of the weights are dust beside their row and column (2 % where nothing pulls at "
        "single weights).",
        f"{_percent(evidence['dead'])} of units or inputs are not used.",
        f"The random start is at {_percent(math.exp(evidence['bulk']))} of its size.",
    ]
    if "spread" in evidence:
        lines.append(
            f"Units differ by a factor of {math.exp(evidence['spread']):.2f} in what leads into them over what leads "
            "out (L2 makes them alike)."
        )
    if evidence["zeros"] > MANY_ZEROS:
        zeros = _percent(evidence["zeros"])
        lines.append(f"{zeros} are exactly 0, as after pruning: gradient descent with a penalty does not do that.")
    return " ".join(lines)


def _verdict(said: Mapping[str, Any]) -> str:
    if said["verdict"] != "unclear":
        return f"Trained with {NAMES[said['guess']]}."
    first = said["l1"]
    if first >= LIKELY:
        return f"L1 is there ({_percent(first)}); whether L2 was beside it is open ({_percent(said['l2'])})."
    faint = "Too short a training or too small a strength leaves no trace."
    if first <= 1 - LIKELY:
        return f"No L1 ({_percent(1 - first)}); whether there was L2 is open ({_percent(said['l2'])}). {faint}"
    return f"Unclear; likeliest is {NAMES[said['guess']]}. {faint}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
