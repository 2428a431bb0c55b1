"""Writes TensorFlow.js graph models, among them a small random one with NanoDet's interface."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

SIZE = 64
"""Side of the small network's input [px]."""
CLASSES, BINS = 80, 11


class GraphWriter:
    """Collects nodes and weights and writes them as model.json and a binary file."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.manifest: list[dict[str, Any]] = []
        self.content = b""
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def add(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        self.nodes.append({"name": name, "op": op, "input": inputs, "attr": attributes})
        return name

    def add_input(self, name: str, shape: tuple[int, ...]) -> str:
        self.inputs[f"{name}:0"] = signature(shape)
        return self.add("Placeholder", name, [])

    def add_output(self, source: str, name: str, shape: tuple[int, ...]) -> None:
        self.outputs[f"{name}:0"] = signature(shape)
        self.add("Identity", name, [source])

    def add_constant(self, name: str, values: Any, stored: str | None = None) -> str:
        """`stored` is float16, uint8 or uint16 for a quantised weight."""
        array = np.asarray(values)
        kind = "int32" if array.dtype.kind == "i" else "float32"
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": kind}
        if stored == "float16":
            entry["quantization"] = {"dtype": stored, "original_dtype": kind}
            raw = array.astype(np.float16)
        elif stored is not None:
            low = float(array.min())
            scale = float(np.ptp(array)) / np.iinfo(stored).max or 1.0
            entry["quantization"] = {"dtype": stored, "scale": scale, "min": low}
            raw = np.round((array - low) / scale).astype(stored)
        else:
            raw = array.astype(kind)
        self.manifest.append(entry)
        self.content += raw.tobytes()
        self.nodes.append({"name": name, "op": "Const", "attr": {}})
        return name

    def model(self) -> dict[str, Any]:
        return {
            "format": "graph-model",
            "signature": {"inputs": self.inputs, "outputs": self.outputs},
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": ["nanodet.bin"], "weights": self.manifest}],
        }

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nanodet.bin").write_bytes(self.content)
        path = folder / "nanodet.json"
        path.write_text(json.dumps(self.model()), encoding="utf-8")
        return path


def signature(shape: tuple[int, ...]) -> dict[str, Any]:
    return {"tensorShape": {"dim": [{"size": str(side)} for side in shape]}}


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def convolution(stride: int) -> dict[str, Any]:
    return {
        "padding": text("VALID"),
        "data_format": text("NHWC"),
        "strides": numbers(1, stride, stride, 1),
        "dilations": numbers(1, 1, 1, 1),
    }


def write_tiny_nanodet(folder: Path, seed: int = 0, shift: float = -1.0) -> dict[str, np.ndarray]:
    """Write a random network with NanoDet's interface; `shift` is the mean logit of its scores.

    It has all operations of the real one. Returns its weights by name, as they are stored.
    """
    random = np.random.default_rng(seed)
    graph = GraphWriter()
    weights: dict[str, np.ndarray] = {}
    to_nhwc = graph.add_constant("to_nhwc", np.array([0, 2, 3, 1]))
    to_nchw = graph.add_constant("to_nchw", np.array([0, 3, 1, 2]))
    border = graph.add_constant("border", np.array([[0, 0], [0, 0], [1, 1], [1, 1]]))
    lowest = graph.add_constant("lowest", np.float32(-np.inf), "float16")
    columns = graph.add_constant("columns", np.array(1))
    parts = graph.add_constant("parts", np.array([CLASSES, 4 * BINS]))

    def convolve(source: str, name: str, outputs: int, inputs: int, stride: int) -> str:
        side = 1 if name.startswith("head") else 3
        spread = 1.0 / np.sqrt(side * side * inputs)
        weights[name] = random.normal(0, spread, (side, side, inputs, outputs)).astype(np.float16)
        bias = np.zeros(outputs, np.float16)
        if side == 1:
            bias[:CLASSES] = shift
        weights[f"{name}/bias"] = bias
        graph.add_constant(f"{name}/filter", weights[name], "float16")
        graph.add_constant(f"{name}/bias", bias, "float16")
        if side == 3:
            source = graph.add("Pad", f"{name}/pad", [source, border])
        source = graph.add("Transpose", f"{name}/in", [source, to_nhwc])
        source = graph.add(
            "Conv2D", f"{name}/conv", [source, f"{name}/filter"], **convolution(stride)
        )
        source = graph.add("Add", f"{name}/sum", [source, f"{name}/bias"])
        return graph.add("Transpose", f"{name}/out", [source, to_nchw])

    def activate(source: str) -> str:
        return graph.add("LeakyRelu", f"{source}/leaky", [source], alpha={"f": 0.1})

    image = graph.add_input("input_1", (1, 3, SIZE, SIZE))
    half = activate(convolve(image, "stem", 8, 3, 2))
    padded = graph.add("PadV2", "padded", [half, border, lowest])
    rows = graph.add("Transpose", "pool/in", [padded, to_nhwc])
    rows = graph.add(
        "MaxPool", "pool", [rows], ksize=numbers(1, 3, 3, 1), strides=numbers(1, 2, 2, 1),
        padding=text("VALID"), data_format=text("NHWC"),
    )  # fmt: skip
    quarter = graph.add("Transpose", "pool/out", [rows, to_nchw])
    eighth = activate(convolve(quarter, "deep_8", 8, 8, 2))
    sixteenth = activate(convolve(eighth, "deep_16", 8, 8, 2))
    last = activate(convolve(sixteenth, "deep_32", 8, 8, 2))
    # The coarsest map also goes to the finer ones, enlarged.
    size = graph.add_constant("size", np.array([SIZE // 16, SIZE // 16]))
    rows = graph.add("Transpose", "resize/in", [last, to_nhwc])
    rows = graph.add(
        "ResizeBilinear", "resize", [rows, size], half_pixel_centers={"b": True},
        align_corners={"b": False},
    )  # fmt: skip
    larger = graph.add("Transpose", "resize/out", [rows, to_nchw])
    sixteenth = graph.add("ConcatV2", "both", [sixteenth, larger, columns])

    dense = [
        graph.add_constant("where", np.zeros((0, 1), np.int32)),
        graph.add_constant("rank", np.array([3])),
        graph.add_constant("values", np.zeros(0, np.int32)),
        graph.add_constant("zero", np.array(0)),
    ]
    graph.add("SparseToDense", "dense", dense)
    swap = graph.add_constant("swap", np.array([0, 2, 1]))
    for index, (stride, source) in enumerate([(8, eighth), (16, sixteenth), (32, last)]):
        head = convolve(source, f"head_{stride}", CLASSES + 4 * BINS, 16 if stride == 16 else 8, 1)
        graph.add("SplitV", f"split_{stride}", [head, parts, columns])
        graph.add("Sigmoid", f"sigmoid_{stride}", [f"split_{stride}"])
        cells = (SIZE // stride) ** 2
        for place, part, count in (
            (index, f"sigmoid_{stride}", CLASSES),
            (index + 3, f"split_{stride}:1", 4 * BINS),
        ):
            shape = graph.add_constant(f"shape_{place}", np.array([1, count, -1]))
            shape = graph.add("AddV2", f"target_{place}", [shape, "dense"])
            flat = graph.add("Reshape", f"flat_{place}", [part, shape])
            turned = graph.add("Transpose", f"turned_{place}", [flat, swap])
            name = "Identity" if place == 0 else f"Identity_{place}"
            graph.add_output(turned, name, (1, cells, count))
    graph.write(folder)
    return weights
