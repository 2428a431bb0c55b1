"""A TensorFlow.js graph model as a torch module.

A graph model is a JSON file with one node for each operation, and binary weights. `TfjsGraph` reads
the operations that convolutional detectors use and runs them in torch. Since the module is plain
torch, it gives gradients and exports to ONNX. No code of the file is executed, and sizes are
checked before anything is allocated. The meaning of the operations is that of tf.raw_ops.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from calico.errors import CalicoError
from calico.files import read_json
from examples.public_detector.tfjs_nodes import (
    Output,
    fold_constants,
    read_nodes,
    read_signature,
    sort_nodes,
)
from examples.public_detector.tfjs_operations import Operation, build_operation
from examples.public_detector.tfjs_weights import MAX_ELEMENTS, read_weights

MAX_JSON_BYTES = 16 << 20


class TfjsGraph(nn.Module):
    """The graph of a model.json.

    Attributes:
        input_shape: Shape of the one input.
        output_shapes: Name of each output to its shape, in the order in which `forward` has them.

    Args:
        path: The file model.json; its weights lie beside it.

    Raises:
        CalicoError: The files are not of the format, an operation or an attribute is unknown, or
            the shapes do not agree with those that the file states.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._where = f"model {path.name}"
        model = read_json(path, MAX_JSON_BYTES, "model")
        if not isinstance(model, dict) or model.get("format") != "graph-model":
            raise CalicoError(
                f"{self._where}: format is not 'graph-model'; expected the model.json of a "
                "TensorFlow.js graph model"
            )
        inputs = read_signature(model, "inputs", self._where)
        if len(inputs) != 1:
            raise CalicoError(f"{self._where}: has {len(inputs)} inputs; expected one")
        ((name, self.input_shape),) = inputs.items()
        self._input = name.partition(":")[0]
        self.output_shapes = read_signature(model, "outputs", self._where)
        nodes = sort_nodes(read_nodes(model, self._where), self._where)
        constants = read_weights(model.get("weightsManifest"), path.parent, self._where)
        fold_constants(nodes, constants)
        self._steps: list[tuple[str, Operation, tuple[Output, ...]]] = []
        for node in nodes:
            if node.op == "Placeholder" and node.name != self._input:
                raise CalicoError(f"{node.where}: a second input; expected {self._input} alone")
            if node.op != "Placeholder" and node.name not in constants:
                self._steps.append((node.name, *build_operation(node, constants)))
        self._keys: dict[str, str] = {}
        for source in sorted({name for _, _, inputs in self._steps for name, _ in inputs}):
            if source in constants:
                self._keys[source] = f"constant_{len(self._keys)}"
                self.register_buffer(self._keys[source], torch.from_numpy(constants[source]))
        self._check_shapes()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Run the graph.

        Args:
            images: Tensor of the shape `input_shape`.

        Returns:
            Name of each output to its tensor.
        """
        values: dict[str, Any] = {name: getattr(self, key) for name, key in self._keys.items()}
        values[self._input] = images
        for name, operation, inputs in self._steps:
            values[name] = operation([_pick(values[source], index) for source, index in inputs])
        return {
            text: _pick(values[text.partition(":")[0]], _index(text)) for text in self.output_shapes
        }

    def _check_shapes(self) -> None:
        """Run the graph without memory (device "meta") and compare its shapes with the file's."""
        values: dict[str, Any] = {
            name: getattr(self, key).to("meta") for name, key in self._keys.items()
        }
        values[self._input] = torch.empty(self.input_shape, device="meta")
        for name, operation, inputs in self._steps:
            where = f"{self._where}, node {name}"
            try:
                found = operation([_pick(values[source], index) for source, index in inputs])
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                raise CalicoError(f"{where}: shapes do not fit ({_first_line(error)})") from None
            for part in found if isinstance(found, tuple) else (found,):
                if math.prod(part.shape) > MAX_ELEMENTS:
                    raise CalicoError(
                        f"{where}: a result of the shape {tuple(part.shape)}; expected at most "
                        f"{MAX_ELEMENTS} elements"
                    )
            values[name] = found
        for text, expected in self.output_shapes.items():
            source = text.partition(":")[0]
            try:
                shape = tuple(_pick(values[source], _index(text)).shape)
            except (KeyError, IndexError, ValueError):
                raise CalicoError(f"{self._where}: there is no output {text}") from None
            if shape != expected:
                raise CalicoError(
                    f"{self._where}: output {text} has the shape {shape}; expected {expected}, "
                    "which the file states"
                )


def _pick(value: Any, index: int) -> Tensor:
    """Take one output of an operation."""
    parts = value if isinstance(value, tuple) else (value,)
    if index >= len(parts):
        raise IndexError(f"output {index} of an operation with {len(parts)} outputs")
    part: Tensor = parts[index]
    return part


def _index(text: str) -> int:
    """Index of 'name:index'."""
    return int(text.partition(":")[2] or 0)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
