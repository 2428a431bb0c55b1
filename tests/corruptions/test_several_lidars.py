"""Every corruption on a frame of two LiDARs: fields in step, and rays that begin where they do."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import CorruptionError, corrupt, list_corruptions
from corruptions.frame_like import POINT_FIELDS
from corruptions.weather.range_image import view_image


def two_lidars(street: Frame) -> Frame:
    mounts = np.tile(np.eye(4), (2, 1, 1))
    mounts[1, :3, 3] = [3.0, 0.0, -1.0]
    n = len(street.points)
    return street.replace(
        lidar_index=(np.arange(n) % 2).astype(np.int16),
        lidar_T=mounts,
        unlabelled=np.arange(n) % 5 == 0,
    )


@pytest.mark.parametrize("name", list_corruptions())
def test_every_field_of_the_points_stays_in_step(name: str, street: Frame) -> None:
    after = corrupt(two_lidars(street), name, 3, 7)
    for field in POINT_FIELDS:
        value = getattr(after, field)
        assert value is not None
        assert len(value) == len(after.points), field
    assert after.lidar_index is not None
    assert after.lidar_index.dtype == np.int16
    assert set(np.unique(after.lidar_index)) <= {0, 1}


def test_ghosts_lie_on_the_ray_of_their_own_lidar(street: Frame) -> None:
    """A ghost is twice as far along its ray: the front LiDAR's at origin + 2 (point - origin)."""
    before = two_lidars(street)
    after = corrupt(before, "ghost_points", 5, 7)
    n = len(before.points)
    added, origins = after.points[n:, :3].astype(np.float64), after.ray_origins[n:]
    assert after.lidar_index is not None
    assert set(after.lidar_index[n:].tolist()) == {0, 1}
    halfway = origins + (added - origins) / 2
    nearest = np.linalg.norm(halfway[:, None] - before.points[None, :, :3], axis=2).min(axis=1)
    assert nearest.max() < 1e-4


def test_an_index_without_its_pose_is_refused(street: Frame) -> None:
    frame = two_lidars(street)
    assert frame.lidar_T is not None
    wrong = frame.replace(lidar_T=frame.lidar_T[:1])
    with pytest.raises(CorruptionError, match=r"lidar_index goes from 0 to 1, expected 0\.\.0"):
        corrupt(wrong, "point_gaussian_noise", 2)


def test_steep_returns_of_another_lidar_raise_no_wall(street: Frame) -> None:
    """Behind the camera, 60 degrees up: the picture's distances do not know of them."""
    alone = two_lidars(street).replace(lidar_index=np.zeros(len(street.points), np.int16))
    back = street.camera_T_lidar[0, 2, :3]
    up = np.array([-back[0], -back[1], np.sqrt(3) * np.hypot(back[0], back[1])])
    points = np.zeros((200, 5), np.float32)
    points[:, :3] = np.linspace(5, 9, 200)[:, None] * up
    assert (points[:, :3] @ back + street.camera_T_lidar[0, 2, 3] < 0).all()
    assert alone.lidar_index is not None
    more = alone.append_points(points, np.zeros(200, np.int64))
    index = np.concatenate([alone.lidar_index, np.ones(200, np.int16)])
    before, after = (view_image(one, 0) for one in (alone, more.replace(lidar_index=index)))
    assert np.array_equal(after.range_m, before.range_m)
    assert np.array_equal(after.sky, before.sky)
