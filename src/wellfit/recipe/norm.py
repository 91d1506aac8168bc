"""Normalization of hidden layers, as an option of a network. Each class is the card of its layer
(``wellfit.models.norm``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from wellfit.recipe.base import Count, Frozen


class NoNormSpec(Frozen):
    """No normalization."""

    kind: Literal["none"] = "none"


class BatchNormSpec(Frozen):
    """Normalizes each unit or channel by its mean and variance over the batch.

    Formula: training z' = w (z - m) / sqrt(v + 1e-5) + b, m and v the mean and biased variance over the batch (and the
    places of an image), w and b learned for each unit or channel; after each step M <- 0.9 M + 0.1 m and
    V <- 0.9 V + 0.1 v n / (n - 1) for n numbers; evaluation uses M and V instead of m and v.
    Range: no parameters; ``norm: batch``, between each hidden layer and its activation; ``norm: none`` leaves it out.
    Does nothing for: batches of one sample: vectors have no variance there, and training refuses them; images are
    normalized each by itself. Small batches are noisy.
    Does harm when: batches have fewer than 8 samples, or are no random draw: mean and variance are noise there (Wu & He
    2018). Behind strong ``dropout`` too, whose variance in evaluation is another one (Li et al. 2019).
    Source: Ioffe & Szegedy 2015, "Batch normalization", algorithms 1 and 2.
    """

    kind: Literal["batch"] = "batch"


class LayerNormSpec(Frozen):
    """Normalizes each sample by the mean and variance over the units of a layer.

    Formula: z' = w (z - m) / sqrt(v + 1e-5) + b, m and v over all units of one sample (in an image over all channels
    and places), w and b learned for each unit or channel; the same in training and evaluation.
    Range: no parameters; ``norm: layer``, between each hidden layer and its activation; ``norm: none`` leaves it out.
    Does nothing for: the differences between samples' sizes of activation, which it removes.
    Does harm when: the size of a sample's activations carries the answer: it is removed.
    Source: Ba, Kiros & Hinton 2016, "Layer normalization", section 3 (w and b for each channel of an image as in Wu &
    He 2018, which call this a group norm of one group).
    """

    kind: Literal["layer"] = "layer"


class InstanceNormSpec(Frozen):
    """Normalizes each channel of each image by its mean and variance over the image's places.

    Formula: z' = w (z - m) / sqrt(v + 1e-5) + b, m and v over the places of one channel of one sample, w and b learned
    for each channel; the same in training and evaluation.
    Range: no parameters; ``norm: instance``, between each convolution and its activation; ``norm: none`` leaves it out.
    Does nothing for: vectors: one number per unit has no variance; an MLP is refused, the hidden layers of a CNN's head
    are left without it.
    Does harm when: contrast or brightness of an image carries the answer: it is removed; or feature maps are down to a
    few places.
    Source: Ulyanov, Vedaldi & Lempitsky 2016, "Instance normalization" (without w and b, which make the four
    normalizations differ only in what the mean is taken over).
    Usage: ``model: {kind: cnn, norm: instance}``
    """

    kind: Literal["instance"] = "instance"


class GroupNormSpec(Frozen):
    """Normalizes groups of units or channels of each sample by the mean and variance within the group.

    Formula: z' = w (z - m) / sqrt(v + 1e-5) + b, m and v over one group of consecutive units (in an image over the
    group's channels and all places) of one sample, w and b learned for each unit or channel; the same in training and
    evaluation.
    Range: ``groups`` >= 1, a divisor of the width of every hidden layer; ``norm: group`` or
    ``norm: {kind: group, groups: 4}``, between each hidden layer and its activation; ``norm: none`` leaves it out.
    Does nothing for: vectors with as many groups as units: one number per group has no variance; it is refused.
    Does harm when: the size of a group's activations carries the answer; with large batches ``batch_norm`` mostly
    generalizes better (Wu & He 2018).
    Source: Wu & He 2018, "Group normalization", section 3 (32 groups there, for networks of 64 channels and more).
    """

    kind: Literal["group"] = "group"
    groups: Count = 8


def _kind(value: Any) -> Any:
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, Mapping) and "kind" not in value:
        return {"kind": "group" if "groups" in value else "none", **value}
    return value


NormSpec = Annotated[
    NoNormSpec | BatchNormSpec | LayerNormSpec | InstanceNormSpec | GroupNormSpec,
    Field(discriminator="kind"),
    BeforeValidator(_kind),
]
"""A name (``batch``), or a mapping with ``kind``."""

NORMS: Mapping[str, type[Frozen]] = {
    "batch_norm": BatchNormSpec,
    "layer_norm": LayerNormSpec,
    "instance_norm": InstanceNormSpec,
    "group_norm": GroupNormSpec,
}
"""The cards by the names under which courses know them."""
