"""Recipe and StudySpec: the declarative description of one training, and of a study of its variants.

Frozen and validated; no torch here. ``wellfit.recipe_file`` reads them from YAML. Regularizers are held by name with
their parameters and are checked against the catalogue (``wellfit.regularize.catalogue``) when the study is designed.
"""

from wellfit.recipe.data import CleanSpec, DataSpec, SplitSpec
from wellfit.recipe.model import CnnSpec, ImportSpec, MlpSpec, ModelSpec, RnnSpec, UnetSpec
from wellfit.recipe.optimizer import AdamSpec, AdamWSpec, MomentumSpec, OptimizerSpec, SgdSpec
from wellfit.recipe.patch import FACTOR_FIELDS, Patch, apply_patch, merge
from wellfit.recipe.recipe import Recipe
from wellfit.recipe.study import MOST_SEEDS, StudySpec
from wellfit.recipe_errors import validate

__all__ = [
    "FACTOR_FIELDS",
    "MOST_SEEDS",
    "AdamSpec",
    "AdamWSpec",
    "CleanSpec",
    "CnnSpec",
    "DataSpec",
    "ImportSpec",
    "MlpSpec",
    "ModelSpec",
    "MomentumSpec",
    "OptimizerSpec",
    "Patch",
    "Recipe",
    "RnnSpec",
    "SgdSpec",
    "SplitSpec",
    "StudySpec",
    "UnetSpec",
    "apply_patch",
    "merge",
    "validate",
]
