from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.data.waymo.boxes import convert_labels, count_points
from calico.data.waymo.records import Labels
from calico.errors import CalicoError
from calico.geometry.frames import from_yaw
from calico.taxonomy import WAYMO

ORIGIN = np.array([1.0, 0.0, 2.0])
POSE = from_yaw(np.pi / 2, (100.0, 50.0, 3.0))


def labels_of(**changes: object) -> Labels:
    """A vehicle, a sign, and a pedestrian whose points nobody counted."""
    labels = Labels(
        ids=("a", "b", "c"),
        boxes=np.array(
            [
                [11.0, 2.0, 1.0, 4.0, 2.0, 1.5, 4.0],
                [5.0, 5.0, 3.0, 0.2, 1.0, 1.0, 0.0],
                [3.0, -4.0, 1.0, 0.8, 0.6, 1.8, -1.0],
            ]
        ),
        types=np.array([1, 3, 2]),
        speed=np.array([[5.0, 1.0, 0.2], [0, 0, 0], [np.nan] * 3]),
        acceleration=np.zeros((3, 3)),
        num_points=np.array([17, 3, -1]),
        num_top_points=np.array([10, 3, -1]),
        detection_difficulty=np.array([2, 0, 0]),
        tracking_difficulty=np.array([2, 0, 0]),
        camera_synced=np.array([[12.0, 2.0, 1.0, 4.0, 2.0, 1.5, 4.0], [np.nan] * 7, [np.nan] * 7]),
        most_visible_camera=np.array([1, 0, 0]),
    )
    return replace(labels, **changes)  # type: ignore[arg-type]


def test_signs_are_left_out_and_the_rest_is_moved() -> None:
    boxes = convert_labels(labels_of(), ORIGIN, POSE, WAYMO)
    assert boxes.instances == ("a", "c")
    assert [WAYMO.names[one] for one in boxes.labels] == ["vehicle", "pedestrian"]
    yaw = 4.0 - 2 * np.pi
    assert boxes.boxes[0] == pytest.approx(
        [10, 2, -1, 4, 2, 1.5, yaw, 1, -5]
    )  # it drives east, the vehicle north
    assert boxes.boxes[1][:7] == pytest.approx([2, -4, -1, 0.8, 0.6, 1.8, -1.0])
    assert np.isnan(boxes.boxes[1][7:]).all()
    assert boxes.num_points.tolist() == [17, -1]
    assert boxes.difficulty is not None
    assert boxes.difficulty.tolist() == [2, 0]
    assert boxes.camera_synced is not None
    assert boxes.camera_synced[0] == pytest.approx([11, 2, -1, 4, 2, 1.5, yaw])
    assert np.isnan(boxes.camera_synced[1]).all()
    assert boxes.attributes.tolist() == [-1, -1]


def test_points_are_counted_where_the_labels_do_not_say() -> None:
    points = np.array([[3.0, -4.0, 1.0], [3.1, -4.1, 1.5], [3.0, -4.0, 2.5], [11, 2, 1]])
    boxes = convert_labels(labels_of(), ORIGIN, POSE, WAYMO, points.astype(np.float32))
    assert boxes.num_points.tolist() == [17, 2]


def test_a_turned_box_holds_the_points_on_its_diagonal() -> None:
    box = np.array([[10.0, 0.0, 0.0, 4.0, 1.0, 2.0, np.pi / 4]])
    along = np.array([[11.2, 1.2, 0.5], [11.2, -1.2, 0.5], [10, 0, 1.1]], np.float32)
    assert count_points(along, box).tolist() == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boxes": np.full((3, 7), np.nan)}, "3 of 3 boxes are broken, the first .*object a"),
        ({"boxes": np.zeros((3, 7))}, "a size above 0"),
        ({"types": np.array([1, 7, 2])}, r"got object type 7, expected one of 1 \(vehicle\)"),
    ],
)
def test_broken_labels_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(CalicoError, match=message) as caught:
        convert_labels(labels_of(**change), ORIGIN, POSE, WAYMO, where="frame X")
    assert str(caught.value).startswith("frame X")


def test_no_labels_give_no_boxes() -> None:
    none = np.zeros(0, np.int64)
    empty = Labels(
        (),
        np.zeros((0, 7)),
        none,
        np.zeros((0, 3)),
        np.zeros((0, 3)),
        none,
        none,
        none,
        none,
        np.zeros((0, 7)),
        none,
    )
    boxes = convert_labels(empty, ORIGIN, POSE, WAYMO)
    assert len(boxes) == 0
    assert boxes.boxes.shape == (0, 9)
