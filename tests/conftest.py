"""Shared fixtures: a small hand-built frame whose geometry is known exactly."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES


@pytest.fixture
def map_grid() -> Grid:
    return Grid(-16.0, 16.0, -16.0, 16.0, 0.5)


def two_cameras() -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics and camera_T_lidar of a camera that looks forward and one that looks back, 64 x
    128 px, f = 64 px."""
    intrinsics = np.array([[64.0, 0, 63.5], [0, 64.0, 31.5], [0, 0, 1]])
    forward = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    backward = np.array([[0.0, 1, 0, 0], [0, 0, -1, 0], [-1, 0, 0, 0], [0, 0, 0, 1]])
    return np.stack([intrinsics, intrinsics]), np.stack([forward, backward])


@pytest.fixture
def frame(map_grid: Grid) -> Frame:
    """A car ahead and a pedestrian to the left, points on the ground and in the boxes, two cameras,
    a painted map."""
    rng = np.random.default_rng(5)
    boxes = np.array(
        [
            [8.0, 1.0, -1.0, 4.5, 1.9, 1.6, 0.3, 3.0, 1.0],
            [4.0, 6.0, -0.9, 0.7, 0.6, 1.8, -2.0, np.nan, np.nan],
        ],
        np.float32,
    )
    ground = np.column_stack([rng.uniform(-15, 15, (600, 2)), np.full(600, -1.8)])
    inside = []
    for box in boxes:
        local = rng.uniform(-0.45, 0.45, (40, 3)) * box[3:6]
        c, s = np.cos(box[6]), np.sin(box[6])
        inside.append(local @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + box[:3])
    xyz = np.concatenate([ground, *inside])
    points = np.column_stack([xyz, rng.uniform(0, 1, len(xyz)), np.zeros(len(xyz))]).astype(
        np.float32
    )
    masks = np.zeros((len(NUSCENES.map_names), *map_grid.shape), np.bool_)
    masks[0, 20:44] = True
    masks[1, 40:44, 30:34] = True
    K, camera_T_lidar = two_cameras()
    return Frame(
        token="hand-0",
        scene="hand",
        timestamp_s=10.0,
        points=points,
        ring=rng.integers(0, 32, len(xyz)).astype(np.int16),
        sweep_index=np.zeros(len(xyz), np.int16),
        sweep_T=np.eye(4)[None],
        images=tuple(rng.integers(0, 256, (64, 128, 3)).astype(np.uint8) for _ in range(2)),
        camera_K=K,
        camera_T_lidar=camera_T_lidar,
        camera_time_s=np.full(2, 10.0),
        ego_T_lidar=np.eye(4),
        global_T_lidar=np.eye(4),
        boxes=Boxes(
            boxes, np.array([0, 5]), np.array([0, 5]), np.array([40, 40]), ("car-1", "walker-1")
        ),
        map_masks=masks,
    )


@pytest.fixture(scope="session")
def graphs() -> ModuleType:
    """The module tests/graphs.py: small ONNX files by hand."""
    spec = importlib.util.spec_from_file_location(
        "hand_made_graphs", Path(__file__).with_name("graphs.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
