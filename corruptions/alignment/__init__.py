"""Calibration that the model is given and that is wrong."""
