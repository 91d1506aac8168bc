"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# Machines that run tests are shared: a slow example is no failure, and the same examples are tried everywhere.
settings.register_profile("wellfit", deadline=None, derandomize=True, database=None)
settings.load_profile("wellfit")
