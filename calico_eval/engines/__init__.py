"""What turns frames into predictions: torch, ONNX Runtime, or a user's own model, behind one Protocol."""
