"""What grows with the severity of the alignment corruptions, measured from the frames before and
after.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from calico.frame import Frame
from corruptions import measure_effect


def focal_change(before: Frame, after: Frame) -> float:
    return float(abs(after.camera_K[:, 0, 0] / before.camera_K[:, 0, 0] - 1).mean())


def sweep_turn_deg(before: Frame, after: Frame) -> float:
    """Rotation that takes the points of the older sweep to where they are now, by least squares."""
    old, new = (
        frame.points[frame.sweep_index == 1, :3].astype(np.float64) for frame in (before, after)
    )
    found, _ = Rotation.align_vectors(new - new.mean(axis=0), old - old.mean(axis=0))
    return float(np.degrees(found.magnitude()))


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "extrinsic": lambda before, after: measure_effect(before, after).rotation_deg,
    "lidar_extrinsic": lambda before, after: measure_effect(before, after).rotation_deg,
    "intrinsics": focal_change,
    "calibration_drift": lambda before, after: measure_effect(before, after).rotation_deg,
    "pose_error": sweep_turn_deg,
}
