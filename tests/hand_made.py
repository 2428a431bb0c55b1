"""A small source of frames made by hand: quick to write in any layout."""

from __future__ import annotations

import hashlib

import numpy as np

from calico.data.source import FrameInfo
from calico.frame import Boxes, Frame, Int64
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES

FORWARD = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
K = np.array([[64.0, 0, 15.5], [0, 64.0, 7.5], [0, 0, 1]])


class HandMade:
    """One scene of some frames, with one camera, forty points and two objects in each."""

    name, cameras, taxonomy = "hand", ("front",), NUSCENES
    map_grid: Grid | None = Grid(-16.0, 16.0, -16.0, 16.0, 0.5)

    def __init__(self, frames: int) -> None:
        self._frames = [_make(number) for number in range(frames)]

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Frame:
        return self._frames[index]

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(self[index].token, self[index].scene)

    def labels(self, index: int) -> Int64:
        return self[index].boxes.labels

    def annotations(self, index: int) -> Frame:
        return self[index].without_sensors()

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        return frozenset({(16, 32)})

    def content_hash(self) -> str:
        return hashlib.sha256(b"hand").hexdigest()

    labels_hash = content_hash


def _make(number: int) -> Frame:
    rng = np.random.default_rng(number)
    points = rng.uniform(-10, 10, (40, 5)).astype(np.float32)
    points[:, 3], points[:, 4] = rng.uniform(0, 1, 40), 0.0
    boxes = np.array(
        [[8, 0.2, 0, 4, 2, 1.5, 0.3, 1, 0], [9, 1, 0, 0.7, 0.7, 1.8, -2, np.nan, np.nan]],
        np.float32,
    )
    pose = np.eye(4)
    pose[:3, 3] = (1000.0 + number, 500.0, 2.0)
    mount = np.eye(4)
    mount[:3, 3] = (0.9, 0.0, 1.8)
    masks = rng.random((len(NUSCENES.map_names), 64, 64)) < 0.5
    return Frame(
        token=f"hand-{number}",
        scene="hand",
        timestamp_s=10.0 + 0.5 * number,
        points=points,
        ring=rng.integers(0, 32, 40).astype(np.int16),
        sweep_index=np.zeros(40, np.int16),
        sweep_T=np.eye(4)[None],
        images=(rng.integers(0, 256, (16, 32, 3)).astype(np.uint8),),
        camera_K=K[None],
        camera_T_lidar=FORWARD[None],
        camera_time_s=np.array([10.0 + 0.5 * number]),
        ego_T_lidar=mount,
        global_T_lidar=pose,
        boxes=Boxes(boxes, np.array([0, 5]), np.array([0, -1]), np.array([3, 2]), ("car", "man")),
        map_masks=masks,
        conditions={"weather": "sunny"},
    )
