from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.camera import render_rays
from calico.data.sim.compose import global_T_ego
from calico.data.sim.world import World, build_world
from calico.data.waymo.cameras import OURS_T_WAYMO, read_pinhole_image, scale_intrinsics
from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.simulated.rig import (
    CAMERA_DELAY_S,
)
from tests.calico.data.waymo.small import CONFIG


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(CONFIG.seed, "train", 0, 2)


@pytest.mark.parametrize("camera", [1, 4])
def test_images_without_distortion_are_those_of_a_pinhole_camera(
    records: tuple[WaymoRecord, ...], world: World, camera: int
) -> None:
    record = records[1]
    calibration = record.camera_calibrations[camera]
    image = read_pinhole_image(record.images[camera].jpeg, calibration, 1, "here")
    height, width = image.shape[:2]
    v, u = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3)
    local = pixels @ np.linalg.inv(scale_intrinsics(calibration, 1)).T
    rays = local @ OURS_T_WAYMO[:3, :3] @ calibration.vehicle_T_camera[:3, :3].T
    rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
    time_s = 0.15 + CAMERA_DELAY_S[camera]
    start = np.tile(calibration.vehicle_T_camera[:3, 3].astype(np.float32), (len(rays), 1))
    expected = render_rays(
        world.solids(time_s),
        world.ground,
        world.light,
        global_T_ego(world, time_s),
        start,
        rays,
        np.random.default_rng(0),
    ).reshape(image.shape)
    difference = np.abs(image.astype(int) - expected.astype(int))
    assert np.median(difference) <= 8
    shifted = np.abs(image[:, 3:].astype(int) - expected[:, :-3].astype(int))
    assert difference[:, 3:].mean() < 0.7 * shifted.mean()
