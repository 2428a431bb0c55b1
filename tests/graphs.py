"""Small ONNX files by hand: a real card, and a graph that gives every frame the same answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from calico.config.load import portable_config
from calico.config.model import BevConfig, DetectionConfig, GridConfig, MapConfig, ModelConfig
from calico.config.schema import Config
from calico.export.metadata import GraphMetadata
from calico.export.sealing import seal_graph
from calico.export.shapes import input_names, output_names

SLOTS = 4
CONFIG = Config(
    name="constant",
    grid=GridConfig(
        x_range_m=(-16, 16),
        y_range_m=(-16, 16),
        pillar_m=1.0,
        map_x_range_m=(-16, 16),
        map_y_range_m=(-16, 16),
        map_cell_m=1.0,
    ),
    model=ModelConfig(
        camera=None,
        bev=BevConfig(layers=(1,), strides=(1,), channels=(8,), neck_channels=8, out_stride=1),
        detection=DetectionConfig(tasks=(("car",),), max_boxes=SLOTS),
        map=MapConfig(),
    ),
)


def answers() -> dict[str, np.ndarray]:
    """Of one frame: two cars in the first slots, and a map of 0.5."""
    boxes = np.zeros((SLOTS, 9), np.float32)
    boxes[:2] = [[5, 2, -1, 4, 2, 1.5, 0.1, 1, 0], [-8, -2, -1, 4, 2, 1.5, 3.0, 0, 0]]
    scores = np.array([0.9, 0.5, 0, 0], np.float32)
    labels = np.zeros(SLOTS, np.int64)
    maps = np.full((6, 32, 32), 0.5, np.float32)
    return {
        "boxes": boxes,
        "scores": scores,
        "labels": labels,
        "nms_residual": np.zeros((), np.float32),
        "map_probs": maps,
    }


def metadata(config: Config = CONFIG) -> GraphMetadata:
    """The card of such a graph."""
    return GraphMetadata(
        target="ort",
        config=portable_config(config),
        inputs=input_names(config, "ort"),
        outputs=output_names(config),
        views=0,
        raw_hw=(0, 0),
        pillars=None,
        weights_sha256="0" * 64,
    )


def write_graph(
    path: Path,
    changes: Mapping[str, np.ndarray] | None = None,
    edit: Callable[[onnx.ModelProto], Any] = lambda proto: None,
    config: Config = CONFIG,
) -> Path:
    """Writes a graph.

    Args:
        changes: other answers than `answers()`; their shapes and types are declared as they are.
        edit: changes the whole before it is written.
    """
    one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
    zero = helper.make_tensor("zero", TensorProto.INT64, [1], [0])
    nodes = [
        helper.make_node("Shape", ["points"], ["all"]),
        helper.make_node("Slice", ["all", "zero", "one"], ["count"]),
    ]
    stored, outputs = [one, zero], []
    for name, value in (answers() | dict(changes or {})).items():
        stored += [
            numpy_helper.from_array(value[None], f"{name}_one"),
            helper.make_tensor(f"{name}_shape", TensorProto.INT64, [value.ndim], value.shape),
        ]
        nodes += [
            helper.make_node("Concat", ["count", f"{name}_shape"], [f"{name}_size"], axis=0),
            helper.make_node("Expand", [f"{name}_one", f"{name}_size"], [name]),
        ]
        element = helper.np_dtype_to_tensor_dtype(value.dtype)
        outputs.append(helper.make_tensor_value_info(name, element, ["batch", *value.shape]))
    inputs = [
        helper.make_tensor_value_info("points", TensorProto.FLOAT, ["batch", "points", 5]),
        helper.make_tensor_value_info("point_mask", TensorProto.BOOL, ["batch", "points"]),
    ]
    graph = helper.make_graph(nodes, "constant", inputs, outputs, stored)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    for name, text in metadata(config).to_properties().items():
        proto.metadata_props.add(key=name, value=text)
    edit(proto)
    path.write_bytes(seal_graph(proto))
    return path
