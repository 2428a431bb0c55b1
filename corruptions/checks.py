"""Units are checked on the way in: a wrong one would make a corruption quietly mean something else."""

from __future__ import annotations

import dataclasses

import numpy as np

from corruptions.errors import CorruptionError
from corruptions.frame_like import FrameLike

FARTHEST_M = 2000.0
"""No automotive LiDAR sees farther; larger coordinates are not metres."""


FIELDS = {
    "token": "the frame's name, a text",
    "scene": "the scene's name, a text",
    "points": "(N, 5) float32 array of x, y, z [m], intensity [0..1], age [s]",
    "ring": "(N,) int16 array of the points' beams, -1 where unknown",
    "sweep_index": "(N,) int16 array of the points' sweeps, 0 for the keyframe's",
    "sweep_T": "(S, 4, 4) array of the poses of the sweeps in the LiDAR frame",
    "elongation": "(N,) float32 array, or None",
    "images": "tuple of (H, W, 3) uint8 RGB arrays, one for each camera",
    "camera_K": "(V, 3, 3) array of the cameras' matrices [px]",
    "camera_T_lidar": "(V, 4, 4) array of the cameras' poses",
    "ego_T_lidar": "(4, 4) array, the LiDAR's pose in the vehicle, whose z = 0 is the road",
    "boxes": "dataclass with the labelled objects as `boxes`, a (M, 9) float32 array",
    "previous": "function without arguments that gives the keyframe before, or None",
    "replace": "method that gives a copy with some fields changed",
}
"""What a frame has, and what it is."""
ARRAYS = ("points", "ring", "sweep_index", "sweep_T", "camera_K", "camera_T_lidar", "ego_T_lidar")


def check_fields(frame: object) -> None:
    """Look for the fields of `FrameLike` and for their kinds, before anything is read from them.

    Raises:
        CorruptionError: one is missing or is something else; the message says what it is.
    """
    kind = type(frame).__name__
    if isinstance(frame, type) or not dataclasses.is_dataclass(frame):
        raise CorruptionError(
            f"the frame is a {kind}, expected a dataclass with the fields {', '.join(FIELDS)} (see corruptions.FrameLike)"
        )
    missing = [name for name in FIELDS if not hasattr(frame, name)]
    if missing:
        what = "; ".join(f"{name}: {FIELDS[name]}" for name in missing)
        raise CorruptionError(
            f"the frame ({kind}) has no {' and no '.join(missing)}, expected {what}"
        )
    wrong = [name for name in ARRAYS if not isinstance(getattr(frame, name), np.ndarray)]
    elongation, images = getattr(frame, "elongation", None), getattr(frame, "images", None)
    wrong += ["elongation"] * (elongation is not None and not isinstance(elongation, np.ndarray))
    good_images = isinstance(images, tuple) and all(
        isinstance(image, np.ndarray) for image in images
    )
    wrong += ["images"] * (not good_images)
    wrong += ["boxes"] * (
        not isinstance(getattr(getattr(frame, "boxes", None), "boxes", None), np.ndarray)
    )
    previous = getattr(frame, "previous", None)
    wrong += ["previous"] * (previous is not None and not callable(previous))
    for name in wrong:
        found = type(getattr(frame, name)).__name__
        raise CorruptionError(f"the frame's {name} is a {found}, expected {FIELDS[name]}")


def check_frame(frame: FrameLike) -> None:
    """Raises CorruptionError, naming frame and field, where the sensor data breaks the contract of `FrameLike`."""
    check_fields(frame)
    points, n = frame.points, len(frame.points)
    where = f"frame {frame.token}: "
    if points.ndim != 2 or points.shape[1] != 5 or points.dtype != np.float32:
        raise CorruptionError(
            f"{where}points are {points.dtype} {points.shape}, expected float32 (N, 5)"
        )
    for name, values in (
        ("ring", frame.ring),
        ("sweep_index", frame.sweep_index),
        ("elongation", frame.elongation),
    ):
        if values is not None and values.shape != (n,):
            raise CorruptionError(
                f"{where}{name} has shape {values.shape}, expected ({n},) as there are {n} points"
            )
    boxes = frame.boxes.boxes
    if boxes.ndim != 2 or boxes.shape[1] != 9:
        raise CorruptionError(f"{where}boxes have shape {boxes.shape}, expected (M, 9)")
    if (
        frame.ego_T_lidar.shape != (4, 4)
        or frame.sweep_T.shape[1:] != (4, 4)
        or (n and not len(frame.sweep_T))
    ):
        raise CorruptionError(
            f"{where}ego_T_lidar has shape {frame.ego_T_lidar.shape} and sweep_T {frame.sweep_T.shape}, "
            "expected (4, 4) and (S, 4, 4) with the keyframe's own sweep first"
        )
    if n:
        _check_units(where, frame)
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
    for name, matrices, rows in (
        ("camera_K", frame.camera_K, 3),
        ("camera_T_lidar", frame.camera_T_lidar, 4),
    ):
        if matrices.shape != (len(frame.images), rows, rows):
            raise CorruptionError(
                f"{where}{name} has shape {matrices.shape}, expected {(len(frame.images), rows, rows)} as there are "
                f"{len(frame.images)} images"
            )


def _check_units(where: str, frame: FrameLike) -> None:
    columns = np.ascontiguousarray(frame.points.T)
    low, high = columns.min(axis=1), columns.max(axis=1)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise CorruptionError(f"{where}points hold NaN or infinite values; drop them in the loader")
    if low[3] < 0 or high[3] > 1:
        raise CorruptionError(
            f"{where}points' intensity goes from {low[3]:g} to {high[3]:g}, expected 0..1; divide by the sensor's full scale"
        )
    if max(-low[:3].min(), high[:3].max()) > FARTHEST_M:
        raise CorruptionError(
            f"{where}points reach {max(-low[:3].min(), high[:3].max()):g} m, expected less than {FARTHEST_M:g} m; "
            "are the coordinates in millimetres?"
        )
    sweeps = len(frame.sweep_T)
    if frame.sweep_index.min() < 0 or frame.sweep_index.max() >= sweeps:
        raise CorruptionError(
            f"{where}sweep_index goes from {frame.sweep_index.min()} to {frame.sweep_index.max()}, "
            f"expected 0..{sweeps - 1} as sweep_T holds {sweeps} poses"
        )
