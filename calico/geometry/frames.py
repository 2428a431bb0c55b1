"""Rigid transforms as 4x4 matrices, named A_T_B (takes points of B into A)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Float64


def transform_points(
    a_T_b: Float64, points_b: npt.NDArray[np.floating]
) -> npt.NDArray[np.floating]:
    """Express points of frame B in frame A.

    The dtype stays.

    Args:
        a_T_b: (4, 4) rigid transform.
        points_b: (N, 3) points in frame B [m].

    Returns:
        (N, 3) points in frame A [m].
    """
    result: npt.NDArray[np.floating] = (points_b @ a_T_b[:3, :3].T + a_T_b[:3, 3]).astype(
        points_b.dtype
    )
    return result


def invert_transform(a_T_b: Float64) -> Float64:
    """Invert rigid (..., 4, 4) matrices exactly, by a transpose instead of a linear solve."""
    rotation = np.swapaxes(a_T_b[..., :3, :3], -1, -2)
    result = np.zeros_like(a_T_b)
    result[..., :3, :3] = rotation
    result[..., :3, 3] = -(rotation @ a_T_b[..., :3, 3:])[..., 0]
    result[..., 3, 3] = 1.0
    return result


def from_yaw(
    yaw_rad: float, translation_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Float64:
    """Build a (4, 4) transform from a turn about z and a shift.

    Args:
        yaw_rad: Counter-clockwise turn [rad].
        translation_m: Shift after the turn [m].
    """
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    result = np.eye(4)
    result[:2, :2] = [[c, -s], [s, c]]
    result[:3, 3] = translation_m
    return result


def yaw_of(a_T_b: Float64) -> float:
    """Return the heading of frame B's x axis in frame A [rad]."""
    return float(np.arctan2(a_T_b[1, 0], a_T_b[0, 0]))


def wrap_angle(angle_rad: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Fold angles into [-pi, pi)."""
    return ((angle_rad + np.pi) % (2 * np.pi) - np.pi).astype(angle_rad.dtype)


def from_quaternion(wxyz: npt.ArrayLike, translation_m: npt.ArrayLike = (0.0, 0.0, 0.0)) -> Float64:
    """Build a (4, 4) transform from a quaternion and a shift.

    Args:
        wxyz: Quaternion (w, x, y, z), as nuScenes stores it. It is scaled to length 1.
        translation_m: Shift after the turn [m].
    """
    w, x, y, z = np.asarray(wxyz, np.float64) / np.linalg.norm(np.asarray(wxyz, np.float64))
    result = np.eye(4)
    result[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    result[:3, 3] = np.asarray(translation_m, np.float64)
    return result
