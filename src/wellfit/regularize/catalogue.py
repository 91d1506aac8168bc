"""The table of all methods: name -> class. The order is the order in which methods of one stage are applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.errors import RecipeError, nearest
from wellfit.recipe_errors import validate
from wellfit.regularize.activations.dropout import Dropout
from wellfit.regularize.batch.horizontal_flip import HorizontalFlip
from wellfit.regularize.batch.rotation import Rotation
from wellfit.regularize.batch.vertical_flip import VerticalFlip
from wellfit.regularize.gradient.clip_norm import ClipNorm
from wellfit.regularize.loss.l1 import L1
from wellfit.regularize.loss.l2 import L2
from wellfit.regularize.stages import Method
from wellfit.regularize.time.early_stopping import EarlyStopping
from wellfit.regularize.weights.max_norm import MaxNorm
from wellfit.regularize.weights.weight_decay import WeightDecay

CATALOGUE: Mapping[str, type[Method]] = {
    # name             class             stage         source
    "horizontal_flip": HorizontalFlip,  # batch        Krizhevsky 2012
    "vertical_flip": VerticalFlip,  #     batch        Krizhevsky 2012
    "rotation": Rotation,  #              batch        Simard 2003
    "dropout": Dropout,  #                activations  Srivastava 2014
    "l2": L2,  #                          loss         Krogh & Hertz 1992
    "l1": L1,  #                          loss         Tibshirani 1996
    "clip_norm": ClipNorm,  #             gradient     Pascanu 2013
    "weight_decay": WeightDecay,  #       weights      Loshchilov & Hutter 2019
    "max_norm": MaxNorm,  #               weights      Srebro & Shraibman 2005
    "early_stopping": EarlyStopping,  #   time         Prechelt 1998
}


def make(name: str, parameters: Mapping[str, Any], *, where: str = "regularizers") -> Method:
    """Return the method ``name`` with ``parameters``.

    Raises
    ------
    RecipeError
        Unknown name or parameter (with the nearest known one), or a value that breaks a rule.

    """
    if name not in CATALOGUE:
        raise RecipeError(f"{where}.{name}", "unknown regularizer", nearest(name, CATALOGUE))
    return validate(CATALOGUE[name], dict(parameters), where=f"{where}.{name}")


def check(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of ``name`` whole: validated, with the defaults filled in."""
    return make(name, parameters).model_dump(mode="python")
