"""Range images to points in the vehicle frame.

A pixel's row tells its beam, its column the azimuth. The LiDAR on the roof turns while the vehicle
drives: each of its pixels has a pose of its own, by which its points are moved to the pose of the
frame. The files hold no time of a pixel, so that points carry none either.

Source: `range_image_utils.py` and `frame_utils.py` of waymo-research/waymo-open-dataset. Deviation:
float64 where they have float32, as world coordinates reach tens of kilometres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calico.data.waymo.records import LidarCalibration, LidarScan
from calico.errors import CalicoError
from calico.frame import Bool, Float32, Float64, Int16
from calico.geometry.frames import invert_transform

MAX_ROWS = 1 << 12
FARTHEST_M = 1e4


@dataclass(frozen=True)
class LaserPoints:
    """Points of one LiDAR, in the vehicle frame at the frame's pose.

    Attributes:
        xyz: (N, 3) float32 [m].
        intensity: (N,) float32 from 0 to 1: the hyperbolic tangent of the file's value, which
            is not bounded above; 0 where that is negative.
        elongation: (N,) float32, 0 to about 1.5.
        ring: (N,) int16 beam, 0 the lowest of this LiDAR.
        unlabelled: (N,) bool, inside a zone where nothing is labelled.
    """

    xyz: Float32
    intensity: Float32
    elongation: Float32
    ring: Int16
    unlabelled: Bool

    def __len__(self) -> int:
        return len(self.xyz)


def beam_inclinations(calibration: LidarCalibration, rows: int, where: str = "LiDAR") -> Float64:
    """Compute the inclination of every row of a range image.

    Args:
        calibration: Of the LiDAR.
        rows: Number of rows H.
        where: Names the LiDAR and the frame in the message.

    Returns:
        (H,) angles above the horizontal plane of the sensor [rad]; row 0 is the highest beam.

    Raises:
        CalicoError: The calibration states another number of beams.
    """
    if calibration.inclinations is None:
        low, high = calibration.inclination_min, calibration.inclination_max
        rising = (0.5 + np.arange(rows)) / rows * (high - low) + low
    else:
        rising = np.asarray(calibration.inclinations, np.float64)
        if rising.shape != (rows,):
            raise CalicoError(
                f"{where}: the calibration states {rising.size} beam inclinations, but the range "
                f"image has {rows} rows; expected one for each row"
            )
    if not np.isfinite(rising).all():
        raise CalicoError(f"{where}: a beam inclination is not finite, expected radians")
    result: Float64 = rising[::-1]
    return result


def column_azimuths(calibration: LidarCalibration, columns: int) -> Float64:
    """Compute the azimuth of every column of a range image.

    Args:
        calibration: Of the LiDAR.
        columns: Number of columns W.

    Returns:
        (W,) angles in the sensor's frame, counter-clockwise [rad]. In the vehicle's axes they go
        from +pi at the left to -pi at the right.
    """
    mount = calibration.vehicle_T_lidar
    turn = np.arctan2(mount[1, 0], mount[0, 0])
    ratio = (columns - 0.5 - np.arange(columns)) / columns
    result: Float64 = (ratio * 2 - 1) * np.pi - turn
    return result


def convert_scan(
    scan: LidarScan,
    calibration: LidarCalibration,
    world_T_vehicle: Float64,
    where: str = "LiDAR",
) -> LaserPoints:
    """Convert the range images of a LiDAR, the first return's points before the second's.

    Args:
        scan: One or two returns, and the poses of the pixels if the LiDAR has them.
        calibration: Of the LiDAR.
        world_T_vehicle: (4, 4) pose of the frame. Only a scan with poses of its pixels needs it.
        where: Names the LiDAR and the frame in the message.

    Raises:
        CalicoError: Shapes do not belong together, or a pixel holds a value that is not finite.
    """
    parts = [
        _convert_return(image, scan.pixel_pose, calibration, world_T_vehicle, where)
        for image in scan.returns
    ]
    if not parts:
        raise CalicoError(f"{where}: got no range image, expected one or two returns")
    return join_points(parts)


def join_points(parts: Sequence[LaserPoints]) -> LaserPoints:
    """Join points of several returns or LiDARs, in their order; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    return LaserPoints(
        np.concatenate([one.xyz for one in parts]),
        np.concatenate([one.intensity for one in parts]),
        np.concatenate([one.elongation for one in parts]),
        np.concatenate([one.ring for one in parts]),
        np.concatenate([one.unlabelled for one in parts]),
    )


def _convert_return(
    image: Float32,
    pixel_pose: Float32 | None,
    calibration: LidarCalibration,
    world_T_vehicle: Float64,
    where: str,
) -> LaserPoints:
    if image.ndim != 3 or image.shape[2] != 4 or not 0 < image.shape[0] <= MAX_ROWS:
        raise CalicoError(f"{where}: a range image has shape {image.shape}, expected (H, W, 4)")
    rows, columns = image.shape[:2]
    if pixel_pose is not None and pixel_pose.shape != (rows, columns, 6):
        raise CalicoError(
            f"{where}: the poses of the pixels have shape {pixel_pose.shape}, expected "
            f"({rows}, {columns}, 6) as the range image"
        )
    row, column = np.nonzero(image[..., 0] > 0)
    values = image[row, column]
    _check_values(values, where)
    inclination = beam_inclinations(calibration, rows, where)
    azimuth = column_azimuths(calibration, columns)
    distance = values[:, 0].astype(np.float64)
    flat = distance * np.cos(inclination)[row]
    local = np.stack(
        [
            flat * np.cos(azimuth)[column],
            flat * np.sin(azimuth)[column],
            distance * np.sin(inclination)[row],
        ],
        axis=1,
    )
    mount = calibration.vehicle_T_lidar
    xyz = local @ mount[:3, :3].T + mount[:3, 3]
    if pixel_pose is not None:
        pose = pixel_pose[row, column]
        if not np.isfinite(pose).all():
            raise CalicoError(f"{where}: the pose of a pixel is not finite")
        xyz = _move_by_pixel_poses(xyz, pose.astype(np.float64), world_T_vehicle)
    return LaserPoints(
        xyz.astype(np.float32),
        np.tanh(np.maximum(values[:, 1], 0)),
        np.ascontiguousarray(values[:, 2]),
        (rows - 1 - row).astype(np.int16),
        values[:, 3] > 0,
    )


def _check_values(values: Float32, where: str) -> None:
    bad = ~np.isfinite(values[:, :3]).all(axis=1) | (values[:, 0] > FARTHEST_M)
    if bad.any():
        first = values[int(bad.argmax())]
        raise CalicoError(
            f"{where}: {int(bad.sum())} pixels of a range image are broken, the first with range "
            f"{first[0]:g} m, intensity {first[1]:g} and elongation {first[2]:g}; expected finite "
            f"values and at most {FARTHEST_M:g} m"
        )


def _move_by_pixel_poses(vehicle: Float64, pose: Float64, world_T_vehicle: Float64) -> Float64:
    """Points (N, 3) of pixels with poses (N, 6) in the vehicle frame of one pose (4, 4)."""
    (c, b, a), (sc, sb, sa) = np.cos(pose[:, :3]).T, np.sin(pose[:, :3]).T  # roll, pitch, yaw
    x, y, z = vehicle.T
    y, z = c * y - sc * z, sc * y + c * z
    x, z = b * x + sb * z, b * z - sb * x
    x, y = a * x - sa * y, sa * x + a * y
    away = np.stack([x, y, z], axis=1) + (pose[:, 3:] - world_T_vehicle[:3, 3])
    result: Float64 = away @ invert_transform(world_T_vehicle)[:3, :3].T
    return result
