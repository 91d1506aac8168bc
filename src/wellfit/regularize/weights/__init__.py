"""Stage 5: what changes the weights beside the update."""
