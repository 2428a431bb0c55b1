"""A flat street seen by a sensor whose every ray is known, with one car ahead."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from calico.frame import Boxes, Frame

RINGS, COLUMNS, GROUND_M = 8, 360, -1.8


def true_rays() -> tuple[np.ndarray, np.ndarray]:
    """(8 * 360, 3) directions, ring by ring, and their rings. All of them look down."""
    elevation = np.deg2rad(np.linspace(-20.0, -6.0, RINGS))
    azimuth = np.deg2rad(np.arange(COLUMNS) - 180 + 0.5)
    e, a = np.meshgrid(elevation, azimuth, indexing="ij")
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1)
    return rays.reshape(-1, 3), np.repeat(np.arange(RINGS, dtype=np.int16), COLUMNS)


def make_street(car_xy: tuple[float, float] = (12.0, 0.0), elongation: bool = False) -> Frame:
    """Ground everywhere; a car 1.6 m high, 2 m wide, 4 m long that turns its back to the sensor,
    returns 0.5 bright."""
    rays, ring = true_rays()
    ground = GROUND_M / rays[:, 2]
    box = np.array(
        [[*car_xy, GROUND_M + 0.8, 4.0, 2.0, 1.6, np.arctan2(car_xy[1], car_xy[0]), 0.0, 0.0]],
        np.float32,
    )
    heading = np.array([np.cos(box[0, 6]), np.sin(box[0, 6])])
    back = np.hypot(*car_xy) - 2.0
    forward = rays[:, :2] @ heading
    to_back = np.where(forward > 0, back / np.maximum(forward, 1e-9), np.inf)
    side = np.abs(rays[:, :2] @ np.array([-heading[1], heading[0]])) * to_back
    high = rays[:, 2] * to_back
    hit = (to_back < ground) & (side <= 1.0) & (high <= GROUND_M + 1.6)
    distance = np.where(hit, to_back, ground)
    columns = [
        rays * distance[:, None],
        np.where(hit, 0.5, 0.1)[:, None],
        np.full((len(rays), 1), 0.01),
    ]
    views = np.zeros((0, 4, 4))
    return Frame(
        token="flat-0",
        scene="flat",
        timestamp_s=0.0,
        points=np.concatenate(columns, axis=1).astype(np.float32),
        ring=ring,
        sweep_index=np.zeros(len(rays), np.int16),
        sweep_T=np.eye(4)[None],
        images=(),
        camera_K=views[:, :3, :3],
        camera_T_lidar=views,
        camera_time_s=np.zeros(0),
        ego_T_lidar=np.eye(4),
        global_T_lidar=np.eye(4),
        boxes=Boxes(box, np.array([0]), np.array([0]), np.array([int(hit.sum())]), ("car",)),
        elongation=np.linspace(0.0, 1.0, len(rays), dtype=np.float32) if elongation else None,
    )


@pytest.fixture
def make_flat() -> Callable[..., Frame]:
    return make_street


@pytest.fixture
def flat() -> Frame:
    return make_street()


@pytest.fixture
def sensor() -> tuple[np.ndarray, np.ndarray]:
    return true_rays()


def second_sweep_frame(frame: Frame) -> Frame:
    """Every third point belongs to a sweep that the sensor took 4 m further back, half a second
    ago."""
    old = np.arange(len(frame.points)) % 3 == 0
    sweep_T = np.tile(np.eye(4), (2, 1, 1))
    sweep_T[1, 0, 3] = -4.0
    points = frame.points.copy()
    points[old, 4] = 0.5
    return frame.replace(sweep_T=sweep_T, sweep_index=old.astype(np.int16), points=points)


@pytest.fixture
def second_sweep() -> Callable[[Frame], Frame]:
    return second_sweep_frame
