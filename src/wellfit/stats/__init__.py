"""Statistics of a study: intervals, paired differences, Holm's correction, factorials blocked by seed. No torch."""

from wellfit.stats.factorial import Effect, Factorial, analyze_factorial
from wellfit.stats.intervals import Estimate, Interval, estimate, t_interval
from wellfit.stats.multiplicity import holm
from wellfit.stats.paired import MAX_SEEDS, Paired, paired_difference, seeds_needed

__all__ = [
    "MAX_SEEDS",
    "Effect",
    "Estimate",
    "Factorial",
    "Interval",
    "Paired",
    "analyze_factorial",
    "estimate",
    "holm",
    "paired_difference",
    "seeds_needed",
    "t_interval",
]
