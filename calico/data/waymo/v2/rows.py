"""Records as rows of the components: plain values by the path of their column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from calico.data.waymo.records import LidarScan, WaymoRecord
from calico.data.waymo.v2.schema import CAMERA, LASER, LASER_OBJECT, TIMESTAMP

Row = dict[str, Any]
"""Value by path, see `Component.column`. A path that is left out is null; arrays are lists."""
_XYZ = ("x", "y", "z")
_INTRINSIC = ("f_u", "f_v", "c_u", "c_v", "k1", "k2", "p1", "p2", "k3")


def list_calibration_rows(record: WaymoRecord) -> dict[str, list[Row]]:
    """List the rows of the components that a segment has once, by tag.

    Args:
        record: Any frame of the segment.
    """
    lidars = [
        {
            LASER: laser,
            "extrinsic.transform": found.vehicle_T_lidar.reshape(-1),
            "beam_inclination.min": found.inclination_min,
            "beam_inclination.max": found.inclination_max,
            "beam_inclination.values": found.inclinations,
        }
        for laser, found in sorted(record.lidar_calibrations.items())
    ]
    cameras = [
        {
            CAMERA: camera,
            **_named("intrinsic", _INTRINSIC, found.intrinsic),
            "extrinsic.transform": found.vehicle_T_camera.reshape(-1),
            "width": found.width,
            "height": found.height,
            "rolling_shutter_direction": found.shutter_direction,
        }
        for camera, found in sorted(record.camera_calibrations.items())
    ]
    return {"lidar_calibration": lidars, "camera_calibration": cameras}


def list_frame_rows(record: WaymoRecord) -> dict[str, list[Row]]:
    """List the rows of the components that every frame adds to, by tag.

    Numbers that the record leaves open (NaN, -1 or 0, as `Labels` says) become null.

    Args:
        record: The frame. Its map and its zones without labels are left out, because version 2 has
            no place for them.
    """
    scans = sorted(record.scans.items())
    rows: dict[str, list[Row]] = {
        "vehicle_pose": [{"world_from_vehicle.transform": record.world_T_vehicle.reshape(-1)}],
        "lidar": [_scan(laser, scan) for laser, scan in scans],
        "lidar_pose": [
            {LASER: laser, **_range_image(1, scan.pixel_pose)}
            for laser, scan in scans
            if scan.pixel_pose is not None
        ],
        "camera_image": list(_images(record)),
        "lidar_box": list(_boxes(record)),
        "lidar_camera_synced_box": list(_synced_boxes(record)),
        "stats": [_stats(record)],
    }
    for found in rows.values():
        for row in found:
            row[TIMESTAMP] = record.timestamp_us
    return rows


def _scan(laser: int, scan: LidarScan) -> Row:
    row: Row = {LASER: laser}
    for number, image in enumerate(scan.returns, 1):
        row |= _range_image(number, image)
    return row


def _range_image(number: int, image: Any) -> Row:
    path = f"range_image_return{number}"
    return {f"{path}.values": image.reshape(-1), f"{path}.shape": np.array(image.shape, np.int32)}


def _images(record: WaymoRecord) -> Iterator[Row]:
    for camera, image in sorted(record.images.items()):
        row: Row = {
            CAMERA: camera,
            "image": image.jpeg,
            "pose.transform": image.world_T_vehicle.reshape(-1),
            "pose_timestamp": image.pose_time_s,
            "rolling_shutter_params.shutter": image.shutter_s,
            "rolling_shutter_params.camera_trigger_time": image.trigger_s,
            "rolling_shutter_params.camera_readout_done_time": image.readout_s,
        }
        if image.velocity is not None:
            row |= _named("velocity.linear_velocity", _XYZ, image.velocity[:3])
            row |= _named("velocity.angular_velocity", _XYZ, image.velocity[3:])
        yield row


def _boxes(record: WaymoRecord) -> Iterator[Row]:
    labels = record.labels
    for place, name in enumerate(labels.ids):
        row: Row = {LASER_OBJECT: name, "type": int(labels.types[place])}
        row |= _box("box", labels.boxes[place])
        for path, values in (("speed", labels.speed), ("acceleration", labels.acceleration)):
            row |= _named(path, _XYZ, values[place])
        for path, counts, unknown in (
            ("num_lidar_points_in_box", labels.num_points, -1),
            ("num_top_lidar_points_in_box", labels.num_top_points, -1),
            ("difficulty_level.detection", labels.detection_difficulty, 0),
            ("difficulty_level.tracking", labels.tracking_difficulty, 0),
        ):
            if counts[place] != unknown:
                row[path] = int(counts[place])
        yield row


def _synced_boxes(record: WaymoRecord) -> Iterator[Row]:
    labels = record.labels
    for place, name in enumerate(labels.ids):
        if np.isnan(labels.camera_synced[place]).any():
            continue
        row: Row = {LASER_OBJECT: name, **_box("camera_synced_box", labels.camera_synced[place])}
        if labels.most_visible_camera[place]:
            row["most_visible_camera_name"] = int(labels.most_visible_camera[place])
        yield row


def _stats(record: WaymoRecord) -> Row:
    conditions = record.conditions
    types, counts = np.unique(record.labels.types, return_counts=True)
    texts: Mapping[str, str] = {
        "time_of_day": conditions.time_of_day,
        "location": conditions.location,
        "weather": conditions.weather,
    }
    return {name: text for name, text in texts.items() if text} | {
        "lidar_object_counts.types": types.astype(np.int8),
        "lidar_object_counts.counts": counts.astype(np.int32),
    }


def _box(path: str, values: Any) -> Row:
    return {
        **_named(f"{path}.center", _XYZ, values[:3]),
        **_named(f"{path}.size", _XYZ, values[3:6]),
        f"{path}.heading": float(values[6]),
    }


def _named(path: str, names: tuple[str, ...], values: Any) -> Row:
    """Values by name; NaN is left out."""
    return {
        f"{path}.{name}": float(value)
        for name, value in zip(names, values, strict=True)
        if not np.isnan(value)
    }
