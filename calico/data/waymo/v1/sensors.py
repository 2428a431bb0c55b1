"""Calibrations, images and scans: protos to the values of a record and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from calico.data.waymo.records import (
    CAMERA_NAMES,
    LASERS,
    CameraCalibration,
    CameraImage,
    LidarCalibration,
    LidarScan,
)
from calico.data.waymo.v1.matrices import deflate_matrix, inflate_matrix, read_matrix
from calico.errors import CalicoError
from calico.frame import Float32, Float64

RETURNS = {1: "ri_return1", 2: "ri_return2"}
RANGE_CHANNELS, POSE_CHANNELS = 4, 6
_ROUNDING = 1e-6
_VELOCITY = ("v_x", "v_y", "v_z", "w_x", "w_y", "w_z")


def find_parts(
    messages: Sequence[dict[str, Any]],
    names: Mapping[int, str],
    wanted: Collection[int],
    where: str,
) -> dict[int, dict[str, Any]]:
    """Sort the messages of sensors by their number.

    Args:
        messages: Messages with a field `name`.
        names: Numbers that sensors can have.
        wanted: Numbers that are asked for; the others are left out.
        where: Names the file, the record and the field in errors.

    Raises:
        CalicoError: A sensor is unknown or there twice.
    """
    found: dict[int, dict[str, Any]] = {}
    for one in messages:
        number = one.get("name", 0)
        if number not in names:
            raise CalicoError(f"{where}: has sensor {number}, expected one of {sorted(names)}")
        if number in found:
            raise CalicoError(f"{where}: has {names[number]} twice")
        found[number] = one
    return {number: found[number] for number in sorted(found) if number in wanted}


def decode_transform(message: dict[str, Any], name: str, where: str) -> Float64:
    """Read a rigid transform.

    Args:
        message: The message that has it.
        name: Its field.
        where: Names the file, the record and the message in errors.

    Returns:
        (4, 4) matrix.

    Raises:
        CalicoError: It is missing, has not 16 finite numbers, or its last row is not 0, 0, 0, 1.
    """
    values = message.get(name, {}).get("transform", ())
    if len(values) != 16 or not np.isfinite(values).all():
        raise CalicoError(f"{where}: {name} has {len(values)} numbers, expected 16 that are finite")
    matrix: Float64 = np.array(values, np.float64).reshape(4, 4)
    if np.abs(matrix[3] - [0, 0, 0, 1]).max() > _ROUNDING:
        raise CalicoError(
            f"{where}: {name} has the last row {matrix[3].tolist()}, expected 0, 0, 0, 1"
        )
    matrix[3] = 0, 0, 0, 1
    return matrix


def decode_lidar_calibrations(
    messages: Sequence[dict[str, Any]], where: str
) -> dict[int, LidarCalibration]:
    """Make the calibrations of the LiDARs.

    Args:
        messages: Decoded `LaserCalibration`.
        where: Names the file and the record in errors.

    Raises:
        CalicoError: A value is missing or impossible.
    """
    result = {}
    for number, one in find_parts(messages, LASERS, LASERS, f"{where}: laser_calibrations").items():
        place = f"{where}: calibration of LiDAR {LASERS[number]}"
        beams = np.array(one.get("beam_inclinations", ()), np.float64)
        low, high = one.get("beam_inclination_min", 0.0), one.get("beam_inclination_max", 0.0)
        if not np.isfinite([*beams, low, high]).all():
            raise CalicoError(f"{place}: has inclinations that are not finite")
        extrinsic = decode_transform(one, "extrinsic", place)
        result[number] = LidarCalibration(extrinsic, low, high, beams if len(beams) else None)
    return result


def decode_camera_calibrations(
    messages: Sequence[dict[str, Any]], where: str
) -> dict[int, CameraCalibration]:
    """Make the calibrations of the cameras.

    Args:
        messages: Decoded `CameraCalibration`.
        where: Names the file and the record in errors.

    Raises:
        CalicoError: A value is missing or impossible.
    """
    result = {}
    parts = find_parts(messages, CAMERA_NAMES, CAMERA_NAMES, f"{where}: camera_calibrations")
    for number, one in parts.items():
        place = f"{where}: calibration of camera {CAMERA_NAMES[number]}"
        intrinsic = np.array(one.get("intrinsic", ()), np.float64)
        if len(intrinsic) != 9 or not np.isfinite(intrinsic).all():
            raise CalicoError(
                f"{place}: intrinsic has {len(intrinsic)} numbers, expected 9 that are finite"
            )
        width, height = one.get("width", 0), one.get("height", 0)
        if width < 1 or height < 1:
            raise CalicoError(f"{place}: has a size of {width} x {height} pixels")
        result[number] = CameraCalibration(
            intrinsic,
            decode_transform(one, "extrinsic", place),
            width,
            height,
            one.get("rolling_shutter_direction", 0),
        )
    return result


def decode_images(
    messages: Sequence[dict[str, Any]], cameras: Collection[int], where: str
) -> dict[int, CameraImage]:
    """Make the images of some cameras.

    Args:
        messages: Decoded `CameraImage`.
        cameras: Cameras that are asked for.
        where: Names the file and the record in errors.

    Raises:
        CalicoError: A value is missing or impossible.
    """
    result = {}
    for number, one in find_parts(messages, CAMERA_NAMES, cameras, f"{where}: images").items():
        place = f"{where}: image of camera {CAMERA_NAMES[number]}"
        speed = one.get("velocity")
        velocity = None
        if speed:
            velocity = np.array([speed.get(name, 0.0) for name in _VELOCITY], np.float64)
        times = (
            one.get("pose_timestamp", 0.0),
            one.get("shutter", 0.0),
            one.get("camera_trigger_time", 0.0),
            one.get("camera_readout_done_time", 0.0),
        )
        if not np.isfinite(times).all() or (
            velocity is not None and not np.isfinite(velocity).all()
        ):
            raise CalicoError(f"{place}: has times or velocities that are not finite")
        pose = decode_transform(one, "pose", place)
        result[number] = CameraImage(bytes(one.get("image", b"")), pose, velocity, *times)
    return result


def decode_scans(
    messages: Sequence[dict[str, Any]],
    lasers: Collection[int],
    returns: Collection[int],
    where: str,
) -> dict[int, LidarScan]:
    """Inflate the range images of some LiDARs.

    Args:
        messages: Decoded `Laser`.
        lasers: LiDARs that are asked for.
        returns: 1, 2 or both.
        where: Names the file and the record in errors.

    Returns:
        Scans by LiDAR. A LiDAR without any of these returns is left out.

    Raises:
        CalicoError: A matrix is damaged, or those of one LiDAR differ in size.
    """
    result = {}
    for number, one in find_parts(messages, LASERS, lasers, f"{where}: lasers").items():
        place = f"{where}: LiDAR {LASERS[number]}"
        images = []
        for key in sorted(returns):
            image = _decode_range_image(one.get(RETURNS[key], {}), f"{place}, {RETURNS[key]}")
            if image is not None:
                images.append(image)
        if not images:
            continue
        pose = None
        stored = one.get(RETURNS[1], {}).get("range_image_pose_compressed", b"")
        if len(stored):
            pose = inflate_matrix(stored, POSE_CHANNELS, f"{place}, range_image_pose_compressed")
        sizes = {image.shape[:2] for image in (*images, *(() if pose is None else (pose,)))}
        if len(sizes) > 1:
            raise CalicoError(f"{place}: its matrices have the sizes {sorted(sizes)}")
        result[number] = LidarScan(tuple(images), pose)
    return result


def encode_scan(number: int, scan: LidarScan) -> dict[str, Any]:
    """Make a `Laser` message.

    Args:
        number: Key of `LASERS`.
        scan: Its range images.
    """
    message: dict[str, Any] = {"name": number}
    for key, image in zip(RETURNS.values(), scan.returns, strict=False):
        message[key] = {"range_image_compressed": deflate_matrix(image)}
    if scan.pixel_pose is not None:
        pose = deflate_matrix(scan.pixel_pose)
        message.setdefault(RETURNS[1], {})["range_image_pose_compressed"] = pose
    return message


def encode_lidar_calibration(number: int, calibration: LidarCalibration) -> dict[str, Any]:
    """Make a `LaserCalibration` message.

    Args:
        number: Key of `LASERS`.
        calibration: Its values.
    """
    return {
        "name": number,
        "beam_inclinations": calibration.inclinations,
        "beam_inclination_min": calibration.inclination_min,
        "beam_inclination_max": calibration.inclination_max,
        "extrinsic": encode_transform(calibration.vehicle_T_lidar),
    }


def encode_camera_calibration(number: int, calibration: CameraCalibration) -> dict[str, Any]:
    """Make a `CameraCalibration` message.

    Args:
        number: Key of `CAMERA_NAMES`.
        calibration: Its values.
    """
    return {
        "name": number,
        "intrinsic": calibration.intrinsic,
        "extrinsic": encode_transform(calibration.vehicle_T_camera),
        "width": calibration.width,
        "height": calibration.height,
        "rolling_shutter_direction": calibration.shutter_direction,
    }


def encode_image(number: int, image: CameraImage) -> dict[str, Any]:
    """Make a `CameraImage` message.

    Args:
        number: Key of `CAMERA_NAMES`.
        image: Its values.
    """
    velocity = None
    if image.velocity is not None:
        velocity = dict(zip(_VELOCITY, image.velocity.tolist(), strict=True))
    return {
        "name": number,
        "image": image.jpeg,
        "pose": encode_transform(image.world_T_vehicle),
        "velocity": velocity,
        "pose_timestamp": image.pose_time_s,
        "shutter": image.shutter_s,
        "camera_trigger_time": image.trigger_s,
        "camera_readout_done_time": image.readout_s,
    }


def encode_transform(matrix: Float64) -> dict[str, Any]:
    """Make a `Transform` message of a (4, 4) matrix."""
    return {"transform": matrix.ravel()}


def _decode_range_image(message: dict[str, Any], where: str) -> Float32 | None:
    """Read a return, or None if the file does not hold it."""
    compressed = message.get("range_image_compressed", b"")
    if len(compressed):
        return inflate_matrix(compressed, RANGE_CHANNELS, f"{where}.range_image_compressed")
    if "range_image" in message:
        return read_matrix(message["range_image"], RANGE_CHANNELS, f"{where}.range_image")
    return None
