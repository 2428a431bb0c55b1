"""Every corruption on a frame of five LiDARs and two sweeps."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.waymo.frames import SensorChoice, build_frame
from calico.data.waymo.records import CAMERA_NAMES, LASERS, WaymoRecord
from calico.frame import Float64, Frame
from calico.taxonomy import WAYMO
from corruptions import corrupt, list_corruptions
from corruptions.frame_like import POINT_FIELDS

ALONG_RAYS = {"fog": 0, "rain": 0, "snowfall": 8, "sunlight": 0, "spray": 0} | {
    "point_radial_noise": 300,
    "ghost_points": 20,
}
"""Corruptions that move points along their rays, and how many points of the four LiDARs at the
sides move at least at severity 5."""


@pytest.fixture(scope="module")
def frame(records: tuple[WaymoRecord, ...]) -> Frame:
    """A frame whose elongation numbers its points, so that they can be found again."""
    choice = SensorChoice(tuple(LASERS), (1, 2), tuple(CAMERA_NAMES))
    before, now = (build_frame(records[n::-1][:2], choice, WAYMO) for n in (1, 2))
    numbers = np.arange(len(now.points), dtype=np.float32)
    return now.replace(elongation=numbers, previous=lambda: before)


def directions(points: Float64) -> Float64:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize("name", list_corruptions())
def test_every_corruption_runs_and_keeps_the_fields_in_step(name: str, frame: Frame) -> None:
    after = corrupt(frame, name, 3, 7)
    for field in POINT_FIELDS:
        assert len(getattr(after, field)) == len(after.points), field
    assert after.taxonomy == WAYMO
    assert [image.shape for image in after.images] == [image.shape for image in frame.images]
    assert len(after.ray_origins) == len(after.points)
    assert after.boxes.difficulty is not None
    assert len(after.boxes.difficulty) == len(after.boxes)


@pytest.mark.parametrize("name", ALONG_RAYS)
def test_points_stay_on_the_ray_of_their_own_lidar(name: str, frame: Frame) -> None:
    after = corrupt(frame, name, 5, 7)
    assert after.elongation is not None
    assert frame.lidar_index is not None
    rows = after.elongation.astype(np.int64)
    before = frame.points[rows, :3].astype(np.float64)
    there = after.points[:, :3].astype(np.float64)
    moved = np.linalg.norm(there - before, axis=1) > 0.05
    assert moved.any()
    side = moved & (frame.lidar_index[rows] > 0)
    assert side.sum() >= ALONG_RAYS[name]
    origins = frame.ray_origins[rows]
    own = np.abs(directions(before - origins) - directions(there - origins))[moved]
    assert own.max() < 1e-3
    if ALONG_RAYS[name]:
        main = np.abs(directions(before) - directions(there))[side]
        assert main.max() > 0.05  # the roof LiDAR would be the wrong origin
