"""Rows of a record, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from calico.data.waymo.records import CameraImage, Labels, LidarScan, WaymoRecord
from calico.data.waymo.v2.rows import list_calibration_rows, list_frame_rows
from tests.calico.data.waymo.v2.samples import FIRST_US


def make_labels() -> Labels:
    """One object of which all is known, and one of which only the box is."""
    known = np.arange(20.0)
    return Labels(
        ids=("a", "b"),
        boxes=np.stack([known[:7], known[:7] + 100]),
        types=np.array([1, 2]),
        speed=np.stack([known[7:10], np.full(3, np.nan)]),
        acceleration=np.stack([known[10:13], np.full(3, np.nan)]),
        num_points=np.array([0, -1]),
        num_top_points=np.array([5, -1]),
        detection_difficulty=np.array([1, 0]),
        tracking_difficulty=np.array([2, 0]),
        camera_synced=np.stack([known[13:], np.full(7, np.nan)]),
        most_visible_camera=np.array([3, 0]),
    )


def test_labels(made: tuple[WaymoRecord, ...]) -> None:
    rows = list_frame_rows(replace(made[0], labels=make_labels()))
    box = {
        "box.center.x": 100, "box.center.y": 101, "box.center.z": 102,
        "box.size.x": 103, "box.size.y": 104, "box.size.z": 105, "box.heading": 106,
    }  # fmt: skip
    key = {"key.frame_timestamp_micros": FIRST_US}
    first, second = rows["lidar_box"]
    assert second == {**key, "key.laser_object_id": "b", "type": 2, **box}
    assert first == {
        **key, **{path: value - 100 for path, value in box.items()},
        "key.laser_object_id": "a", "type": 1,
        "speed.x": 7, "speed.y": 8, "speed.z": 9,
        "acceleration.x": 10, "acceleration.y": 11, "acceleration.z": 12,
        "num_lidar_points_in_box": 0, "num_top_lidar_points_in_box": 5,
        "difficulty_level.detection": 1, "difficulty_level.tracking": 2,
    }  # fmt: skip
    assert rows["lidar_camera_synced_box"] == [
        {
            **key, "key.laser_object_id": "a", "most_visible_camera_name": 3,
            "camera_synced_box.center.x": 13, "camera_synced_box.center.y": 14,
            "camera_synced_box.center.z": 15, "camera_synced_box.size.x": 16,
            "camera_synced_box.size.y": 17, "camera_synced_box.size.z": 18,
            "camera_synced_box.heading": 19,
        }
    ]  # fmt: skip
    assert rows["stats"][0]["lidar_object_counts.types"].tolist() == [1, 2]
    assert rows["stats"][0]["lidar_object_counts.counts"].tolist() == [1, 1]


def test_range_images(made: tuple[WaymoRecord, ...]) -> None:
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    pose = np.arange(36, dtype=np.float32).reshape(2, 3, 6)
    scans = {3: LidarScan((image,)), 1: LidarScan((image, image + 1), pose)}
    rows = list_frame_rows(replace(made[0], scans=scans))
    top, side = rows["lidar"]
    assert (top["key.laser_name"], side["key.laser_name"]) == (1, 3)
    assert top["range_image_return2.values"].tolist() == list(range(1, 25))
    assert top["range_image_return2.shape"].tolist() == [2, 3, 4]
    assert not any(path.startswith("range_image_return2") for path in side)
    (row,) = rows["lidar_pose"]
    assert row["key.laser_name"] == 1
    assert row["range_image_return1.values"].tolist() == list(range(36))


def test_an_image_without_velocity(made: tuple[WaymoRecord, ...]) -> None:
    known = CameraImage(b"jpeg", np.eye(4), np.arange(6.0), 1.0, 2.0, 3.0, 4.0)
    images = {2: replace(known, velocity=None), 1: known}
    first, second = list_frame_rows(replace(made[0], images=images))["camera_image"]
    assert first["velocity.angular_velocity.x"] == 3
    assert first["velocity.linear_velocity.z"] == 2
    assert second == {
        "key.frame_timestamp_micros": FIRST_US, "key.camera_name": 2, "image": b"jpeg",
        "pose.transform": second["pose.transform"], "pose_timestamp": 1.0,
        "rolling_shutter_params.shutter": 2.0,
        "rolling_shutter_params.camera_trigger_time": 3.0,
        "rolling_shutter_params.camera_readout_done_time": 4.0,
    }  # fmt: skip
    assert second["pose.transform"].tolist() == np.eye(4).ravel().tolist()


def test_calibrations_are_ordered_by_sensor(made: tuple[WaymoRecord, ...]) -> None:
    found = list_calibration_rows(
        replace(made[0], lidar_calibrations=dict(reversed(made[0].lidar_calibrations.items())))
    )
    assert [row["key.laser_name"] for row in found["lidar_calibration"]] == [1, 2, 3, 4, 5]
    assert found["lidar_calibration"][4]["beam_inclination.values"] is None
    camera = found["camera_calibration"][1]
    expected = made[0].camera_calibrations[2]
    assert camera["intrinsic.c_v"] == expected.intrinsic[3]
    assert camera["extrinsic.transform"].tolist() == expected.vehicle_T_camera.ravel().tolist()
