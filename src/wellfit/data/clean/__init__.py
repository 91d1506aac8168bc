"""Clean: a written plan of what to drop, deduplicate, relabel and impute, and its application to a copy."""

from wellfit.data.clean.apply import CLEANED, apply_plan, can_clean
from wellfit.data.clean.plan import Action, Plan, read_plan
from wellfit.data.clean.propose import propose

__all__ = ["CLEANED", "Action", "Plan", "apply_plan", "can_clean", "propose", "read_plan"]
