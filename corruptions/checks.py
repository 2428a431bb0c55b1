"""Check a frame before it is corrupted: a wrong unit would change what a corruption means."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from corruptions.errors import CorruptionError
from corruptions.fields import FIELDS
from corruptions.frame_like import POINT_FIELDS, FrameLike

FARTHEST_M = 2000.0
"""No automotive LiDAR sees farther; larger coordinates are not metres."""
INDICES = ("ring", "sweep_index", "lidar_index")
"""Fields of points that number beams, sweeps and sensors."""
Array = npt.NDArray[np.generic]


def check_kinds(frame: object) -> None:
    """Check that the fields which a frame has are of the right kinds, before anything is read.

    Args:
        frame: A dataclass with some or all of the fields of `FrameLike`. A field that is missing
            or None is not checked here.

    Raises:
        CorruptionError: The frame is no dataclass, has none of the sensors' fields, or a field is
            of another kind. The message says what the field is.
    """
    kind = type(frame).__name__
    if isinstance(frame, np.ndarray):
        raise CorruptionError(
            f"the frame is a {kind}, expected a dataclass with the fields {', '.join(FIELDS)}; "
            "a single image is corrupted by corrupt_image, a single point cloud by corrupt_points"
        )
    if isinstance(frame, type) or not dataclasses.is_dataclass(frame):
        raise CorruptionError(
            f"the frame is a {kind}, expected a dataclass with the fields {', '.join(FIELDS)} "
            "(see corruptions.FrameLike)"
        )
    given = {name: value for name in FIELDS if (value := getattr(frame, name, None)) is not None}
    if "points" not in given and "images" not in given:
        raise CorruptionError(
            f"the frame ({kind}) has no points and no images, expected points: "
            f"{FIELDS['points']}; or images: {FIELDS['images']}"
        )
    for name, value in given.items():
        if not _of_kind(name, value):
            raise CorruptionError(
                f"the frame's {name} is a {type(value).__name__}, expected {FIELDS[name]}"
            )


def _of_kind(name: str, value: object) -> bool:
    if name in ("token", "scene"):
        return isinstance(value, str)
    if name == "images":
        return isinstance(value, tuple) and all(isinstance(one, np.ndarray) for one in value)
    if name == "boxes":
        return isinstance(getattr(value, "boxes", None), np.ndarray)
    if name == "previous":
        return callable(value)
    return isinstance(value, np.ndarray)


def check_values(frame: FrameLike, has: Callable[[str], bool] = lambda name: True) -> None:
    """Check shapes, types and units of a frame whose fields are of the right kinds.

    Args:
        frame: The frame.
        has: Whether the frame has a field of this name. One that it lacks is not checked.

    Raises:
        CorruptionError: The sensor data break the contract of `FrameLike`. The message names
            frame and field.
    """
    where = f"frame {frame.token}: "
    if has("points"):
        _check_points(where, frame)
    if has("boxes"):
        boxes = frame.boxes.boxes
        if boxes.ndim != 2 or boxes.shape[1] != 9:
            raise CorruptionError(f"{where}boxes have shape {boxes.shape}, expected (M, 9)")
    if has("ego_T_lidar"):
        if frame.ego_T_lidar.shape != (4, 4):
            raise CorruptionError(
                f"{where}ego_T_lidar has shape {frame.ego_T_lidar.shape}, expected (4, 4)"
            )
        _check_finite(where, "ego_T_lidar", frame.ego_T_lidar)
    if has("images"):
        _check_images(where, frame)
    for name, rows in (("camera_K", 3), ("camera_T_lidar", 4)):
        if not has(name):
            continue
        views, matrices = len(frame.images), getattr(frame, name)
        if matrices.shape != (views, rows, rows):
            raise CorruptionError(
                f"{where}{name} has shape {matrices.shape}, "
                f"expected {(views, rows, rows)} as there are {views} images"
            )
        _check_finite(where, name, matrices)


def _check_finite(where: str, name: str, matrices: Array) -> None:
    if matrices.dtype.kind not in "iuf" or not np.isfinite(matrices).all():
        what = (
            "NaN or infinite values"
            if matrices.dtype.kind in "iuf"
            else f"values of type {matrices.dtype}"
        )
        raise CorruptionError(f"{where}{name} holds {what}, expected finite numbers")


def _check_points(where: str, frame: FrameLike) -> None:
    points, n = frame.points, len(frame.points)
    if points.ndim != 2 or points.shape[1] != 5 or points.dtype != np.float32:
        raise CorruptionError(
            f"{where}points are {points.dtype} {points.shape}, expected float32 (N, 5)"
        )
    for name in POINT_FIELDS[1:]:
        values = getattr(frame, name)
        if values is not None and values.shape != (n,):
            raise CorruptionError(
                f"{where}{name} has shape {values.shape}, expected ({n},) as there are {n} points"
            )
        if name in INDICES and values is not None and values.dtype.kind not in "iu":
            raise CorruptionError(
                f"{where}{name} is {values.dtype}, expected whole numbers (int16): {FIELDS[name]}"
            )
    if frame.sweep_T.shape[1:] != (4, 4) or (n and not len(frame.sweep_T)):
        raise CorruptionError(
            f"{where}sweep_T has shape {frame.sweep_T.shape}, "
            "expected (S, 4, 4) with the keyframe's own sweep first"
        )
    _check_finite(where, "sweep_T", frame.sweep_T)
    if n:
        _check_lidars(where, frame)
        _check_units(where, frame)


def _check_lidars(where: str, frame: FrameLike) -> None:
    index, poses = frame.lidar_index, frame.lidar_T
    if (index is None) != (poses is None):
        given, missing = ("lidar_T", "lidar_index") if index is None else ("lidar_index", "lidar_T")
        raise CorruptionError(f"{where}has {given} without {missing}, expected both or none")
    if index is None or poses is None:
        return
    if poses.ndim != 3 or poses.shape[1:] != (4, 4):
        raise CorruptionError(f"{where}lidar_T has shape {poses.shape}, expected (L, 4, 4)")
    _check_finite(where, "lidar_T", poses)
    if index.min() < 0 or index.max() >= len(poses):
        raise CorruptionError(
            f"{where}lidar_index goes from {index.min()} to {index.max()}, expected "
            f"0..{len(poses) - 1} as lidar_T holds {len(poses)} poses"
        )


def _check_images(where: str, frame: FrameLike) -> None:
    for view, image in enumerate(frame.images):
        if (
            image.dtype != np.uint8
            or image.ndim != 3
            or image.shape[2] != 3
            or min(image.shape) < 2
        ):
            raise CorruptionError(
                f"{where}image {view} is {image.dtype} {image.shape}, expected uint8 (H, W, 3) RGB"
            )


def _check_units(where: str, frame: FrameLike) -> None:
    columns = np.ascontiguousarray(frame.points.T)
    low, high = columns.min(axis=1), columns.max(axis=1)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise CorruptionError(f"{where}points hold NaN or infinite values; drop them in the loader")
    if low[3] < 0 or high[3] > 1:
        raise CorruptionError(
            f"{where}points' intensity goes from {low[3]:g} to {high[3]:g}, expected 0..1; "
            "divide by the sensor's full scale"
        )
    reach = max(-low[:3].min(), high[:3].max())
    if reach > FARTHEST_M:
        raise CorruptionError(
            f"{where}points reach {reach:g} m, expected less than {FARTHEST_M:g} m; "
            "are the coordinates in millimetres?"
        )
    sweeps = len(frame.sweep_T)
    if frame.sweep_index.min() < 0 or frame.sweep_index.max() >= sweeps:
        raise CorruptionError(
            f"{where}sweep_index goes from {frame.sweep_index.min()} to {frame.sweep_index.max()}, "
            f"expected 0..{sweeps - 1} as sweep_T holds {sweeps} poses"
        )
