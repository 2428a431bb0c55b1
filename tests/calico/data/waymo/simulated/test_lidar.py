from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.raycast import cast_rays
from calico.data.sim.world import World, build_world
from calico.data.waymo.range_image import convert_scan
from calico.data.waymo.records import LASERS, TOP, WaymoRecord
from calico.data.waymo.simulated.lidar import merge_rays
from calico.data.waymo.simulated.rig import (
    SIDE_RANGE_M,
    TOP_RANGE_M,
)
from calico.geometry.frames import transform_points
from tests.calico.data.waymo.small import CONFIG, RIG


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(CONFIG.seed, "train", 0, 2)


def pose_in_simulator(record: WaymoRecord) -> np.ndarray:
    pose = record.world_T_vehicle.copy()
    pose[:3, 3] -= RIG.world_shift
    return pose


@pytest.mark.parametrize("laser", LASERS)
def test_points_lie_on_what_a_ray_from_the_sensor_meets(
    records: tuple[WaymoRecord, ...], world: World, laser: int
) -> None:
    """From the frame's pose, without beams, columns and poses of pixels."""
    record = records[1]
    calibration = record.lidar_calibrations[laser]
    points = convert_scan(record.scans[laser], calibration, record.world_T_vehicle)
    assert len(points) > 30
    pose = pose_in_simulator(record)
    origin = (pose @ calibration.vehicle_T_lidar)[:3, 3]
    away = transform_points(pose, points.xyz.astype(np.float64)) - origin
    distance = np.linalg.norm(away, axis=1)
    assert distance.max() < (TOP_RANGE_M if laser == TOP else SIDE_RANGE_M) + 1
    directions = (away / distance[:, None]).astype(np.float32)
    origins = np.tile(origin.astype(np.float32), (len(away), 1))
    hits = cast_rays(world.solids(0.15), origins, directions)
    # The rest are edges, leaves, second returns, and rays past an edge that the vehicle's own
    # motion during the turn moved.
    assert (np.abs(hits.distance_m - distance) < 0.12).mean() > 0.85


def test_second_returns_lie_behind_the_first_and_are_few(records: tuple[WaymoRecord, ...]) -> None:
    first, second = records[0].scans[TOP].returns
    two = second[..., 0] > 0
    assert 5 < two.sum() < 0.1 * (first[..., 0] > 0).sum()
    assert (second[two][:, 0] - first[two][:, 0] > 0.7).all()
    for image in (first, second):
        assert (image[image[..., 0] <= 0] == -1).all()
        assert (image[image[..., 0] > 0][:, 1:3] >= 0).all()
        assert image[..., 2].max() <= 1.5


def test_two_rays_become_one_return_or_two() -> None:
    """Far apart: two of half the light. Near: one that is longer by their distance. One alone."""
    main = [[10, 0.8, 0.2, -1], [10, 0.8, 0.2, 1], [-1, 0, 0, -1], [-1, 0, 0, -1], [9, 0.4, 0, -1]]
    edge = [[7, 0.4, 0.0, 1], [10.3, 0.6, 0, -1], [8, 0.6, 0.4, -1], [-1, 0, 0, -1], [-1, 0, 0, -1]]
    first, second = merge_rays(np.array(main, np.float32), np.array(edge, np.float32))
    assert first == pytest.approx(
        np.array(
            [
                [7, 0.2, 0.0, 1],
                [10, 0.8, 0.1 + 0.3 / 0.75, 1],
                [8, 0.6, 0.2, -1],
                [-1, -1, -1, -1],
                [9, 0.4, 0.0, -1],
            ]
        ),
        abs=1e-5,
    )
    assert second[0] == pytest.approx([10, 0.4, 0.1, -1], abs=1e-6)
    assert (second[1:] == -1).all()
