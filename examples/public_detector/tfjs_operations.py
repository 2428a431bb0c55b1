"""Operations of a TensorFlow.js graph in torch.

Each builder checks the attributes of a node and returns a function of its tensors. Numbers that
shape a result (a permutation, paddings, sizes) must be constants of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from examples.public_detector.tfjs_nodes import Node, Output
from examples.public_detector.tfjs_weights import Array

MAX_SIDE = 8192
"""Largest side of a resized image, and largest padding."""

Operation = Callable[[Sequence[Tensor]], Any]
Built = tuple[Operation, tuple[Output, ...]]
"""What to compute, and the outputs of other nodes that it takes."""
Constants = dict[str, Array]


def build_operation(node: Node, constants: Constants) -> Built:
    """Build what a node computes.

    Args:
        node: A node that is no Const and no Placeholder.
        constants: Values by name. A filter is added in torch's layout under a name of its own.

    Returns:
        A function of a list of tensors that gives one tensor, or a tuple for a node with several
        outputs, and the inputs that the list holds.

    Raises:
        CalicoError: The operation, the number of inputs or an attribute is not supported.
    """
    builder = BUILDERS.get(node.op)
    if builder is None:
        raise node.refuse("no interpretation", f"one of {', '.join(sorted(BUILDERS))}")
    least, build = builder
    if len(node.inputs) < least or (node.op != "ConcatV2" and len(node.inputs) > least):
        raise node.refuse(f"{len(node.inputs)} inputs", str(least))
    return build(node, constants)


def _read_constant(node: Node, constants: Constants, place: int) -> list[int]:
    """Read a constant input of whole numbers."""
    value = constants.get(node.inputs[place][0])
    if value is None or value.dtype != np.int32 or value.size > 64:
        raise node.refuse(f"input {place} that is computed", "whole numbers that are constant")
    return [int(number) for number in value.reshape(-1)]


def _read_axis(node: Node, constants: Constants, place: int) -> int:
    axis = _read_constant(node, constants, place)
    if len(axis) != 1:
        raise node.refuse(f"the axis {axis}", "one number")
    return axis[0]


def _require(node: Node, key: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise node.refuse(f"{key} {found}", f"{expected}")


def _read_window(node: Node, key: str) -> tuple[int, int]:
    """Read (rows, columns) of a list for the layout NHWC."""
    numbers = node.read_numbers(key, (1, 1, 1, 1))
    if len(numbers) != 4 or numbers[0] != 1 or numbers[3] != 1:
        raise node.refuse(f"{key} {numbers}", "(1, rows, columns, 1)")
    return numbers[1], numbers[2]


def _build_convolution(node: Node, constants: Constants) -> Built:
    _require(node, "data_format", node.read_text("data_format", "NHWC"), "NHWC")
    _require(node, "padding", node.read_text("padding"), "VALID")
    stride, dilation = _read_window(node, "strides"), _read_window(node, "dilations")
    name = node.inputs[1][0]
    weights = constants.get(name)
    if weights is None or weights.ndim != 4 or weights.dtype != np.float32:
        raise node.refuse("a filter that is computed", "a constant (rows, columns, in, out)")
    stored = f"{name} in torch's layout"
    constants[stored] = np.ascontiguousarray(weights.transpose(3, 2, 0, 1))

    def convolve(values: Sequence[Tensor]) -> Tensor:
        images = values[0].permute(0, 3, 1, 2)
        return F.conv2d(images, values[1], stride=stride, dilation=dilation).permute(0, 2, 3, 1)

    return convolve, (node.inputs[0], (stored, 0))


def _build_pooling(node: Node, constants: Constants) -> Built:
    _require(node, "data_format", node.read_text("data_format", "NHWC"), "NHWC")
    _require(node, "padding", node.read_text("padding"), "VALID")
    window, stride = _read_window(node, "ksize"), _read_window(node, "strides")

    def pool(values: Sequence[Tensor]) -> Tensor:
        return F.max_pool2d(values[0].permute(0, 3, 1, 2), window, stride).permute(0, 2, 3, 1)

    return pool, node.inputs


def _build_resize(node: Node, constants: Constants) -> Built:
    """Resize bilinearly without smoothing, as TensorFlow with half_pixel_centers."""
    _require(node, "half_pixel_centers", node.read_flag("half_pixel_centers"), True)
    _require(node, "align_corners", node.read_flag("align_corners"), False)
    size = _read_constant(node, constants, 1)
    if len(size) != 2 or not all(0 < side <= MAX_SIDE for side in size):
        raise node.refuse(f"the size {size}", f"two numbers from 1 to {MAX_SIDE}")

    def resize(values: Sequence[Tensor]) -> Tensor:
        images = values[0].permute(0, 3, 1, 2)
        return F.interpolate(images, size=size, mode="bilinear").permute(0, 2, 3, 1)

    return resize, node.inputs[:1]


def _build_padding(node: Node, constants: Constants) -> Built:
    amounts = _read_constant(node, constants, 1)
    if len(amounts) % 2 or not all(0 <= amount <= MAX_SIDE for amount in amounts):
        raise node.refuse(f"paddings {amounts}", f"pairs of numbers from 0 to {MAX_SIDE}")
    pairs = [amounts[i : i + 2] for i in range(0, len(amounts), 2)]
    backwards = [amount for pair in reversed(pairs) for amount in pair]
    value = 0.0
    if node.op == "PadV2":
        constant = constants.get(node.inputs[2][0])
        if constant is None or constant.size != 1:
            raise node.refuse("a value that is computed", "one constant number")
        value = float(constant.reshape(-1)[0])
    return lambda values: F.pad(values[0], backwards, value=value), node.inputs[:1]


def _build_transposition(node: Node, constants: Constants) -> Built:
    order = _read_constant(node, constants, 1)
    return lambda values: values[0].permute(order), node.inputs[:1]


def _build_reshaping(node: Node, constants: Constants) -> Built:
    shape = _read_constant(node, constants, 1)
    return lambda values: values[0].reshape(shape), node.inputs[:1]


def _build_concatenation(node: Node, constants: Constants) -> Built:
    axis = _read_axis(node, constants, -1)
    return lambda values: torch.cat(list(values), dim=axis), node.inputs[:-1]


def _build_split(node: Node, constants: Constants) -> Built:
    sizes, axis = _read_constant(node, constants, 1), _read_axis(node, constants, 2)
    return lambda values: torch.split(values[0], sizes, dim=axis), node.inputs[:1]


def _build_leaky_relu(node: Node, constants: Constants) -> Built:
    slope = node.read_float("alpha", 0.2)
    return lambda values: F.leaky_relu(values[0], slope), node.inputs


def _build_sum(node: Node, constants: Constants) -> Built:
    return lambda values: values[0] + values[1], node.inputs


def _build_sigmoid(node: Node, constants: Constants) -> Built:
    return lambda values: values[0].sigmoid(), node.inputs


def _build_identity(node: Node, constants: Constants) -> Built:
    return lambda values: values[0], node.inputs


BUILDERS: dict[str, tuple[int, Callable[[Node, Constants], Built]]] = {
    "Add": (2, _build_sum),
    "AddV2": (2, _build_sum),
    "ConcatV2": (2, _build_concatenation),
    "Conv2D": (2, _build_convolution),
    "Identity": (1, _build_identity),
    "LeakyRelu": (1, _build_leaky_relu),
    "MaxPool": (1, _build_pooling),
    "Pad": (2, _build_padding),
    "PadV2": (3, _build_padding),
    "Reshape": (2, _build_reshaping),
    "ResizeBilinear": (2, _build_resize),
    "Sigmoid": (1, _build_sigmoid),
    "SplitV": (3, _build_split),
    "Transpose": (2, _build_transposition),
}
"""Operation to its number of inputs (at least, for ConcatV2) and its builder."""
