"""Simulated frames as other rigs would see them, for tests of the commands on any rig."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calico.data.folder import write_folder
from calico.data.open import open_data
from calico.data.source import FrameInfo, FrameSource
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid

SIM = (
    "data.sim={train_scenes: 1, val_scenes: 1, frames_per_scene: 2, image_size: [32, 64]}",
    "grid={x_range_m: [-16, 16], y_range_m: [-16, 16], pillar_m: 1.0, map_x_range_m: [-16, 16], "
    "map_y_range_m: [-16, 16]}",
)


@dataclass
class Changed:
    """A source whose frames a function changes."""

    inner: FrameSource
    change: Callable[[Frame], Frame]
    cameras: tuple[str, ...]
    map_grid: Grid | None

    def __post_init__(self) -> None:
        self.name, self.taxonomy = self.inner.name, self.inner.taxonomy

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Frame:
        return self.change(self.inner[index])

    def info(self, index: int) -> FrameInfo:
        return self.inner.info(index)

    def labels(self, index: int) -> Int64:
        return self.inner.labels(index)

    def annotations(self, index: int) -> Frame:
        return self[index].without_sensors()

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        return frozenset(i.shape[:2] for i in self[0].images)  # type: ignore[misc]

    def content_hash(self) -> str:
        return self.inner.content_hash()

    def labels_hash(self) -> str:
        return self.inner.labels_hash()


def keep_views(count: int) -> Callable[[Frame], Frame]:
    """Leave the first cameras."""

    def change(frame: Frame) -> Frame:
        return frame.replace(
            images=frame.images[:count],
            camera_K=frame.camera_K[:count],
            camera_T_lidar=frame.camera_T_lidar[:count],
            camera_time_s=frame.camera_time_s[:count],
        )

    return change


def split_lidars(frame: Frame) -> Frame:
    """Three LiDARs: returns of the left and of the right half go to two more, at the sides."""
    lidar_T = np.stack([np.eye(4)] * 3)
    lidar_T[1, :3, 3], lidar_T[2, :3, 3] = (0.0, 0.6, -0.5), (0.0, -0.6, -0.5)
    far = np.abs(frame.points[:, 1]) > 6
    index = np.where(far, np.where(frame.points[:, 1] > 0, 1, 2), 0).astype(np.int16)
    ring = (frame.ring + 32 * index).astype(np.int16)
    return frame.replace(lidar_index=index, lidar_T=lidar_T, ring=ring)


def drop_rings(frame: Frame) -> Frame:
    """A sensor that does not tell beams."""
    return frame.replace(ring=np.full_like(frame.ring, -1))


def drop_map(frame: Frame) -> Frame:
    return frame.replace(map_masks=None)


RIGS: dict[str, tuple[Callable[[Frame], Frame], int, bool]] = {
    "six_cameras": (lambda frame: frame, 6, True),
    "one_camera": (keep_views(1), 1, True),
    "no_camera": (keep_views(0), 0, True),
    "three_lidars": (split_lidars, 6, True),
    "no_rings": (drop_rings, 6, True),
    "no_map": (drop_map, 6, False),
}
"""Name to the change of a frame, the number of cameras, and whether there is a map."""


def simulated(name: str, split: str, cache: Path) -> Changed:
    """The frames of a split as a rig sees them."""
    change, cameras, has_map = RIGS[name]
    settings = [*SIM, f"data.cache_dir={cache}"]
    inner = open_data("sim", split, settings=settings)  # type: ignore[arg-type]
    grid = inner.map_grid if has_map else None
    return Changed(inner, change, inner.cameras[:cameras], grid)


def write_rig(name: str, out: Path, cache: Path) -> Path:
    """Write the folder of a rig, with the splits train and val."""
    sources = {split: simulated(name, split, cache) for split in ("train", "val")}
    write_folder(sources, out, name=name)
    return out
