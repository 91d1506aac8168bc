"""From a remedy to patches of a recipe: for each change the doses of it, the likeliest to help first. No torch."""

from wellfit.diagnosis.doses.case import Case, Dose
from wellfit.diagnosis.doses.table import DOSES, NO_RECIPE, doses

__all__ = ["DOSES", "NO_RECIPE", "Case", "Dose", "doses"]
