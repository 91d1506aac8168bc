"""Stage 6: what acts over epochs."""
