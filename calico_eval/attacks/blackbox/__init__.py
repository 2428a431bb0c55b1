"""Attacks that only ask the model for predictions."""
