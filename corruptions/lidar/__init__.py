"""Corruptions of LiDAR points alone."""
