"""The deployed form of the model: one ONNX graph, its check against torch, and TensorRT engines."""
