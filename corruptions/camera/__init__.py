"""Corruptions of images alone."""
