"""Small tables by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calico.data.waymo.records import Conditions
from calico.data.waymo.v2.casts import SmallTable
from calico.data.waymo.v2.rows import Row
from calico.data.waymo.v2.schema import COMPONENTS, LASER_OBJECT, TIMESTAMP
from calico.data.waymo.v2.tables import (
    ImageTable,
    LabelTable,
    no_labels,
    read_conditions,
    read_lidar_calibrations,
    read_poses,
)
from calico.errors import CalicoError


def make_table(tag: str, *rows: Row) -> SmallTable:
    component = COMPONENTS[tag]
    arrays = [
        pa.array([row.get(c.name.split("].")[-1]) for row in rows], c.type)
        for c in component.columns
    ]
    return SmallTable(pa.table(arrays, schema=component.schema()), component, f"file {tag}")


def box(path: str, start: float) -> Row:
    names = ["center.x", "center.y", "center.z", "size.x", "size.y", "size.z", "heading"]
    return {f"{path}.{name}": start + number for number, name in enumerate(names)}


def label(time: int, name: str, start: float, **more: Any) -> Row:
    return {TIMESTAMP: time, LASER_OBJECT: name, "type": 1, **box("box", start), **more}


def test_poses_are_ordered_by_time() -> None:
    rows = [
        {TIMESTAMP: time, "world_from_vehicle.transform": [float(time)] * 16} for time in (3, 1, 2)
    ]
    times, poses = read_poses(make_table("vehicle_pose", *rows))
    assert times.tolist() == [1, 2, 3]
    assert poses[:, 0, 0].tolist() == [1, 2, 3]
    assert poses.shape == (3, 4, 4)


def test_labels_of_a_frame_with_their_synced_boxes() -> None:
    boxes = make_table(
        "lidar_box",
        label(2, "a", 0),
        label(1, "b", 10, **{"speed.x": 1.0, "speed.y": 2.0, "speed.z": 3.0}),
        label(2, "b", 20, num_lidar_points_in_box=7),
        label(4, "a", 30),
    )
    synced = make_table(
        "lidar_camera_synced_box",
        {TIMESTAMP: 2, LASER_OBJECT: "b", "most_visible_camera_name": 4,
         **box("camera_synced_box", 50)},
        {TIMESTAMP: 3, LASER_OBJECT: "b", **box("camera_synced_box", 60)},
    )  # fmt: skip
    table = LabelTable.read(boxes, synced)
    two = table.select(2)
    assert two.ids == ("a", "b")
    assert two.boxes.tolist() == [list(range(7)), list(range(20, 27))]
    assert two.num_points.tolist() == [-1, 7]
    assert two.most_visible_camera.tolist() == [0, 4]
    assert np.isnan(two.camera_synced[0]).all()
    assert two.camera_synced[1].tolist() == list(range(50, 57))
    assert table.select(1).speed.tolist() == [[1, 2, 3]]
    assert table.select(3).ids == ()
    assert table.select(4).ids == ("a",)


def test_changing_a_label_changes_no_table() -> None:
    table = LabelTable.read(make_table("lidar_box", label(1, "a", 0)), None)
    table.select(1).boxes[:] = 9
    table.select(1).types[:] = 9
    assert table.select(1).boxes.tolist() == [list(range(7))]
    assert table.select(1).types.tolist() == [1]


def test_a_box_that_is_not_finite_is_refused() -> None:
    with pytest.raises(CalicoError, match="file lidar_box: box of row 1 holds a number that is"):
        LabelTable.read(make_table("lidar_box", label(1, "a", 0), label(1, "b", np.inf)), None)


def test_no_labels() -> None:
    labels = no_labels().select(1)
    assert (labels.ids, labels.boxes.shape, labels.speed.shape) == ((), (0, 7), (0, 3))


def test_an_image_without_velocity() -> None:
    row: Row = {"pose.transform": [1.0] * 16, "pose_timestamp": 1.0} | {
        f"rolling_shutter_params.{name}": number
        for number, name in enumerate(
            ("shutter", "camera_trigger_time", "camera_readout_done_time"), 2
        )
    }
    velocity = {
        f"velocity.{kind}_velocity.{axis}": float(number)
        for number, (kind, axis) in enumerate((k, a) for k in ("linear", "angular") for a in "xyz")
    }
    table = ImageTable.read(make_table("camera_image", row, row | velocity))
    first, second = (table.make_image(n, b"jpeg") for n in range(2))
    assert first.velocity is None
    assert second.velocity is not None
    assert second.velocity.tolist() == [0, 1, 2, 3, 4, 5]
    assert (first.pose_time_s, first.shutter_s, first.trigger_s, first.readout_s) == (1, 2, 3, 4)


def test_beams_are_even_where_they_are_not_listed() -> None:
    rows = [
        {"key.laser_name": 1, "extrinsic.transform": [0.0] * 16, "beam_inclination.min": -0.5,
         "beam_inclination.max": 0.25, "beam_inclination.values": beams}
        | {"key.laser_name": laser}
        for laser, beams in ((1, [0.1, 0.2]), (2, None), (3, []))
    ]  # fmt: skip
    found = read_lidar_calibrations(make_table("lidar_calibration", *rows))
    assert (found[2].inclination_min, found[2].inclination_max) == (-0.5, 0.25)
    assert found[1].inclinations is not None
    assert found[1].inclinations.tolist() == [0.1, 0.2]
    assert (found[2].inclinations, found[3].inclinations) == (None, None)


def test_conditions() -> None:
    rows = [{TIMESTAMP: 1, "weather": "rain", "time_of_day": "Night"}, {TIMESTAMP: 2}]
    assert read_conditions(make_table("stats", *rows)) == {
        1: Conditions("Night", "", "rain"),
        2: Conditions(),
    }
