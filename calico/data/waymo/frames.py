"""Records to frames.

* The **LiDAR frame** has the axes of the vehicle frame. Its origin is the first chosen LiDAR, so
  that `ego_T_lidar` is a pure shift.
* **Time**: the timestamp of a frame is the start of the roof LiDAR's turn, while its pose, by which
  points and labels are given, is that of about the middle. The files hold no time of a point: `dt`
  is 0 in the keyframe and the age of the sweep's frame in older sweeps.
* **Ray origins** are the LiDARs' places at the pose of the frame. The roof LiDAR's own poses, by
  which its points are moved, differ from it by the way of half a turn (at 10 m/s 0.5 m).
* **Cameras**: pinhole images (see `cameras`), with the pose that the file gives for each image.
  The shutter is taken as global at that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calico.data.waymo.boxes import convert_labels
from calico.data.waymo.cameras import (
    OURS_T_WAYMO,
    check_lens,
    read_pinhole_image,
    scale_intrinsics,
)
from calico.data.waymo.range_image import LaserPoints, convert_scan, join_points
from calico.data.waymo.records import CAMERA_NAMES, LASERS, TOP, WaymoRecord
from calico.errors import CalicoError
from calico.frame import Float32, Float64, Frame, Int16
from calico.geometry.frames import from_yaw, invert_transform
from calico.taxonomy import Taxonomy


@dataclass(frozen=True)
class SensorChoice:
    """Which sensors make a frame.

    Attributes:
        lasers: Keys of `LASERS`. The LiDAR frame's origin is the first.
        returns: The returns that are read: 1, 2 or both.
        cameras: Keys of `CAMERA_NAMES`, in the order of the views.
        reduction: How many times smaller images are read (`cameras.REDUCTIONS`).
    """

    lasers: tuple[int, ...]
    returns: tuple[int, ...]
    cameras: tuple[int, ...]
    reduction: int = 1


@dataclass(frozen=True)
class _Cloud:
    """Points of all chosen LiDARs in the vehicle frame."""

    points: LaserPoints
    lidar_index: Int16


def name_frame(record: WaymoRecord) -> str:
    """Name a frame: its segment and its timestamp."""
    return f"{record.context}_{record.timestamp_us}"


def vehicle_T_lidar(record: WaymoRecord, laser: int) -> Float64:
    """Build the pose of the LiDAR frame: the place of a LiDAR, in the axes of the vehicle.

    Args:
        record: Holds the calibration.
        laser: Key of `LASERS`.

    Raises:
        CalicoError: The record has no calibration of it.
    """
    if laser not in record.lidar_calibrations:
        raise CalicoError(
            f"frame {name_frame(record)}: no calibration of LiDAR {LASERS[laser]}, got those of "
            f"{_names(record.lidar_calibrations, LASERS)}; expected every LiDAR of "
            "data.waymo.lidars"
        )
    x, y, z = (float(v) for v in record.lidar_calibrations[laser].vehicle_T_lidar[:3, 3])
    return from_yaw(0.0, (x, y, z))


def label_frame(record: WaymoRecord, laser: int, taxonomy: Taxonomy) -> Frame:
    """Make a frame of labels and poses alone.

    Args:
        record: Needs neither scans nor images.
        laser: The LiDAR whose place is the LiDAR frame's origin.
        taxonomy: Classes of the labels.
    """
    mount = vehicle_T_lidar(record, laser)
    token = name_frame(record)
    boxes = convert_labels(
        record.labels, mount[:3, 3], record.world_T_vehicle, taxonomy, None, f"frame {token}"
    )
    frame = Frame.of_labels(
        token,
        record.context,
        record.timestamp_us * 1e-6,
        mount,
        record.world_T_vehicle @ mount,
        boxes,
        taxonomy,
    )
    return frame.replace(conditions=describe_conditions(record))


def describe_conditions(record: WaymoRecord) -> dict[str, str]:
    """List what a record says of its surroundings, by "weather", "time_of_day" and "location"."""
    said = record.conditions
    found = {
        "weather": said.weather,
        "time_of_day": said.time_of_day,
        "location": said.location,
    }
    return {name: value for name, value in found.items() if value}


def build_frame(records: Sequence[WaymoRecord], choice: SensorChoice, taxonomy: Taxonomy) -> Frame:
    """Make a frame, without map and past.

    Args:
        records: The keyframe, and the frames of its older sweeps from the youngest. Only the
            keyframe needs images.
        choice: Sensors.
        taxonomy: Classes of the labels.

    Raises:
        CalicoError: A record lacks a chosen sensor, or holds broken values.
    """
    key = records[0]
    token = name_frame(key)
    mount = vehicle_T_lidar(key, choice.lasers[0])
    global_T_lidar = key.world_T_vehicle @ mount
    clouds = [_read_points(record, choice) for record in records]
    sweep_T = [np.eye(4)] + [
        invert_transform(global_T_lidar) @ record.world_T_vehicle @ mount for record in records[1:]
    ]
    rows = np.concatenate(
        [
            _lidar_points(
                cloud.points, mount, pose, (key.timestamp_us - record.timestamp_us) * 1e-6
            )
            for cloud, pose, record in zip(clouds, sweep_T, records, strict=True)
        ]
    )
    several = len(choice.lasers) > 1
    lidar_T = invert_transform(mount) @ np.stack(
        [key.lidar_calibrations[laser].vehicle_T_lidar for laser in choice.lasers]
    )
    K, camera_T_lidar, times = _cameras(key, choice, global_T_lidar)
    return Frame(
        token=token,
        scene=key.context,
        timestamp_s=key.timestamp_us * 1e-6,
        points=rows,
        ring=np.concatenate([cloud.points.ring for cloud in clouds]),
        sweep_index=np.repeat(
            np.arange(len(clouds), dtype=np.int16), [len(cloud.points) for cloud in clouds]
        ),
        sweep_T=np.stack(sweep_T),
        images=tuple(_read_image(key, camera, choice.reduction) for camera in choice.cameras),
        camera_K=K,
        camera_T_lidar=camera_T_lidar,
        camera_time_s=times,
        ego_T_lidar=mount,
        global_T_lidar=global_T_lidar,
        boxes=convert_labels(
            key.labels,
            mount[:3, 3],
            key.world_T_vehicle,
            taxonomy,
            clouds[0].points.xyz,
            f"frame {token}",
        ),
        elongation=np.concatenate([cloud.points.elongation for cloud in clouds]),
        lidar_index=np.concatenate([c.lidar_index for c in clouds]) if several else None,
        lidar_T=lidar_T if several else None,
        unlabelled=np.concatenate([cloud.points.unlabelled for cloud in clouds]),
        conditions=describe_conditions(key),
        taxonomy=taxonomy,
    )


def _names(numbers: Iterable[int], known: dict[int, str]) -> str:
    return ", ".join(known.get(one, str(one)) for one in numbers) or "none"


def _read_points(record: WaymoRecord, choice: SensorChoice) -> _Cloud:
    """Points of the chosen LiDARs, with beams numbered on from LiDAR to LiDAR."""
    parts, owners, first_ring = [], [], 0
    for index, laser in enumerate(choice.lasers):
        where = f"frame {name_frame(record)}, LiDAR {LASERS[laser]}"
        scan = record.scans.get(laser)
        vehicle_T_lidar(record, laser)  # checks that its calibration is there
        if scan is None or not scan.returns:
            raise CalicoError(
                f"{where}: no range image; expected one of every LiDAR of data.waymo.lidars"
            )
        if laser == TOP and scan.pixel_pose is None:
            raise CalicoError(
                f"{where}: no poses of its pixels, expected them: it turns while the vehicle drives"
            )
        calibration = record.lidar_calibrations[laser]
        part = convert_scan(scan, calibration, record.world_T_vehicle, where)
        parts.append(replace(part, ring=part.ring + np.int16(first_ring)))
        owners.append(np.full(len(part), index, np.int16))
        first_ring += scan.returns[0].shape[0]
    return _Cloud(join_points(parts), np.concatenate(owners))


def _lidar_points(
    points: LaserPoints, mount: Float64, lidar_T_sweep: Float64, age_s: float
) -> Float32:
    """(N, 5) points in the keyframe's LiDAR frame."""
    result = np.empty((len(points), 5), np.float32)
    local = points.xyz - mount[:3, 3]
    if age_s:
        local = local @ lidar_T_sweep[:3, :3].T + lidar_T_sweep[:3, 3]
    result[:, :3] = local
    result[:, 3] = points.intensity
    result[:, 4] = age_s
    return result


def _cameras(
    record: WaymoRecord, choice: SensorChoice, global_T_lidar: Float64
) -> tuple[Float64, Float64, Float64]:
    """Intrinsics (V, 3, 3), poses (V, 4, 4) and times (V,)."""
    K = np.zeros((len(choice.cameras), 3, 3))
    poses = np.zeros((len(choice.cameras), 4, 4))
    times = np.zeros(len(choice.cameras))
    for view, camera in enumerate(choice.cameras):
        where = f"frame {name_frame(record)}, camera {CAMERA_NAMES[camera]}"
        calibration, image = record.camera_calibrations.get(camera), record.images.get(camera)
        if calibration is None or image is None:
            what = "calibration" if calibration is None else "image"
            raise CalicoError(f"{where}: no {what}; expected one of every camera of data.cameras")
        check_lens(calibration, where)
        K[view] = scale_intrinsics(calibration, choice.reduction)
        global_T_camera = image.world_T_vehicle @ calibration.vehicle_T_camera
        poses[view] = OURS_T_WAYMO @ invert_transform(global_T_camera) @ global_T_lidar
        times[view] = image.pose_time_s
    return K, poses, times


def _read_image(record: WaymoRecord, camera: int, reduction: int) -> np.ndarray:
    return read_pinhole_image(
        record.images[camera].jpeg,
        record.camera_calibrations[camera],
        reduction,
        f"frame {name_frame(record)}, camera {CAMERA_NAMES[camera]}",
    )
