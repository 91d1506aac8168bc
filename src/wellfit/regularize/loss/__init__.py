"""Stage 3: what is added to the loss."""
