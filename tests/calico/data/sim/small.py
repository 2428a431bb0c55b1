"""Small simulated worlds and frames that several tests share."""

from __future__ import annotations

import numpy as np

from calico.config.data import SimConfig
from calico.data.sim.compose import compose_frame
from calico.data.sim.world import World
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.taxonomy import CAMERAS, NUSCENES

GRID = Grid(-32, 32, -32, 32, 0.5)
SIZE = (48, 128)
DEFAULT = SimConfig()
TINY = SimConfig(train_scenes=1, val_scenes=1, frames_per_scene=3, image_size=(24, 64))
ARRAYS = (
    "points",
    "ring",
    "sweep_index",
    "sweep_T",
    "camera_K",
    "camera_T_lidar",
    "camera_time_s",
    "ego_T_lidar",
)
BOXES = ("boxes", "labels", "attributes", "num_points")


def frame_of(world: World, key: int, sweeps: int = 1) -> Frame:
    return compose_frame(world, (f"t{key}", "s"), key, 5, GRID, CAMERAS, SIZE, sweeps, NUSCENES)


def assert_same(a: Frame, b: Frame) -> None:
    for name in (*ARRAYS, "global_T_lidar", "map_masks"):
        first, second = getattr(a, name), getattr(b, name)
        assert first.dtype == second.dtype, name
        assert np.array_equal(first, second), name
    for name in BOXES:
        assert np.array_equal(getattr(a.boxes, name), getattr(b.boxes, name)), name
    assert all(np.array_equal(x, y) for x, y in zip(a.images, b.images, strict=True))
    assert (a.token, a.scene, a.timestamp_s, a.boxes.instances) == (
        b.token,
        b.scene,
        b.timestamp_s,
        b.boxes.instances,
    )
