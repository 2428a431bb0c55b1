"""The simulated cameras agree with the LiDAR and with the map."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.camera import color_sky
from calico.data.sim.lidar import EGO_T_LIDAR
from calico.data.sim.light import draw_light
from calico.data.sim.map_raster import BIT
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.raycast import cast_rays
from calico.data.sim.rig import ego_T_camera, pixel_rays
from calico.data.sim.world import World
from calico.frame import Frame
from calico.geometry.camera import project_points
from calico.geometry.frames import invert_transform, transform_points
from calico.taxonomy import CAMERAS
from tests.calico.data.sim.small import SIZE


def test_camera_rays_meet_the_lidar_points(world: World, frame: Frame) -> None:
    """A pixel's ray and the LiDAR point that falls on it are equally deep, but for edges, parallax
    and noise."""
    ego = frame.global_T_lidar @ invert_transform(EGO_T_LIDAR)
    for view, camera in enumerate(CAMERAS):
        pixels, depth, visible = project_points(frame.image_from_lidar[view], frame.points, SIZE)
        rounded = np.round(pixels[visible]).astype(np.int64)
        pose = (ego @ ego_T_camera(camera)).astype(np.float32)
        rays = pixel_rays(camera, SIZE).reshape(*SIZE, 3)[rounded[:, 1], rounded[:, 0]]
        hits = cast_rays(
            world.solids(KEYFRAME_S), np.tile(pose[:3, 3], (len(rays), 1)), rays @ pose[:3, :3].T
        )
        along = hits.distance_m * rays[:, 2]
        error = np.abs(along - depth[visible]) / depth[visible]
        assert len(error) > 200
        assert np.median(error) < 0.03, camera
        assert (error < 0.15).mean() > 0.7, camera


def test_paint_is_white_in_the_image_where_the_map_says_so(world: World, frame: Frame) -> None:
    xyz = transform_points(frame.global_T_lidar, frame.points[:, :3].astype(np.float64))
    road = xyz[:, 2] < 0.05
    bits = world.ground.lookup(xyz[:, :2])
    bright, dark = [], []
    for view in range(len(CAMERAS)):
        pixels, depth, visible = project_points(frame.image_from_lidar[view], frame.points, SIZE)
        near = visible & road & (depth < 15)
        for chosen, found in (
            ((bits & BIT["white"]) > 0, bright),
            ((bits & (BIT["white"] | BIT["yellow"])) == 0, dark),
        ):
            uv = np.round(pixels[near & chosen]).astype(np.int64)
            found += frame.images[view][uv[:, 1], uv[:, 0]].mean(axis=1).tolist()
    assert len(bright) > 5
    assert np.mean(bright) > np.mean(dark) + 20


def test_sky_is_brightest_by_the_sun() -> None:
    light = draw_light(np.random.default_rng(0))
    assert np.linalg.norm(light.sun) == pytest.approx(1, abs=1e-5)
    towards, away = color_sky(
        light, np.stack([light.sun, light.sun * [-1, -1, 1]]).astype(np.float32)
    )
    assert towards.sum() > away.sum()
