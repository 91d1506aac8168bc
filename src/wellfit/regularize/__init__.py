"""Regularizers: what acts at one stage of the training step to improve generalization. ``stages`` first."""
