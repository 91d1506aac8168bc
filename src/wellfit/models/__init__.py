"""Networks: built from the data's shape, or a user's own by import path."""

from wellfit.models.build import build, describe, resolve_model
from wellfit.models.state import load_state, state_of

__all__ = ["build", "describe", "load_state", "resolve_model", "state_of"]
