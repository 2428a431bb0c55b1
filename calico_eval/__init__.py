"""Robustness evaluation: engines, attacks, the condition sweep, metrics."""
