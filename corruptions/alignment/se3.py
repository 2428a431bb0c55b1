"""Random rigid motions of a known size: proper elements of SE(3).

They are not noise on the entries of a matrix.
"""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64


def rotation_about(axis: Float64, angle_rad: float) -> Float64:
    """Return the rotation about an axis (Rodrigues' formula).

    Args:
        axis: (3,) unit vector.
        angle_rad: Angle [rad].

    Returns:
        (3, 3) float64.
    """
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result: Float64 = (
        np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * (cross @ cross)
    )
    return result


def random_rigid(rng: np.random.Generator, rotation_deg: float, translation_m: float) -> Float64:
    """Draw a rigid motion of an exact size, with random axis and direction.

    Args:
        rng: Random generator.
        rotation_deg: Angle of the rotation [degrees].
        translation_m: Length of the shift [m].

    Returns:
        (4, 4) float64.
    """
    delta = np.eye(4)
    delta[:3, :3] = rotation_about(_direction(rng), np.radians(rotation_deg))
    delta[:3, 3] = translation_m * _direction(rng)
    return delta


def _direction(rng: np.random.Generator) -> Float64:
    """Draw a unit vector, uniform on the sphere."""
    vector = rng.normal(size=3)
    result: Float64 = vector / np.linalg.norm(vector)
    return result
