"""The table of all methods: name -> class. The order is the order in which methods of one stage are applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellfit.errors import RecipeError, nearest
from wellfit.recipe_errors import validate
from wellfit.regularize.activations.classic_dropout import ClassicDropout
from wellfit.regularize.activations.drop_connect import DropConnect
from wellfit.regularize.activations.dropout import Dropout
from wellfit.regularize.activations.hidden_noise import HiddenNoise
from wellfit.regularize.activations.spatial_dropout import SpatialDropout
from wellfit.regularize.activations.stochastic_depth import StochasticDepth
from wellfit.regularize.batch.cutmix import CutMix
from wellfit.regularize.batch.label_smoothing import LabelSmoothing
from wellfit.regularize.batch.mixup import Mixup
from wellfit.regularize.batch.rand_augment import RandAugment
from wellfit.regularize.batch.random_choice import RandomChoice
from wellfit.regularize.batch.table import GEOMETRY, PIXELS, SEQUENCES, VECTORS
from wellfit.regularize.gradient.clip_norm import ClipNorm
from wellfit.regularize.gradient.clip_value import ClipValue
from wellfit.regularize.gradient.gradient_noise import GradientNoise
from wellfit.regularize.gradient.sam import Sam
from wellfit.regularize.loss.confidence_penalty import ConfidencePenalty
from wellfit.regularize.loss.elastic_net import ElasticNet
from wellfit.regularize.loss.l1 import L1
from wellfit.regularize.loss.l2 import L2
from wellfit.regularize.loss.sparsity import Sparsity
from wellfit.regularize.stages import Method
from wellfit.regularize.time.early_stopping import EarlyStopping
from wellfit.regularize.time.freezing import FreezingPlan
from wellfit.regularize.time.l1_late import L1Late
from wellfit.regularize.weights.ema import Ema
from wellfit.regularize.weights.max_norm import MaxNorm
from wellfit.regularize.weights.non_negative import NonNegative
from wellfit.regularize.weights.pruning import Pruning
from wellfit.regularize.weights.swa import Swa
from wellfit.regularize.weights.unit_norm import UnitNorm
from wellfit.regularize.weights.weight_decay import WeightDecay

CATALOGUE: Mapping[str, type[Method]] = {
    # name             class             stage         source
    **GEOMETRY,
    **PIXELS,
    **VECTORS,
    **SEQUENCES,
    "random_choice": RandomChoice,  #     batch        Müller & Hutter 2021
    "rand_augment": RandAugment,  #       batch        Cubuk 2020
    "mixup": Mixup,  #                    batch        Zhang 2018
    "cutmix": CutMix,  #                  batch        Yun 2019
    "label_smoothing": LabelSmoothing,  # batch        Szegedy 2016
    "dropout": Dropout,  #                activations  Srivastava 2014
    "classic_dropout": ClassicDropout,  # activations  Srivastava 2014
    "spatial_dropout": SpatialDropout,  # activations  Tompson 2015
    "drop_connect": DropConnect,  #       activations  Wan 2013
    "stochastic_depth": StochasticDepth,  # activations  Huang 2016
    "hidden_noise": HiddenNoise,  #       activations  Poole 2014
    "l2": L2,  #                          loss         Krogh & Hertz 1992
    "l1": L1,  #                          loss         Tibshirani 1996
    "elastic_net": ElasticNet,  #         loss         Zou & Hastie 2005
    "sparsity": Sparsity,  #              loss         Ng 2011
    "confidence_penalty": ConfidencePenalty,  # loss   Pereyra 2017
    "sam": Sam,  #                        gradient     Foret 2021
    "clip_norm": ClipNorm,  #             gradient     Pascanu 2013
    "clip_value": ClipValue,  #           gradient     Mikolov 2012
    "gradient_noise": GradientNoise,  #   gradient     Neelakantan 2015
    "weight_decay": WeightDecay,  #       weights      Loshchilov & Hutter 2019
    # scaling a unit keeps signs and zeros: in this order all constraints hold at the end
    "non_negative": NonNegative,  #       weights      Lee & Seung 1999
    "pruning": Pruning,  #                weights      Zhu & Gupta 2017
    "unit_norm": UnitNorm,  #             weights      Oja 1982
    "max_norm": MaxNorm,  #               weights      Srebro & Shraibman 2005
    "ema": Ema,  #                        weights      Polyak & Juditsky 1992
    "swa": Swa,  #                        weights      Izmailov 2018
    "l1_late": L1Late,  #                 time         Tibshirani 1996
    "freezing": FreezingPlan,  #          time         Yosinski 2014
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
