"""Stage 4: what changes the gradient."""
