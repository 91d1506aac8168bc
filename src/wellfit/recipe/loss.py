"""Which loss. Each class is the card of its function (``wellfit.train.losses``).

In the formulas z are a sample's answers, p = softmax(z), y its class or its numbers, t its targets as shares of the C
classes (one-hot, unless labels are smoothed or mixed). Every loss is a mean over the samples of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from wellfit.recipe.base import Frozen, NotNegative, Positive, Unit


def _checked_weights(value: Any) -> Any:
    if value is None or value == "balanced":
        return value
    listed = isinstance(value, list | tuple) and all(
        isinstance(w, int | float) and not isinstance(w, bool) and math.isfinite(w) and w >= 0 for w in value
    )
    if not listed or not any(value):
        raise ValueError("'balanced', or a list with a number for each class: at least 0, and not all 0")
    return tuple(value)


ClassWeights = Annotated[Literal["balanced"] | tuple[float, ...] | None, BeforeValidator(_checked_weights)]
"""``balanced``: n / (C n_c) for a class with n_c of the n train samples, so that all classes count the same in all."""

Power = Literal[1, 2]


class MseSpec(Frozen):
    """Squares the distance to the target: mean squared error; the best constant answer is the mean.

    Formula: L = 1/K sum_k (z_k - y_k)^2 over the K targets.
    Range: no numbers; the unit is that of the target, squared. Targets are standardized, so it has none.
    Does little for: targets with gross outliers, which it chases: use ``huber`` or ``mae``.
    Does harm when: targets have gross outliers, which lead the fit; or they are classes, of which it hardly tells sure
    errors apart.
    Source: Bishop 2006, "Pattern Recognition and Machine Learning", section 3.1.1.
    """

    kind: Literal["mse"] = "mse"


class MaeSpec(Frozen):
    """Takes the distance to the target as it is: mean absolute error; the best constant answer is the median.

    Formula: L = 1/K sum_k |z_k - y_k| over the K targets; the derivative at 0 is 0.
    Range: no numbers; the unit is that of the target.
    Does little for: coming close: its gradient does not shrink near the target, so that the learning rate has to.
    Does harm when: the mean is wanted and targets are skewed: it answers the median.
    Source: Koenker & Bassett 1978, "Regression quantiles" (there with the quantile 1/2).
    """

    kind: Literal["mae"] = "mae"


class HuberSpec(Frozen):
    """Squares small distances to the target and takes large ones as they are, so that outliers pull no harder.

    Formula: L = 1/K sum_k h(z_k - y_k);  h(e) = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2).
    Range: ``delta`` > 0, in units of the target (standard deviations, as targets are standardized); a large one is half
    the mean squared error, a small one is delta times the mean absolute error.
    Does little for: targets without outliers: there it is half of ``mse``, with half its gradient.
    Does harm when: the large errors are the ones that matter, such as peaks; or ``delta`` is far from the size of the
    noise, so that it is ``mae`` or ``mse``.
    Source: Huber 1964, "Robust estimation of a location parameter".
    """

    kind: Literal["huber"] = "huber"
    delta: Positive = 1.0


class CrossEntropySpec(Frozen):
    """Charges the log of the probability that the true class was given, in nats.

    Formula: L = -sum_c w_c s_c log p_c;  s = (1 - smoothing) t + smoothing / C;  the mean over a batch is divided by
    the mean of w_y over it.
    Range: ``class_weights`` None (all 1), ``balanced``, or a list of w_c >= 0; ``smoothing`` in [0, 1), usual 0.1; 0
    changes nothing. Curves report it without smoothing.
    Does little for: a network that is right and sure: the gradient p - s has vanished there (with smoothing it holds p
    back from 1).
    Does harm when: labels are wrong: a sample that is surely wrong costs without bound, and is learned by heart.
    Source: Bishop 2006, "Pattern Recognition and Machine Learning", equation 4.108; smoothing: Szegedy, Vanhoucke,
    Ioffe, Shlens & Wojna 2016, "Rethinking the Inception architecture for computer vision", section 7.
    Usage: ``loss: {kind: cross_entropy, class_weights: balanced, smoothing: 0.1}``
    """

    kind: Literal["cross_entropy"] = "cross_entropy"
    class_weights: ClassWeights = None
    smoothing: Unit = 0.0


class BinaryCrossEntropySpec(Frozen):
    """Asks of each class on its own whether it is the one: one sigmoid a class, one against the rest.

    Formula: L = -1/C sum_c [t_c log q_c + (1 - t_c) log(1 - q_c)];  q = sigmoid(z). In nats.
    Range: no numbers. Predicted probabilities are the q, divided by their sum.
    Does little for: classes that exclude each other: ``cross_entropy`` knows that they do; and with many classes most
    of the loss is about those that a sample is not.
    Does harm when: classes are many and exclude each other: nearly all of the loss says no.
    Source: Bishop 2006, "Pattern Recognition and Machine Learning", equation 4.90; Rifkin & Klautau 2004, "In defense
    of one-vs-all classification".
    """

    kind: Literal["binary_cross_entropy"] = "binary_cross_entropy"


class HingeSpec(Frozen):
    """Charges two classes for what is missing to a margin between them, and nothing beyond it.

    Formula: L = max(0, margin - y (z_1 - z_0))^p;  y is -1 for the first class, +1 for the second.
    Range: ``margin`` > 0, usual 1; ``p`` 1 or 2: 2 is smooth at the margin and harder on what lies far off.
    Does nothing for: smoothed and mixed labels, of which it takes the class with the largest share; nor are its answers
    probabilities.
    Does harm when: probabilities are needed: its answers are none.
    Source: Cortes & Vapnik 1995, "Support-vector networks"; p = 2: Tang 2013, "Deep learning using linear support
    vector machines".
    """

    kind: Literal["hinge"] = "hinge"
    margin: Positive = 1.0
    p: Power = 1


class MulticlassHingeSpec(Frozen):
    """Charges each class that comes closer to the true one than a margin.

    Formula: L = 1/C sum_{c != y} max(0, margin - z_y + z_c)^p.
    Range: ``margin`` > 0, usual 1; ``p`` 1 or 2: 2 is smooth at the margin and harder on what lies far off.
    Does nothing for: smoothed and mixed labels, of which it takes the class with the largest share; nor are its answers
    probabilities.
    Does harm when: probabilities are needed: its answers are none.
    Source: Weston & Watkins 1999, "Support vector machines for multi-class pattern recognition" (there without 1/C,
    which ``torch.nn.MultiMarginLoss`` has too).
    """

    kind: Literal["multiclass_hinge"] = "multiclass_hinge"
    margin: Positive = 1.0
    p: Power = 1


class DiceSpec(Frozen):
    """Measures how little the predicted and the true members of each class overlap; each class counts the same.

    Formula: L = mean_c [1 - (2 sum_i p_ic t_ic + smooth) / (sum_i p_ic + sum_i t_ic + smooth)] over the samples i of a
    batch and the classes c that are in it.
    Range: ``smooth`` > 0, in samples: it keeps the fraction defined; a large one pulls L towards 0.
    Does little for: small batches, where a class has few samples: it is a loss of the batch and not of its samples, so
    its value depends on how many are measured together.
    Does harm when: a class is often missing from a batch: its loss jumps between 0 and 1; and probabilities come out
    too sure.
    Source: Milletari, Navab & Ahmadi 2016, "V-Net", section 3 (there with squares below); Sudre, Li, Vercauteren,
    Ourselin & Cardoso 2017, "Generalised Dice overlap as a deep learning loss function for highly unbalanced
    segmentations".
    """

    kind: Literal["dice"] = "dice"
    smooth: Positive = 1e-5


class FocalSpec(Frozen):
    """Turns the cross-entropy down where the network is right already, so that hard samples lead.

    Formula: L = -sum_c w_c t_c (1 - p_c)^gamma log p_c;  the mean over a batch is divided by the mean of w_y over it.
    Range: ``gamma`` >= 0, usual 2; 0 is the cross-entropy; ``class_weights`` None (all 1), ``balanced``, or a list of
    w_c >= 0.
    Does little for: noisy labels: the samples it turns to are the wrong ones.
    Does harm when: labels are wrong: the hard samples it turns to are then the wrong ones; probabilities are tilted.
    Source: Lin, Goyal, Girshick, He & Dollar 2017, "Focal loss for dense object detection", equations 4 and 5 (there
    with a sigmoid, and alpha for w, by which they do not divide).
    """

    kind: Literal["focal"] = "focal"
    gamma: NotNegative = 2.0
    class_weights: ClassWeights = None


OneLoss = (
    MseSpec
    | MaeSpec
    | HuberSpec
    | CrossEntropySpec
    | BinaryCrossEntropySpec
    | HingeSpec
    | MulticlassHingeSpec
    | DiceSpec
    | FocalSpec
)


def _by_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class TermSpec(Frozen):
    """One loss of a sum, and its weight there."""

    loss: Annotated[OneLoss, Field(discriminator="kind"), BeforeValidator(_by_name)]
    weight: Positive = 1.0


class SumSpec(Frozen):
    """Adds losses up, each by its weight; a recipe may write the weights beside the names.

    Formula: L = sum_j weight_j L_j.
    Range: ``terms``, each with a ``loss`` and a ``weight`` > 0 (1 where none is given); the weights need not sum to 1,
    but their sum scales the gradient, as the learning rate does.
    Does little for: losses of very different size: the largest leads, whatever the weights look like.
    Does harm when: the parts pull in different directions: neither is minimized, and the weights are one more thing to
    choose.
    Source: Taghanaki, Zheng, Zhou et al. 2019, "Combo loss: handling input and output imbalance in multi-organ
    segmentation" (cross-entropy and Dice).
    Usage: ``loss: {cross_entropy: 0.7, dice: 0.3}``
    """

    kind: Literal["sum"] = "sum"
    terms: tuple[TermSpec, ...] = Field(min_length=1)


LossSpec = Annotated[
    MseSpec
    | MaeSpec
    | HuberSpec
    | CrossEntropySpec
    | BinaryCrossEntropySpec
    | HingeSpec
    | MulticlassHingeSpec
    | DiceSpec
    | FocalSpec
    | SumSpec,
    Field(discriminator="kind"),
]

_NAMES = frozenset(spec.model_fields["kind"].default for spec in OneLoss.__args__)


def sum_by_names(value: Any) -> Any:
    """Return the short form of a sum, weights by name, spelled out as a ``SumSpec``; all else as it is.

    >>> sum_by_names({"dice": 0.3})
    {'kind': 'sum', 'terms': [{'loss': {'kind': 'dice'}, 'weight': 0.3}]}
    >>> sum_by_names({"focal": {"gamma": 1.0, "weight": 0.3}})
    {'kind': 'sum', 'terms': [{'loss': {'kind': 'focal', 'gamma': 1.0}, 'weight': 0.3}]}
    """
    if not isinstance(value, Mapping) or not value or not value.keys() <= _NAMES:
        return value
    return {"kind": "sum", "terms": [_term(name, given) for name, given in value.items()]}


def _term(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return {"loss": {"kind": name}, "weight": given}
    numbers = {key: value for key, value in given.items() if key != "weight"}
    return {"loss": {"kind": name, **numbers}, "weight": given.get("weight", 1.0)}


def whole_loss(value: Any) -> Any:
    """Return a loss as a recipe may write it in the form of its spec: a name, a mapping with ``kind`` or ``terms``, or
    weights by name.
    """
    value = sum_by_names(_by_name(value))
    if not isinstance(value, Mapping) or "kind" in value:
        return value
    if "terms" in value:
        return {"kind": "sum", **value}
    raise ValueError("a name, a mapping with 'kind', or weights by name such as {cross_entropy: 0.7, dice: 0.3}")
