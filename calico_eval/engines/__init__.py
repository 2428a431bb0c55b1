"""Engines turn frames into predictions: torch, ONNX Runtime or a user's own model."""
