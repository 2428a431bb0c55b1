"""Attacks that follow the gradients of a torch model."""
