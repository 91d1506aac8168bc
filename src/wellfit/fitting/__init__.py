"""Fit: train a baseline, find out what is wrong, try what may help, keep what does."""

from wellfit.fitting.budget import parse_budget
from wellfit.fitting.run import run_fit
from wellfit.fitting.spec import fit_spec

__all__ = ["fit_spec", "parse_budget", "run_fit"]
