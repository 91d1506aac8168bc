"""Examinations of data and weights: learning curve, random labels, bias and variance, fingerprint."""
