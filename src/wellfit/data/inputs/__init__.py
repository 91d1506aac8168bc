"""New data for a trained model: files without targets, brought into the form of its input."""

from wellfit.data.inputs.read import read_inputs

__all__ = ["read_inputs"]
