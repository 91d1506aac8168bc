"""Stage 1: what changes the batch."""
