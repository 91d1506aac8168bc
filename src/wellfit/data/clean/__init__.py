"""Clean: a written plan of what to drop, deduplicate, relabel and impute, and its application to a copy."""

from wellfit.data.clean.apply import apply_plan
from wellfit.data.clean.plan import Action, Plan, read_plan
from wellfit.data.clean.propose import propose

__all__ = ["Action", "Plan", "apply_plan", "propose", "read_plan"]
