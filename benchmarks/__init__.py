"""Benchmarks: each prints a table; run one as ``python benchmarks/NAME.py``."""
