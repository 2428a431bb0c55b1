"""Projection by hand. The forward camera of the shared frame: 64 x 128 px, f = 64 px, centre at
(63.5, 31.5)."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from calico.geometry.camera import project_points


@pytest.mark.parametrize(
    ("point", "pixel"),
    [
        ((10.0, 0.0, 0.0), (63.5, 31.5)),  # straight ahead: the centre
        ((10.0, 5.0, 0.0), (31.5, 31.5)),  # half its distance to the left: f / 2 to the left
        ((10.0, 0.0, 2.5), (63.5, 15.5)),  # a quarter up: f / 4 up
        ((20.0, -10.0, -5.0), (95.5, 47.5)),  # to the right and down
    ],
)
def test_known_points(frame: Frame, point: tuple[float, ...], pixel: tuple[float, ...]) -> None:
    pixels, depth, visible = project_points(frame.image_from_lidar[0], np.array([point]), (64, 128))
    np.testing.assert_allclose(pixels[0], pixel)
    assert depth[0] == pytest.approx(point[0])
    assert visible.all()


def test_behind_and_beside_are_not_visible(frame: Frame) -> None:
    points = np.array([[-10.0, 0, 0], [0.05, 0, 0], [10, 11, 0], [10, 0, 6]])
    assert not project_points(frame.image_from_lidar[0], points, (64, 128))[2].any()
    assert project_points(frame.image_from_lidar[1], points, (64, 128))[2].tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_pixels_reach_half_a_pixel_beyond_their_centres(frame: Frame) -> None:
    """u from -0.5 (seen) to 127.5 (not seen) is the image."""
    lateral = np.array([64.0, 64.001, -64.0, -63.999]) / 64 * 10
    points = np.column_stack([np.full(4, 10.0), lateral, np.zeros(4)])
    pixels, _, visible = project_points(frame.image_from_lidar[0], points, (64, 128))
    np.testing.assert_allclose(pixels[[0, 2], 0], [-0.5, 127.5])
    assert visible.tolist() == [True, False, False, True]


def test_a_painted_pixel_is_hit_by_its_ray(frame: Frame) -> None:
    """Back-projects every pixel centre to 7 m depth and projects it again."""
    u, v = np.meshgrid(np.arange(128.0), np.arange(64.0))
    ray = np.stack([u.ravel() * 7, v.ravel() * 7, np.full(u.size, 7.0), np.ones(u.size)])
    points = (np.linalg.inv(frame.image_from_lidar[0]) @ ray)[:3].T
    pixels, depth, visible = project_points(frame.image_from_lidar[0], points, (64, 128))
    assert visible.all()
    np.testing.assert_allclose(depth, 7)
    np.testing.assert_allclose(pixels, np.stack([u.ravel(), v.ravel()], axis=1), atol=1e-9)
