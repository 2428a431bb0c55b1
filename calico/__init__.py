"""CALICO: train, export and stress-test camera-LiDAR bird's-eye-view models."""

__version__ = "0.1.0"
