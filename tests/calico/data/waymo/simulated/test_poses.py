from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.compose import global_T_ego
from calico.data.sim.world import World, build_world
from calico.data.waymo.records import TOP, WaymoRecord
from tests.calico.data.waymo.small import CONFIG, RIG


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(CONFIG.seed, "train", 0, 2)


def test_only_the_roof_lidar_has_poses_and_they_follow_the_vehicle(
    records: tuple[WaymoRecord, ...], world: World
) -> None:
    record = records[1]
    assert {laser for laser, scan in record.scans.items() if scan.pixel_pose is not None} == {TOP}
    poses = record.scans[TOP].pixel_pose
    assert poses is not None
    for column in (0, 239):
        expected = global_T_ego(world, 0.1 + 0.1 * (column + 0.5) / 240)
        roll, pitch, yaw = (float(v) for v in poses[5, column, :3])
        turn = rotation("z", yaw) @ rotation("y", pitch) @ rotation("x", roll)
        assert turn == pytest.approx(expected[:3, :3], abs=1e-5)
        place = poses[5, column, 3:] - np.array(RIG.world_shift)
        assert place == pytest.approx(expected[:3, 3], abs=1e-3)


def rotation(axis: str, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = c
    turn[i, j], turn[j, i] = -s, s
    return turn
