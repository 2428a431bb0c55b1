"""A model of your own: imports nothing of CALICO, needs numpy and scipy only.

    calico robust examples.user_model:build ...

A classical LiDAR detector. It removes the ground, joins the other points into clusters, fits a box
to each, and calls it a car or a pedestrian by its size. It has no training and no camera, so that
corruptions of the images leave it alone, which the report shows. docs/start/your_model.md says what
a frame holds and what `predict` must return.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[Any]

# Rows of CALICO's class list: car truck bus trailer construction_vehicle pedestrian ...
CAR, PEDESTRIAN = 0, 5
TYPICAL_SIZE = {CAR: (4.6, 1.95, 1.7), PEDESTRIAN: (0.75, 0.7, 1.75)}  # length, width, height [m]


class ClusterDetector:
    """Finds clusters on a grid.

    `predict` is all that CALICO asks for; `name`, `sensors` and `sha256` are optional.
    """

    name = "cluster"
    sensors = ("lidar",)
    sha256 = "no weights"

    def __init__(self, range_m: float = 50.0, cell_m: float = 0.4, min_points: int = 4) -> None:
        self.range_m = range_m
        self.cell_m = cell_m
        self.min_points = min_points

    def predict(self, frames: Sequence[Any]) -> list[dict[str, Array]]:
        """One mapping per frame: boxes (M, 9), scores (M,), labels (M,)."""
        return [self._detect(frame.points) for frame in frames]

    def _detect(self, points: Array) -> dict[str, Array]:
        above = self._above_ground(points[:, :3].astype(np.float64))
        objects = [
            found for cluster in self._clusters(above) if (found := _fit(cluster)) is not None
        ]
        return {
            "boxes": np.array([box for box, _, _ in objects], np.float32).reshape(-1, 9),
            "scores": np.array([score for _, score, _ in objects], np.float32),
            "labels": np.array([label for _, _, label in objects], np.int64),
        }

    def _above_ground(self, xyz: Array) -> Array:
        """The points 0.3 to 2.5 m above the lowest point near them (3 x 3 cells of 4 m)."""
        xyz = xyz[np.abs(xyz[:, :2]).max(axis=1, initial=0.0) < self.range_m]
        cells = int(2 * self.range_m / 4.0) + 1
        column, row = ((xyz[:, :2] + self.range_m) / 4.0).astype(int).T
        lowest = np.full((cells, cells), np.inf)
        np.minimum.at(lowest, (row, column), xyz[:, 2])
        ground: Array = ndimage.minimum_filter(lowest, size=3, mode="nearest")
        height = xyz[:, 2] - ground[row, column]
        above: Array = xyz[(height > 0.3) & (height < 2.5)]
        return above

    def _clusters(self, xyz: Array) -> list[Array]:
        """Points whose cells touch, also at a corner."""
        cells = int(2 * self.range_m / self.cell_m) + 1
        column, row = ((xyz[:, :2] + self.range_m) / self.cell_m).astype(int).T
        occupied = np.zeros((cells, cells), bool)
        occupied[row, column] = True
        names, count = ndimage.label(occupied, structure=np.ones((3, 3)))
        owner = names[row, column]
        order = np.argsort(owner, kind="stable")
        parts = np.split(xyz[order], np.searchsorted(owner[order], np.arange(2, count + 1)))
        return [part for part in parts if len(part) >= self.min_points]


def build() -> ClusterDetector:
    """The factory that `calico robust examples.user_model:build` calls."""
    return ClusterDetector()


def _fit(cluster: Array) -> tuple[list[float], float, int] | None:
    """Box, score and class of a cluster; None where it is neither a car nor a pedestrian."""
    yaw = _heading(cluster[:, :2])
    low, high, turn = _extent(cluster, yaw)
    length, width = high - low
    if 1.3 < length < 2.3:  # the end of a car: its long side is hidden
        yaw += np.pi / 2
        low, high, turn = _extent(cluster, yaw)
    height = float(np.ptp(cluster[:, 2])) + 0.3  # the part cut off with the ground
    if length < 1.1 and 0.9 < height < 2.2:
        label = PEDESTRIAN
    elif 1.3 < length < 6.0 and width < 2.6 and 0.8 < height < 2.3:
        label = CAR
    else:
        return None
    size = np.maximum([length, width, height], TYPICAL_SIZE[label])
    center = _amodal_center(low, high, size[:2], turn)
    bottom = cluster[:, 2].min() - 0.3
    evidence = 1.0 - np.exp(-len(cluster) / 20.0)
    likeness = np.exp(-abs(height - TYPICAL_SIZE[label][2]))
    box = [*center, bottom + size[2] / 2, *size, yaw, 0.0, 0.0]
    return [float(value) for value in box], float(evidence * likeness), label


def _extent(cluster: Array, yaw: float) -> tuple[Array, Array, Array]:
    """The lowest and highest coordinates along and across the heading, and the turn (2, 2)."""
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    local = cluster[:, :2] @ turn.T
    return local.min(axis=0), local.max(axis=0), turn


def _heading(xy: Array) -> float:
    """The angle of the rectangle whose edges lie closest to the points (Zhang et al. 2017)."""
    angles = np.arange(0.0, np.pi / 2, np.pi / 60)
    axes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    along = xy @ axes.T
    across = xy @ np.stack([-axes[:, 1], axes[:, 0]])
    to_edge = [
        np.minimum(side - side.min(axis=0), side.max(axis=0) - side) for side in (along, across)
    ]
    closeness = (1.0 / np.maximum(np.minimum(*to_edge), 0.1)).sum(axis=0)
    best = int(closeness.argmax())
    turned = np.ptp(across[:, best]) > np.ptp(along[:, best])
    return float(angles[best] + (np.pi / 2 if turned else 0.0))


def _amodal_center(low: Array, high: Array, size: Array, turn: Array) -> Array:
    """Grows the seen rectangle to `size` away from the sensor, which sees the near sides only."""
    near_low = np.abs(low) <= np.abs(high)
    local = np.where(near_low, low + size / 2, high - size / 2)
    return local @ turn
