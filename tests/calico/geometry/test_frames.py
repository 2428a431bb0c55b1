"""Rigid transforms against pyquaternion and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pyquaternion import Quaternion

from calico.geometry.frames import (
    from_quaternion,
    from_yaw,
    invert_transform,
    transform_points,
    wrap_angle,
    yaw_of,
)


@pytest.mark.parametrize("seed", range(10))
def test_quaternion_against_pyquaternion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wxyz, shift = rng.normal(size=4), rng.normal(size=3)
    expected = Quaternion(wxyz / np.linalg.norm(wxyz)).transformation_matrix
    expected[:3, 3] = shift
    np.testing.assert_allclose(
        from_quaternion(wxyz, shift), expected, atol=1e-12
    )  # any length is normalised


def test_from_yaw_by_hand() -> None:
    """A frame turned by a quarter to the left and 10 m ahead: its forward is our left."""
    a_T_b = from_yaw(np.pi / 2, (10.0, 0.0, 1.0))
    np.testing.assert_allclose(
        transform_points(a_T_b, np.array([[2.0, 0, 0], [0, 1, 0]])),
        [[10, 2, 1], [9, 0, 1]],
        atol=1e-12,
    )
    assert yaw_of(a_T_b) == pytest.approx(np.pi / 2)


def test_names_chain() -> None:
    a_T_b, b_T_c = from_yaw(0.3, (1.0, 2, 3)), from_yaw(-1.2, (0.0, 4, 0))
    points_c = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(
        transform_points(a_T_b @ b_T_c, points_c),
        transform_points(a_T_b, transform_points(b_T_c, points_c)),
    )


def test_inverse_of_a_stack() -> None:
    stack = np.stack(
        [from_quaternion(q, q[:3]) for q in np.random.default_rng(1).normal(size=(6, 4))]
    )
    np.testing.assert_allclose(
        invert_transform(stack) @ stack, np.tile(np.eye(4), (6, 1, 1)), atol=1e-12
    )


def test_transform_keeps_the_dtype() -> None:
    assert transform_points(from_yaw(0.5), np.zeros((3, 3), np.float32)).dtype == np.float32


def test_wrap_angle_is_half_open() -> None:
    angles = np.array([0.0, np.pi, -np.pi, 3 * np.pi, 4.0, -4.0])
    expected = [0, -np.pi, -np.pi, -np.pi, 4 - 2 * np.pi, 2 * np.pi - 4]
    np.testing.assert_allclose(wrap_angle(angles), expected)
