"""Experiments of the method, outside the installed packages: run them from a clone."""
