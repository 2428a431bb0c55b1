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
