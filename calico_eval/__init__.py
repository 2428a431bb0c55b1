"""Robustness evaluation: engines, attacks, evaluations over conditions, metrics."""
