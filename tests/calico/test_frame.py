"""What Frame and Boxes refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame


def with_nan(frame: Frame) -> np.ndarray:
    points = frame.points.copy()
    points[[3, 8], [0, 4]] = np.nan, np.inf
    return points


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("points", lambda f: f.points[:, :4], r"points has shape \(680, 4\), expected \(680, 5\)"),
        ("points", lambda f: f.points.astype(np.float64), "points are float64, expected float32"),
        ("points", with_nan, r"2 of 680 points are NaN or infinite \(first: row 3\)"),
        ("ring", lambda f: f.ring[1:], r"ring has shape \(679,\), expected \(680,\)"),
        ("sweep_index", lambda f: f.sweep_index[None], "sweep_index has shape"),
        (
            "camera_K",
            lambda f: f.camera_K[:1],
            r"camera_K has shape \(1, 3, 3\), expected \(2, 3, 3\)",
        ),
        ("camera_T_lidar", lambda f: f.camera_T_lidar[0], "camera_T_lidar has shape"),
        ("camera_time_s", lambda f: f.camera_time_s[:1], "camera_time_s has shape"),
        ("ego_T_lidar", lambda f: np.eye(3), r"ego_T_lidar has shape \(3, 3\), expected \(4, 4\)"),
        ("global_T_lidar", lambda f: np.eye(3), "global_T_lidar has shape"),
        ("images", lambda f: (f.images[0], f.images[1] / 255.0), "image 1 is float64"),
        (
            "images",
            lambda f: (f.images[0][..., 0], f.images[1]),
            r"image 0 is uint8 \(64, 128\), expected uint8",
        ),
    ],
)
def test_frame_refuses(frame: Frame, name: str, change: object, message: str) -> None:
    with pytest.raises(CalicoError, match=f"frame hand-0: {message}"):
        replace(frame, **{name: change(frame)})  # type: ignore[operator]


def test_a_frame_may_be_empty(frame: Frame) -> None:
    none = np.zeros(0, np.int16)
    empty = frame.replace(
        points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none, boxes=Boxes.empty()
    )
    assert len(empty.points) == len(empty.boxes) == 0
    blind = frame.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    assert blind.image_from_lidar.shape == (0, 4, 4)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "boxes",
            np.zeros((2, 7), np.float32),
            r"Boxes.boxes: got shape \(2, 7\), expected \(M, 9\)",
        ),
        ("labels", np.zeros(3, np.int64), r"Boxes.labels: got shape \(3,\), expected \(2,\)"),
        ("attributes", np.zeros((2, 1), np.int64), "Boxes.attributes: got shape"),
        ("num_points", np.zeros(1, np.int64), "Boxes.num_points: got shape"),
        ("instances", ("a",), "Boxes.instances: got 1 names, expected 2"),
    ],
)
def test_boxes_refuse(frame: Frame, name: str, value: object, message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        replace(frame.boxes, **{name: value})


def test_select_keeps_the_fields_together(frame: Frame) -> None:
    chosen = frame.boxes.select(np.array([False, True]))
    assert chosen.instances == ("walker-1",)
    assert chosen.labels.tolist() == [5]
    assert frame.boxes.select(np.array([1, 0])).instances == ("walker-1", "car-1")


def turned_mounts() -> np.ndarray:
    """The main LiDAR at the origin, and one 4 m ahead, 2 m lower and turned by 90 degrees."""
    mounts = np.tile(np.eye(4), (2, 1, 1))
    mounts[1, :3] = [[0, -1, 0, 4.0], [1, 0, 0, 0.0], [0, 0, 1, -2.0]]
    return mounts


def test_rays_begin_at_their_own_lidar_in_their_own_sweep(frame: Frame) -> None:
    """By hand: the second sweep was taken 1 m back, so its front LiDAR stood at x = 3 m."""
    n = len(frame.points)
    back = np.eye(4)
    back[0, 3] = -1.0
    several = frame.replace(
        sweep_T=np.stack([np.eye(4), back]),
        sweep_index=(np.arange(n) % 2).astype(np.int16),
        lidar_index=(np.arange(n) // 2 % 2).astype(np.int16),
        lidar_T=turned_mounts(),
    )
    expected = [[0, 0, 0], [-1, 0, 0], [4, 0, -2], [3, 0, -2]]
    assert np.array_equal(several.ray_origins[:4], expected)
    assert np.array_equal(several.main_sweep[:3], [0, 4, 8])
    assert np.array_equal(several.main_origin, [0, 0, 0])
    alone = several.replace(lidar_index=None, lidar_T=None)
    assert np.array_equal(alone.ray_origins[:4], [[0, 0, 0], [-1, 0, 0], [0, 0, 0], [-1, 0, 0]])
    assert np.array_equal(alone.main_sweep[:3], [0, 2, 4])


def test_rows_of_points_are_taken_and_added_in_every_field(frame: Frame) -> None:
    n = len(frame.points)
    full = frame.replace(
        elongation=np.linspace(0, 1, n, dtype=np.float32),
        lidar_index=(np.arange(n) % 2).astype(np.int16),
        lidar_T=turned_mounts(),
        unlabelled=np.arange(n) % 3 == 0,
    )
    rows = np.array([5, 2, 9])
    taken = full.take_points(rows)
    longer = full.append_points(np.ones((3, 5), np.float32), rows)
    for name in ("ring", "elongation", "lidar_index", "unlabelled"):
        assert np.array_equal(getattr(taken, name), getattr(full, name)[rows])
        assert np.array_equal(getattr(longer, name)[n:], getattr(full, name)[rows])
        assert np.array_equal(getattr(longer, name)[:n], getattr(full, name))
    assert np.array_equal(longer.points[:n], full.points)
    assert np.array_equal(longer.sweep_index[n:], [0, 0, 0])


def test_a_lidar_index_needs_poses(frame: Frame) -> None:
    index = np.zeros(len(frame.points), np.int16)
    with pytest.raises(CalicoError, match="only one of lidar_index and lidar_T"):
        frame.replace(lidar_index=index)
    with pytest.raises(CalicoError, match="lidar_index has shape"):
        frame.replace(lidar_index=index[1:], lidar_T=np.eye(4)[None])
    with pytest.raises(CalicoError, match=r"lidar_T has shape \(1, 3, 4\)"):
        frame.replace(lidar_index=index, lidar_T=np.eye(4)[None, :3])
    with pytest.raises(CalicoError, match="elongation has shape"):
        frame.replace(elongation=np.zeros(1, np.float32))


def test_boxes_keep_difficulty_and_camera_synced_boxes(frame: Frame) -> None:
    boxes = replace(
        frame.boxes,
        difficulty=np.array([2, 0]),
        camera_synced=np.arange(14, dtype=np.float32).reshape(2, 7),
    )
    second = boxes.select(np.array([1]))
    assert second.difficulty is not None
    assert second.camera_synced is not None
    assert second.difficulty.tolist() == [0]
    assert second.camera_synced[0].tolist() == [7, 8, 9, 10, 11, 12, 13]
    with pytest.raises(CalicoError, match="difficulty: got shape"):
        replace(frame.boxes, difficulty=np.zeros(3, np.int64))
