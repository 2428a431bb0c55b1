"""The deployed form of the model: one ONNX graph, its check against torch, TensorRT engines."""

from calico.extras import require_extra

require_extra("reading or writing an ONNX model", "train", "export")
