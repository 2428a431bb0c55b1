"""Units are checked on the way in: a wrong one would make a corruption quietly mean something else."""

from __future__ import annotations

import numpy as np

from corruptions.errors import CorruptionError
from corruptions.frame_like import FrameLike

FARTHEST_M = 2000.0
"""No automotive LiDAR sees farther; larger coordinates are not metres."""


def check_frame(frame: FrameLike) -> None:
    """Raises CorruptionError, naming frame and field, where the sensor data breaks the contract of `FrameLike`."""
    points, n = frame.points, len(frame.points)
    where = f"frame {frame.token}: "
    if points.ndim != 2 or points.shape[1] != 5 or points.dtype != np.float32:
        raise CorruptionError(f"{where}points are {points.dtype} {points.shape}, expected float32 (N, 5)")
    for name, values in (("ring", frame.ring), ("sweep_index", frame.sweep_index), ("elongation", frame.elongation)):
        if values is not None and values.shape != (n,):
            raise CorruptionError(f"{where}{name} has shape {values.shape}, expected ({n},) as there are {n} points")
    if n:
        _check_units(where, frame)
    for view, image in enumerate(frame.images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape) < 2:
            raise CorruptionError(f"{where}image {view} is {image.dtype} {image.shape}, expected uint8 (H, W, 3) RGB")
    for name, matrices, rows in (("camera_K", frame.camera_K, 3), ("camera_T_lidar", frame.camera_T_lidar, 4)):
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
