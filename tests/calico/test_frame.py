"""What Frame, Boxes and Predictions refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions


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


def test_predictions_from_nested_lists() -> None:
    got = Predictions.from_mapping(
        {"boxes": [[1, 2, 0, 4, 2, 1.5, 0.1]], "scores": [0.5], "labels": [3]}, "mine"
    )
    assert got.boxes.shape == (1, 9)
    assert got.boxes[0, 7:].tolist() == [0, 0]
    assert Predictions.from_mapping(
        {"boxes": [], "scores": [], "labels": []}, "mine"
    ).boxes.shape == (0, 9)
    whole = Predictions.from_mapping(
        {"boxes": [[1.0] * 9], "scores": [1], "labels": [3.0]}, "mine"
    ).labels
    assert (whole.dtype, whole.tolist()) == (np.int64, [3])


def test_predictions_keep_nothing_of_the_users_arrays() -> None:
    boxes = np.ones((1, 9), np.float32)
    got = Predictions.from_mapping({"boxes": boxes, "scores": [1], "labels": [0]}, "mine")
    boxes[:] = 7
    assert got.boxes.max() == 1


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([1, 2], "mine: got list, expected a mapping with boxes, scores, labels"),
        ({"boxes": []}, "mine: missing labels, scores; got keys"),
        ({"boxes": [[1.0] * 8], "scores": [1], "labels": [0]}, r"boxes \(1, 8\)"),
        ({"boxes": [[1.0] * 9], "scores": [1, 2], "labels": [0]}, r"scores \(2,\)"),
        ({"boxes": [[1.0] * 9], "scores": [[1]], "labels": [0]}, r"scores \(1, 1\)"),
        (
            {"boxes": [[1.0] * 9], "scores": [1 + 0j], "labels": [0]},
            "mine: scores: got values of type complex128",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [True], "labels": [0]},
            "mine: scores: got values of type bool",
        ),
        (
            {"boxes": [["1"] * 9], "scores": [1], "labels": [0]},
            "mine: boxes: got values of type <U1",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": ["3"]},
            "mine: labels: got values of type <U1",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [0.9]},
            "mine: labels: got 0.9, expected whole numbers",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [np.nan]},
            "mine: labels: got nan, expected whole numbers",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [1e300]},
            r"mine: labels: got 1e\+300, expected whole",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [10**400], "labels": [0]},
            "mine: scores: got values of type object",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [0], "attributes": [1.5]},
            "mine: attributes: got 1.5",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [0], "attributes": [1, 1]},
            r"attributes have shape \(2,\)",
        ),
        (
            {"boxes": [], "scores": [], "labels": [], "map_probs": [[1]]},
            r"map_probs has shape \(1, 1\)",
        ),
    ],
)
def test_predictions_refuse(output: object, message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        Predictions.from_mapping(output, "mine")  # type: ignore[arg-type]
