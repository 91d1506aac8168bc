"""Update rules for one leaf of a stack of members: pure formulas, in place, each member with its own numbers.

``w`` and ``g`` are (P, ...); coefficients are (P, 1, ...) and broadcast. One family a file; ``make`` has their table.
They are checked against ``torch.optim`` in ``tests/parity``. The recipe's classes (``wellfit.recipe.optimizer``) are
their cards.
"""

from wellfit.train.optimizers.base import Optimizer, State
from wellfit.train.optimizers.make import RULES, family, make_optimizer

__all__ = ["RULES", "Optimizer", "State", "family", "make_optimizer"]
