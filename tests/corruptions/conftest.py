"""A small street of exactly known geometry, seen by six cameras and a LiDAR of two sweeps."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from calico.frame import Boxes, Frame

HEIGHT_M = 1.8
"""LiDAR above the road."""
WALLS_X_M, WALLS_Y_M, WALL_TOP_M = 40.0, 15.0, 3.0
"""Walls at x = +-40 m and y = +-15 m, up to z = 3 m in the LiDAR frame."""
RINGS, AZIMUTHS = 32, 180
BOXES = np.array(
    [
        [10.0, 3.0, -1.0, 4.5, 1.9, 1.6, 0.3, 2.0, 0.6],  # a moving car
        [-8.0, -4.0, -1.0, 4.5, 1.9, 1.6, 1.5, np.nan, np.nan],  # a car whose velocity is not known
        [6.0, -5.0, -0.95, 0.8, 0.8, 1.7, 0.0, 1.0, 0.0],  # a pedestrian
    ],
    np.float32,
)
STEPS = 6
"""Frames of the scene; the street is the last."""


def cast(origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(...,) distance to the street along unit vectors (..., 3); inf for the sky."""
    with np.errstate(divide="ignore"):
        road = np.where(
            directions[..., 2] < 0, (-HEIGHT_M - origin[2]) / directions[..., 2], np.inf
        )
        x = (np.copysign(WALLS_X_M, directions[..., 0]) - origin[0]) / directions[..., 0]
        y = (np.copysign(WALLS_Y_M, directions[..., 1]) - origin[1]) / directions[..., 1]
    wall = np.minimum(x, y)
    top = origin[2] + wall * directions[..., 2]
    distance = np.minimum(road, np.where(top < WALL_TOP_M, wall, np.inf))
    for box in BOXES.astype(np.float64):
        distance = np.minimum(distance, cast_box(origin, directions, box))
    return distance


def cast_box(origin: np.ndarray, directions: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(...,) distance to a box along unit vectors (..., 3); inf where they miss it."""
    turn = np.array(
        [[np.cos(box[6]), -np.sin(box[6]), 0], [np.sin(box[6]), np.cos(box[6]), 0], [0, 0, 1]]
    )
    start, along = (origin - box[:3]) @ turn, directions @ turn
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.stack([(-box[3:6] / 2 - start) / along, (box[3:6] / 2 - start) / along])
    near, far = sides.min(axis=0).max(axis=-1), sides.max(axis=0).min(axis=-1)
    return np.where((near <= far) & (near > 0), near, np.inf)


def street_lidar(origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) and rings (N,) of one turn."""
    elevation = np.radians(np.linspace(-30, 10, RINGS))[:, None]
    azimuth = np.linspace(-np.pi, np.pi, AZIMUTHS, endpoint=False)[None]
    directions = np.stack(
        np.broadcast_arrays(
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ),
        axis=-1,
    )
    distance = cast(origin, directions)
    hit = np.isfinite(distance)
    rings = np.broadcast_to(np.arange(RINGS)[:, None], distance.shape)[hit]
    return origin + directions[hit] * distance[hit][:, None], rings.astype(np.int16)


def camera_rays(
    K: np.ndarray, camera_T_lidar: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Origin (3,) and unit vectors (H, W, 3) of a camera's pixels in the LiDAR frame."""
    v, u = np.indices(shape)
    rays = (
        np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(shape)], axis=-1)
        @ camera_T_lidar[:3, :3]
    )
    return -camera_T_lidar[:3, :3].T @ camera_T_lidar[:3, 3], rays / np.linalg.norm(
        rays, axis=-1, keepdims=True
    )


def paint(origin: np.ndarray, directions: np.ndarray, driven_m: float = 0.0) -> np.ndarray:
    """(H, W, 3) uint8: a chequered road, walls and boxes under a bright sky."""
    distance = cast(origin, directions)
    where = (
        origin
        + directions * np.where(np.isfinite(distance), distance, 0.0)[..., None]
        + [driven_m, 0, 0]
    )
    chequer = np.floor(where + 1e-6).astype(int).sum(axis=-1) % 2
    grey = np.where(np.isfinite(distance), 70 + 60 * chequer, 225)
    return np.stack([grey, grey, np.where(np.isfinite(distance), grey, 240)], axis=-1).astype(
        np.uint8
    )


def street_frame(
    scene: str = "street", shape: tuple[int, int] = (96, 160), step: int = STEPS - 1
) -> Frame:
    """Return the frame. Its images are 70 degrees wide, its older sweep is 0.5 m behind.

    The chequers of the frame before are 0.7 m farther ahead. Every frame has its own intensities.

    Args:
        scene: Name of the scene.
        shape: Height and width of the images [px].
        step: Number of the frame in its scene.
    """
    focal = shape[1] / 2 / np.tan(np.radians(35))
    K = np.array([[focal, 0, (shape[1] - 1) / 2], [0, focal, (shape[0] - 1) / 2], [0, 0, 1]])
    poses = []
    for yaw in np.radians(np.arange(6) * 60):
        forward, left = (
            np.array([np.cos(yaw), np.sin(yaw), 0]),
            np.array([-np.sin(yaw), np.cos(yaw), 0]),
        )
        pose = np.eye(4)
        pose[:3, :3] = [-left, [0, 0, -1], forward]
        pose[:3, 3] = -pose[:3, :3] @ (0.5 * forward - [0, 0, 0.3])
        poses.append(pose)
    sweep_T = np.tile(np.eye(4), (2, 1, 1))
    sweep_T[1, 0, 3] = -0.5
    clouds = [street_lidar(T[:3, 3]) for T in sweep_T]
    index = np.repeat([0, 1], [len(c[0]) for c in clouds]).astype(np.int16)
    xyz = np.concatenate([c[0] for c in clouds])
    intensity = 0.2 + 0.6 * np.random.default_rng(3 + (STEPS - 1 - step) % 1000).random(len(xyz))
    ego_T_lidar = np.eye(4)
    ego_T_lidar[2, 3] = HEIGHT_M
    return Frame(
        token=f"{scene}-{step}",
        scene=scene,
        timestamp_s=0.5 * step,
        points=np.column_stack([xyz, intensity, 0.05 * index]).astype(np.float32),
        ring=np.concatenate([c[1] for c in clouds]),
        sweep_index=index,
        sweep_T=sweep_T,
        images=tuple(paint(*camera_rays(K, pose, shape), 0.7 * step) for pose in poses),
        camera_K=np.tile(K, (6, 1, 1)),
        camera_T_lidar=np.stack(poses),
        camera_time_s=np.full(6, 0.5 * step),
        ego_T_lidar=ego_T_lidar,
        global_T_lidar=np.eye(4),
        boxes=Boxes(
            BOXES.copy(),
            np.array([0, 0, 8]),
            np.array([0, 1, 2]),
            np.array([9, 9, 9]),
            ("a", "b", "c"),
        ),
        map_masks=np.ones((2, 4, 4), np.bool_),
        elongation=intensity.astype(np.float32),
        previous=functools.partial(street_frame, scene, shape, step - 1) if step else None,
    )


@pytest.fixture(scope="session")
def street() -> Frame:
    frame = street_frame()
    for array in (
        frame.points,
        frame.ring,
        frame.sweep_index,
        frame.sweep_T,
        frame.camera_T_lidar,
        *frame.images,
    ):
        array.setflags(write=False)
    return frame
