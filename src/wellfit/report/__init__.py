"""The study report: one HTML file that opens without a network."""

from wellfit.report.file import write
from wellfit.report.page import render

__all__ = ["render", "write"]
