"""Stage 2: what changes the hidden activations."""
