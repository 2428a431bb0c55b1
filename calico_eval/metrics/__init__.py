"""Metrics from stored per-frame statistics: detection, map segmentation, intervals, robustness."""
