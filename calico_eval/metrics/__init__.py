"""Metrics from stored per-frame sufficient statistics: nuScenes detection, BEV segmentation, intervals, robustness."""
