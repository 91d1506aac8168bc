"""The engine: populations of members trained in lockstep, the one step, and the plain loop they are checked against."""
