"""Poses of the simulated vehicle at many times."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from calico.data.sim.world import World
from calico.frame import Float64


def vehicle_poses(world: World, times: Float64) -> Float64:
    """Compute the poses of the vehicle, as `compose.global_T_ego` does for one time.

    Args:
        world: The scene.
        times: (T,) times of the scene [s].

    Returns:
        (T, 4, 4) matrices of the simulator's world.
    """
    place = world.ego.sample(times)
    sway = world.sway
    turn = 2 * np.pi * sway.frequency * times[:, None] + sway.phase
    tilt = sway.constant + sway.swing * np.sin(turn)
    result = np.tile(np.eye(4), (len(times), 1, 1))
    heading = Rotation.from_euler("z", place[:, 2:])
    result[:, :3, :3] = (heading * Rotation.from_euler("yx", tilt)).as_matrix()
    result[:, :2, 3] = place[:, :2]
    return result


def pose_vectors(poses: Float64) -> Float64:
    """Convert poses (T, 4, 4) to the form of pixels (T, 6): roll, pitch, yaw [rad], x, y, z [m]."""
    angles = Rotation.from_matrix(poses[:, :3, :3]).as_euler("ZYX")
    return np.concatenate([angles[:, ::-1], poses[:, :3, 3]], axis=1)


def vehicle_velocity(world: World, time_s: float, step_s: float = 0.05) -> Float64:
    """Compute the vehicle's velocity by a central difference.

    Args:
        world: The scene.
        time_s: Time of the scene [s].
        step_s: Half the time between the two poses [s].

    Returns:
        (6,) linear velocity in the world [m/s], angular velocity in the vehicle frame [rad/s].
    """
    before, now, after = vehicle_poses(world, np.array([time_s - step_s, time_s, time_s + step_s]))
    linear = (after[:3, 3] - before[:3, 3]) / (2 * step_s)
    turn = Rotation.from_matrix(after[:3, :3] @ before[:3, :3].T).as_rotvec() / (2 * step_s)
    return np.concatenate([linear, now[:3, :3].T @ turn])
