from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.data.waymo.cameras import image_size
from calico.data.waymo.frames import SensorChoice, build_frame, label_frame
from calico.data.waymo.range_image import convert_scan
from calico.data.waymo.records import CAMERA_NAMES, LASERS, TOP, WaymoRecord
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.boxes import points_in_boxes, transform_boxes
from calico.geometry.frames import invert_transform, transform_points
from calico.taxonomy import NUSCENES, WAYMO

ALL = SensorChoice(tuple(LASERS), (1, 2), tuple(CAMERA_NAMES))


@pytest.fixture(scope="module")
def frame(records: tuple[WaymoRecord, ...]) -> Frame:
    """The last frame with two older sweeps."""
    return build_frame(records[::-1], ALL, WAYMO)


def cloud_of(record: WaymoRecord, laser: int) -> np.ndarray:
    """Points in the world."""
    points = convert_scan(
        record.scans[laser], record.lidar_calibrations[laser], record.world_T_vehicle
    )
    return transform_points(record.world_T_vehicle, points.xyz.astype(np.float64))


def test_points_of_all_sweeps_and_lidars_lie_where_they_were_in_the_world(
    frame: Frame, records: tuple[WaymoRecord, ...]
) -> None:
    found = transform_points(frame.global_T_lidar, frame.points[:, :3].astype(np.float64))
    start = 0
    for sweep, record in enumerate(records[::-1]):
        for index, laser in enumerate(LASERS):
            expected = cloud_of(record, laser)
            rows = slice(start, start + len(expected))
            assert np.abs(found[rows] - expected).max() < 1e-3
            assert (frame.sweep_index[rows] == sweep).all()
            assert frame.lidar_index is not None
            assert (frame.lidar_index[rows] == index).all()
            assert frame.points[rows, 4] == pytest.approx(0.1 * sweep, abs=1e-6)
            start += len(expected)
    assert start == len(frame.points)


def test_rays_begin_at_their_own_lidar_in_their_own_sweep(
    frame: Frame, records: tuple[WaymoRecord, ...]
) -> None:
    origins = transform_points(frame.global_T_lidar, frame.ray_origins)
    assert frame.lidar_index is not None
    for sweep, record in enumerate(records[::-1]):
        for index, laser in enumerate(LASERS):
            pose = record.world_T_vehicle @ record.lidar_calibrations[laser].vehicle_T_lidar
            own = (frame.sweep_index == sweep) & (frame.lidar_index == index)
            assert own.any()
            assert np.abs(origins[own] - pose[:3, 3]).max() < 1e-6
    assert frame.main_origin == pytest.approx(np.zeros(3), abs=1e-9)
    assert len(frame.main_sweep) == len(cloud_of(records[-1], TOP))


def test_the_lidar_frame_has_the_vehicles_axes_at_the_roof_lidar(
    frame: Frame, records: tuple[WaymoRecord, ...]
) -> None:
    expected = np.eye(4)
    expected[:3, 3] = records[0].lidar_calibrations[TOP].vehicle_T_lidar[:3, 3]
    assert np.array_equal(frame.ego_T_lidar, expected)
    ground = frame.points[frame.main_sweep, 2]
    assert np.median(ground[ground < -1.5]) == pytest.approx(-2.184, abs=0.25)


def test_beams_are_numbered_on_from_lidar_to_lidar(frame: Frame) -> None:
    assert frame.lidar_index is not None
    first = 0
    for index, rows in enumerate((24, 12, 12, 12, 12)):
        rings = frame.ring[frame.lidar_index == index]
        assert first <= rings.min() <= rings.max() < first + rows
        first += rows


def test_boxes_are_those_of_the_labels(frame: Frame, records: tuple[WaymoRecord, ...]) -> None:
    labels = records[-1].labels
    boxes = np.concatenate([labels.boxes, np.zeros((len(labels.ids), 2))], axis=1)
    expected = transform_boxes(invert_transform(frame.ego_T_lidar), boxes)
    assert frame.boxes.boxes[:, :7] == pytest.approx(expected[:, :7].astype(np.float32))
    forward = records[-1].world_T_vehicle[:2, 0] / np.hypot(*records[-1].world_T_vehicle[:2, 0])
    along = labels.speed[:, :2] @ forward  # the files have velocities in the world's axes
    across = labels.speed[:, :2] @ [-forward[1], forward[0]]
    assert frame.boxes.boxes[:, 7] == pytest.approx(along, abs=1e-5, nan_ok=True)
    assert frame.boxes.boxes[:, 8] == pytest.approx(across, abs=1e-5, nan_ok=True)
    assert frame.boxes.instances == labels.ids
    names = {1: "vehicle", 2: "pedestrian", 4: "cyclist"}
    assert [WAYMO.names[one] for one in frame.boxes.labels] == [names[t] for t in labels.types]
    assert frame.boxes.num_points.tolist() == labels.num_points.tolist()
    assert frame.boxes.difficulty is not None
    assert frame.boxes.difficulty.tolist() == labels.detection_difficulty.tolist()
    assert set(frame.boxes.difficulty.tolist()) == {0, 2}
    own = frame.points[frame.sweep_index == 0]
    counts = points_in_boxes(own, frame.boxes.boxes).sum(axis=1)
    assert np.abs(counts - frame.boxes.num_points).max() <= 1  # rounding at a box's face
    assert frame.boxes.camera_synced is not None
    moved = frame.boxes.camera_synced[:, :3] + frame.ego_T_lidar[:3, 3]
    assert moved == pytest.approx(labels.camera_synced[:, :3], abs=1e-5, nan_ok=True)


def test_cameras_look_where_their_mounts_point(frame: Frame) -> None:
    assert [image.shape[:2] for image in frame.images] == [(64, 96)] * 3 + [(44, 96)] * 2
    for view in range(5):
        pose = invert_transform(frame.camera_T_lidar[view])
        heading = np.rad2deg(np.arctan2(pose[1, 2], pose[0, 2]))
        assert heading == pytest.approx([0, 45, -45, 90, -90][view], abs=2)
        assert pose[:3, 0] @ [0, 0, 1] == pytest.approx(0, abs=0.02)  # right is level
        assert pose[2, 1] == pytest.approx(-1, abs=0.01)  # down
        middle = frame.camera_K[view] @ [0, 0, 1]
        assert middle[:2] == pytest.approx([48, frame.images[view].shape[0] / 2], abs=1)


def test_cameras_have_the_time_and_the_pose_of_their_exposure(
    frame: Frame, records: tuple[WaymoRecord, ...]
) -> None:
    record = records[-1]
    for view, camera in enumerate(CAMERA_NAMES):
        image, calibration = record.images[camera], record.camera_calibrations[camera]
        assert frame.camera_time_s[view] == image.pose_time_s
        place = frame.global_T_lidar @ invert_transform(frame.camera_T_lidar[view])
        expected = image.world_T_vehicle @ calibration.vehicle_T_camera
        assert place[:3, 3] == pytest.approx(expected[:3, 3], abs=1e-6)
        assert place[:3, 2] == pytest.approx(expected[:3, 0], abs=1e-9)


def test_one_lidar_stands_at_the_origin(records: tuple[WaymoRecord, ...]) -> None:
    one = build_frame(records[:1], SensorChoice((5,), (1, 2), ()), WAYMO)
    assert one.lidar_index is None
    assert one.lidar_T is None
    assert one.ego_T_lidar[:3, 3] == pytest.approx(
        records[0].lidar_calibrations[5].vehicle_T_lidar[:3, 3]
    )
    found = transform_points(one.global_T_lidar, one.points[:, :3].astype(np.float64))
    assert np.abs(found - cloud_of(records[0], 5)).max() < 1e-3
    assert (one.ray_origins == 0).all()
    assert one.images == ()


def test_smaller_images_and_their_intrinsics(records: tuple[WaymoRecord, ...]) -> None:
    choice = replace(ALL, cameras=(4, 1), reduction=2)
    half = build_frame(records[:1], choice, WAYMO)
    calibrations = records[0].camera_calibrations
    assert [image.shape[:2] for image in half.images] == [
        image_size(calibrations[4], 2),
        image_size(calibrations[1], 2),
    ]
    full = build_frame(records[:1], replace(choice, reduction=1), WAYMO)
    assert half.camera_K[:, 0, 0] * 2 == pytest.approx(full.camera_K[:, 0, 0])
    for small, large in zip(half.images, full.images, strict=True):
        pairs = large.reshape(large.shape[0] // 2, 2, large.shape[1] // 2, 2, 3)
        assert abs(pairs.mean(axis=(1, 3)) - small).mean() < 5


def test_labels_alone_are_those_of_the_whole_frame(
    frame: Frame, records: tuple[WaymoRecord, ...]
) -> None:
    bare = replace(records[-1], scans={}, images={})
    alone = label_frame(bare, TOP, WAYMO)
    assert np.array_equal(alone.boxes.boxes, frame.boxes.boxes, equal_nan=True)
    assert np.array_equal(alone.global_T_lidar, frame.global_T_lidar)
    assert (alone.token, alone.scene, alone.timestamp_s) == (
        frame.token,
        frame.scene,
        frame.timestamp_s,
    )
    assert alone.conditions == frame.conditions
    assert alone.conditions["location"] == "location_other"


def test_a_taxonomy_without_cyclists_has_none(records: tuple[WaymoRecord, ...]) -> None:
    assert "pedestrian" in NUSCENES.names
    found = build_frame(records[:1], replace(ALL, cameras=()), NUSCENES)
    assert {NUSCENES.names[one] for one in found.boxes.labels} == {"pedestrian"}


def test_a_missing_sensor_is_named(records: tuple[WaymoRecord, ...]) -> None:
    record = records[0]
    lacking = {
        "LiDAR REAR: no range image": {"scans": {k: v for k, v in record.scans.items() if k != 5}},
        "camera SIDE_LEFT: no image": {
            "images": {k: v for k, v in record.images.items() if k != 4}
        },
        "camera FRONT: no calibration": {"camera_calibrations": {}},
        "no calibration of LiDAR TOP, got those of none": {"lidar_calibrations": {}},
        "LiDAR TOP: no poses of its pixels": {
            "scans": record.scans | {TOP: replace(record.scans[TOP], pixel_pose=None)}
        },
    }
    for message, change in lacking.items():
        with pytest.raises(CalicoError, match=message) as caught:
            build_frame([replace(record, **change)], ALL, WAYMO)
        assert str(record.timestamp_us) in str(caught.value)


def test_a_broken_lens_is_named(records: tuple[WaymoRecord, ...]) -> None:
    calibrations = dict(records[0].camera_calibrations)
    lens = calibrations[1].intrinsic.copy()
    lens[0] = 0.0
    calibrations[1] = replace(calibrations[1], intrinsic=lens)
    with pytest.raises(CalicoError, match=r"camera FRONT: the intrinsics are 0, .*above 0"):
        build_frame([replace(records[0], camera_calibrations=calibrations)], ALL, WAYMO)
