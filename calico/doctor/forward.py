"""One small computation with torch and one with ONNX Runtime."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from calico.doctor.devices import describe_fault, import_optional
from calico.frame import Boxes, Frame

SETTINGS = (
    "grid={x_range_m: [-16, 16], y_range_m: [-16, 16], pillar_m: 1.0, map_x_range_m: [-16, 16], "
    "map_y_range_m: [-16, 16]}",
    "model.lidar.pillar_channels=8",
    "model.camera={image_size: [64, 128], backbone_width: 0.125, fpn_channels: 8, channels: 8, "
    "depth_bins: 8}",
    "model.bev={layers: [1, 1], strides: [2, 2], channels: [8, 8], neck_channels: 8, "
    "out_stride: 2}",
    "model.detection.channels=8",
    "model.map.channels=8",
)
"""A network with cameras and LiDAR that is as small as one can be."""
POINTS, CELLS, CHANNELS = 500, 40, 8
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Trial:
    """How a computation went.

    Attributes:
        status: What happened.
        seconds: Time of the computation, without imports and loading, or None if it did not run.
        device: Device or provider that computed, or None.
        detail: What ran, why it did not, or what was wrong.
    """

    status: Literal["ok", "failed", "not run"]
    seconds: float | None
    device: str | None
    detail: str


def try_network(device: str) -> Trial:
    """Run a small network on a frame of random points and pixels.

    Args:
        device: 'cpu', 'cuda', 'cuda:N' or 'auto'.
    """
    torch, problem = import_optional("torch")
    if torch is None:
        return _missing(problem, "torch")
    try:
        from calico.config.load import load_config
        from calico.data.batch import collate_frames
        from calico.device import pick_device
        from calico.models.calico import build_model

        place = pick_device(device)
        config = load_config("tiny", None, SETTINGS)
        model = build_model(config, 0).eval().to(place)
        batch = collate_frames([make_frame(len(config.data.cameras), (64, 128))]).to(place)
        with torch.no_grad():
            start = time.perf_counter()
            (found,) = model.predict(batch)
            seconds = time.perf_counter() - start
    except Exception as error:  # whatever a broken driver or library raises is the finding
        return Trial("failed", None, None, f"a small network: {describe_fault(error)}")
    if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
        return Trial("failed", seconds, str(place), "a small network: answers are not finite")
    return Trial("ok", seconds, str(place), "a small network on one random frame")


def try_graph(device: str) -> Trial:
    """Run a small graph in ONNX Runtime, and compare it with numpy.

    The graph encodes points and takes the maximum in each cell. The exported models begin so, and
    older runtimes lack the operator (ScatterElements with max, opset 18).

    Args:
        device: 'cuda' or 'cuda:N' asks for the CUDA provider. Any other runs on the CPU.
    """
    onnx, problem = import_optional("onnx")
    runtime, other = import_optional("onnxruntime")
    if onnx is None or runtime is None:
        return _missing(problem or other, "onnx" if onnx is None else "onnxruntime")
    rng = np.random.default_rng(0)
    points = rng.normal(size=(POINTS, 4)).astype(np.float32)
    weights = rng.normal(size=(4, CHANNELS)).astype(np.float32)
    cells = np.repeat(rng.integers(0, CELLS, (POINTS, 1)), CHANNELS, axis=1)
    expected = np.zeros((CELLS, CHANNELS), np.float32)
    np.maximum.at(expected, (cells, np.arange(CHANNELS)[None]), points @ weights)
    wanted = [_provider(device), "CPUExecutionProvider"]
    try:
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # its errors come as exceptions, too
        if device.startswith("cuda") and hasattr(runtime, "preload_dlls"):
            runtime.preload_dlls()
        session = runtime.InferenceSession(
            _write_graph(onnx, weights), options, providers=list(dict.fromkeys(wanted))
        )
        start = time.perf_counter()
        (found,) = session.run(["canvas"], {"points": points, "cells": cells})
        seconds = time.perf_counter() - start
    except Exception as error:  # ONNX Runtime's exceptions share no public base
        return Trial("failed", None, None, f"a small graph: {describe_fault(error)}")
    provider = session.get_providers()[0]
    if provider != wanted[0]:
        return Trial("failed", seconds, provider, f"a small graph: {wanted[0]} did not load")
    gap = float(np.abs(found - expected).max())
    if not gap < TOLERANCE:
        return Trial("failed", seconds, provider, f"a small graph: differs from numpy by {gap:g}")
    return Trial("ok", seconds, provider, "a small graph, equal to numpy")


def make_frame(views: int, image_size: tuple[int, int]) -> Frame:
    """Make a frame of random points and pixels, the same on every machine.

    Args:
        views: Number of cameras.
        image_size: Height and width [px].
    """
    rng = np.random.default_rng(0)
    height, width = image_size
    points = np.zeros((POINTS, 5), np.float32)
    points[:, :4] = rng.uniform((-15, -15, -2, 0), (15, 15, 1, 1), (POINTS, 4))
    matrix = np.array([[width / 2, 0, width / 2], [0, width / 2, height / 2], [0, 0, 1.0]])
    eye = np.eye(4)
    return Frame(
        token="doctor",
        scene="doctor",
        timestamp_s=0.0,
        points=points,
        ring=np.full(POINTS, -1, np.int16),
        sweep_index=np.zeros(POINTS, np.int16),
        sweep_T=eye[None],
        images=tuple(rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(views)),
        camera_K=np.tile(matrix, (views, 1, 1)),
        camera_T_lidar=np.tile(eye, (views, 1, 1)),
        camera_time_s=np.zeros(views),
        ego_T_lidar=eye,
        global_T_lidar=eye,
        boxes=Boxes.empty(),
    )


def _missing(problem: str, package: str) -> Trial:
    if problem:
        return Trial("failed", None, None, problem)
    return Trial("not run", None, None, f"{package} is not installed")


def _provider(device: str) -> str:
    return "CUDAExecutionProvider" if device.startswith("cuda") else "CPUExecutionProvider"


def _write_graph(onnx: Any, weights: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    helper, kind = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["points", "weights"], ["features"]),
            helper.make_node(
                "ScatterElements",
                ["zeros", "cells", "features"],
                ["canvas"],
                axis=0,
                reduction="max",
            ),
        ],
        "doctor",
        [
            helper.make_tensor_value_info("points", kind.FLOAT, [POINTS, 4]),
            helper.make_tensor_value_info("cells", kind.INT64, [POINTS, CHANNELS]),
        ],
        [helper.make_tensor_value_info("canvas", kind.FLOAT, [CELLS, CHANNELS])],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(np.zeros((CELLS, CHANNELS), np.float32), "zeros"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content
