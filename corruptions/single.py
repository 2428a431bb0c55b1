"""Corrupt one image or one point cloud, without a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from corruptions.apply import apply_parts, as_severity
from corruptions.catalogue import find_corruptions
from corruptions.errors import CorruptionError
from corruptions.fields import FIELDS
from corruptions.frame_like import Float32, UInt8
from corruptions.partial import Origin
from corruptions.spec import Sensor, Spec

OF_IMAGE = Origin(
    "corrupt_image was not given",
    {
        **FIELDS,
        "camera_K": "(3, 3) matrix of the camera [px]",
        "camera_T_lidar": "(4, 4) matrix that takes LiDAR points into the camera's frame",
    },
)
OF_POINTS = Origin(
    "corrupt_points was not given",
    {**FIELDS, "boxes": "(M, 9) float32 array of the labelled objects"},
)
WORDS: dict[Sensor, str] = {
    "camera": "images",
    "lidar": "points",
    "calibration": "the calibration",
    "labels": "boxes",
}


@dataclass(frozen=True)
class ImageInput:
    """What `corrupt_image` was given. The fields are those of `FrameLike`; None is not given."""

    images: tuple[UInt8, ...]
    points: Float32 | None
    camera_K: npt.NDArray[np.float64] | None
    camera_T_lidar: npt.NDArray[np.float64] | None
    ego_T_lidar: npt.NDArray[np.float64] | None
    token: str | None
    scene: str | None


@dataclass(frozen=True)
class BoxInput:
    """Labelled objects without labels: boxes (M, 9) float32."""

    boxes: Float32


@dataclass(frozen=True)
class PointsInput:
    """What `corrupt_points` was given. The fields are those of `FrameLike`; None is not given."""

    points: Float32
    ring: npt.NDArray[np.int16] | None
    sweep_index: npt.NDArray[np.int16] | None
    sweep_T: npt.NDArray[np.float64] | None
    ego_T_lidar: npt.NDArray[np.float64] | None
    boxes: BoxInput | None
    token: str | None
    scene: str | None


def corrupt_image(
    image: UInt8,
    name: str,
    severity: int,
    seed: int = 0,
    *,
    points: Float32 | None = None,
    camera_K: npt.NDArray[np.float64] | None = None,
    camera_T_lidar: npt.NDArray[np.float64] | None = None,
    ego_T_lidar: npt.NDArray[np.float64] | None = None,
    token: str | None = None,
    scene: str | None = None,
) -> UInt8:
    """Apply a corruption to one camera image.

    Args:
        image: (H, W, 3) uint8 RGB.
        name: One of `list_corruptions()`, or several joined by "+".
        severity: 0 (no change) to 5.
        seed: Seed of the random numbers. The same seed and image give the same bytes.
        points: (N, 4) or (N, 5) float32 LiDAR points, see `corrupt_points`. Weather needs them: the
            distance of a pixel comes from the points, the calibration and the road.
        camera_K: (3, 3) pinhole matrix of the camera [px], for weather.
        camera_T_lidar: (4, 4) takes LiDAR points into the camera's frame (x right, y down,
            z forward), for weather.
        ego_T_lidar: (4, 4) pose of the LiDAR in the vehicle, whose z = 0 is the road, for weather.
        token: Name of the image, which the random numbers depend on. Default: made from the
            pixels, so that different images get different noise.
        scene: Name of the drive. Lasting defects, e.g. a dirty lens, are the same in a scene.

    Returns:
        (H, W, 3) uint8, a new array.

    Raises:
        CorruptionError: The corruption does not change images, or needs something that was not
            given (the message names it). Or the name is unknown, the severity is outside 0..5, or
            the image is of another shape or type.

    Example:
        >>> import numpy as np
        >>> image = np.full((64, 96, 3), 128, np.uint8)
        >>> noisy = corrupt_image(image, "gaussian_noise", severity=3)
        >>> noisy.shape, noisy.dtype
        ((64, 96, 3), dtype('uint8'))
    """
    parts = _parts(name, severity, "camera", "corrupt_image")
    if not isinstance(image, np.ndarray):
        raise CorruptionError(
            f"the image is a {type(image).__name__}, expected a (H, W, 3) uint8 RGB array"
        )
    given = ImageInput(
        images=(image,),
        points=None if points is None else _five_columns(points),
        camera_K=_one_view(camera_K, "camera_K", 3),
        camera_T_lidar=_one_view(camera_T_lidar, "camera_T_lidar", 4),
        ego_T_lidar=ego_T_lidar,
        token=token,
        scene=scene,
    )
    return apply_parts(given, parts, seed, OF_IMAGE).images[0]


def corrupt_points(
    points: Float32,
    name: str,
    severity: int,
    seed: int = 0,
    *,
    ring: npt.NDArray[np.int16] | None = None,
    sweep_index: npt.NDArray[np.int16] | None = None,
    sweep_T: npt.NDArray[np.float64] | None = None,
    ego_T_lidar: npt.NDArray[np.float64] | None = None,
    boxes: Float32 | None = None,
    token: str | None = None,
    scene: str | None = None,
) -> Float32:
    """Apply a corruption to one LiDAR point cloud.

    Args:
        points: (N, 4) or (N, 5) float32 x, y, z [m, LiDAR frame: x forward, y left, z up],
            intensity [0..1] and, optionally, age [s].
        name: One of `list_corruptions()`, or several joined by "+".
        severity: 0 (no change) to 5.
        seed: Seed of the random numbers. The same seed and points give the same bytes.
        ring: (N,) int16 beam of every point, 0 the lowest, for corruptions of beams.
        sweep_index: (N,) int16 sweep of every point, 0 the keyframe's. Default: one sweep.
        sweep_T: (S, 4, 4) poses of the sweeps in the LiDAR frame. Default: one at the origin.
        ego_T_lidar: (4, 4) pose of the LiDAR in the vehicle, whose z = 0 is the road, for spray,
            sunlight and wet ground.
        boxes: (M, 9) float32 x, y, z, length, width, height [m], yaw [rad], vx, vy [m/s], for
            corruptions of objects.
        token: Name of the point cloud, which the random numbers depend on. Default: made from the
            points.
        scene: Name of the drive. Lasting defects, e.g. a broken beam, are the same in a scene.

    Returns:
        (N', 4) or (N', 5) float32 with the columns of the input, a new array.

    Raises:
        CorruptionError: The corruption does not change points or changes boxes with them, or needs
            something that was not given (the message names it). Or the name is unknown, the
            severity is outside 0..5, or the points are of another shape or unit.

    Example:
        >>> import numpy as np
        >>> points = np.random.default_rng(0).random((1000, 4), np.float32)
        >>> corrupt_points(points, "point_drop", severity=5).shape
        (700, 4)
    """
    parts = _parts(name, severity, "lidar", "corrupt_points")
    five = _five_columns(points)
    given = PointsInput(
        points=five,
        ring=ring,
        sweep_index=sweep_index,
        sweep_T=sweep_T,
        ego_T_lidar=ego_T_lidar,
        boxes=None if boxes is None else BoxInput(boxes),
        token=token,
        scene=scene,
    )
    result = apply_parts(given, parts, seed, OF_POINTS).points
    return np.ascontiguousarray(result[:, : points.shape[1]])


def _parts(name: str, severity: int, sensor: Sensor, function: str) -> list[tuple[Spec, float]]:
    """The corruptions of a name, each with its parameter; refuses those of other sensors."""
    specs, level = find_corruptions(name), as_severity(name, severity)
    for spec in specs:
        here = f"{function} returns {WORDS[sensor]} only; corrupt a frame with `corrupt`"
        if sensor not in spec.sensors:
            raise CorruptionError(
                f"{spec.name} changes {' and '.join(WORDS[one] for one in spec.sensors)}, "
                f"and {here}"
            )
        if "labels" in spec.sensors:
            raise CorruptionError(f"{spec.name} changes boxes, too, and {here}")
        if "past" in spec.needs:
            raise CorruptionError(
                f"{spec.name} needs the frames before in the scene, which {function} does not "
                "take; corrupt a frame that has `previous` with `corrupt`"
            )
    return [(spec, spec.value_at(level)) for spec in specs if level]


def _five_columns(points: Any) -> Float32:
    """Points with an age of 0 s where none is given."""
    if not isinstance(points, np.ndarray):
        raise CorruptionError(
            f"the points are a {type(points).__name__}, expected a (N, 4) or (N, 5) float32 array"
        )
    if points.ndim != 2 or points.shape[1] not in (4, 5) or points.dtype != np.float32:
        raise CorruptionError(
            f"points are {points.dtype} {points.shape}, expected float32 (N, 4) x, y, z [m], "
            "intensity [0..1], or (N, 5) with the age [s]"
        )
    if points.shape[1] == 5:
        return points
    return np.concatenate([points, np.zeros((len(points), 1), np.float32)], axis=1)


def _one_view(matrix: Any, name: str, size: int) -> npt.NDArray[np.float64] | None:
    """A matrix of one camera as that of a rig with one camera."""
    if matrix is None:
        return None
    if np.shape(matrix) != (size, size):
        raise CorruptionError(f"{name} has shape {np.shape(matrix)}, expected {(size, size)}")
    return np.asarray(matrix, np.float64)[None]
