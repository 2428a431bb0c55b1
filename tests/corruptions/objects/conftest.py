"""Thirty objects of all sizes on a road, full of points of three sweeps, among points that belong
to none.
"""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Boxes, Frame

OBJECTS, BESIDE, AGES_S = 30, 1500, (0.0, 0.05, 0.10)


@pytest.fixture(scope="session")
def crowd(street: Frame) -> Frame:
    rng = np.random.default_rng(5)
    columns = np.arange(OBJECTS)
    size = rng.uniform([0.5, 0.5, 1.0], [9.0, 2.5, 3.5], (OBJECTS, 3))
    x, y = 14.0 * (columns % 6) - 35, 14.0 * (columns // 6) - 28  # apart, so that no two overlap
    velocity = rng.normal(0, 5, (OBJECTS, 2))
    velocity[::5] = np.nan
    velocity[1::5] = 0.0
    boxes = np.column_stack(
        [x, y, -1.8 + size[:, 2] / 2, size, rng.uniform(-np.pi, np.pi, OBJECTS), velocity]
    )
    boxes = boxes.astype(np.float32)
    clouds = [rng.uniform([-60, -60, -1.8], [60, 60, 4], (BESIDE, 3))]
    owner = np.repeat(columns, rng.integers(1, 60, OBJECTS))
    local = rng.uniform(-0.49, 0.49, (len(owner), 3)) * boxes[owner, 3:6]
    c, s = np.cos(boxes[owner, 6]), np.sin(boxes[owner, 6])
    turned = np.stack(
        [c * local[:, 0] - s * local[:, 1], s * local[:, 0] + c * local[:, 1], local[:, 2]], axis=1
    )
    clouds.append(boxes[owner, :3] + turned)
    sweep = rng.integers(0, 3, BESIDE + len(owner))
    age = np.array(AGES_S)[sweep]
    xyz = np.concatenate(clouds)
    xyz[BESIDE:, :2] -= np.nan_to_num(boxes[owner, 7:9]) * age[BESIDE:, None]
    order = rng.permutation(len(xyz))
    points = np.column_stack([xyz, rng.random(len(xyz)), age])[order].astype(np.float32)
    zeros = np.zeros(OBJECTS, np.int64)
    poses = np.tile(np.eye(4), (3, 1, 1))
    frame = street.replace(
        points=points,
        ring=np.arange(len(points)).astype(np.int16),
        sweep_index=sweep[order].astype(np.int16),
        sweep_T=poses,
        elongation=None,
        boxes=Boxes(boxes, zeros, zeros.copy(), zeros.copy()),
    )
    for array in (frame.points, frame.boxes.boxes):
        array.setflags(write=False)
    return frame


def owners(points: np.ndarray, boxes: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
    """(N,) index of the first box that holds a point, -1 for none: one point and box after the
    other, in plain arithmetic.
    """
    found = np.full(len(points), -1)
    for n, (px, py, pz, _, age) in enumerate(points.astype(float)):
        for m, (x, y, z, length, width, height, yaw, vx, vy) in enumerate(boxes.astype(float)):
            known = np.isfinite(vx) and np.isfinite(vy)
            dx = px + (vx * age if known else 0) - x
            dy = py + (vy * age if known else 0) - y
            if (
                abs(dx * np.cos(yaw) + dy * np.sin(yaw)) <= length / 2 + margin_m
                and abs(dy * np.cos(yaw) - dx * np.sin(yaw)) <= width / 2 + margin_m
                and abs(pz - z) <= height / 2 + margin_m
            ):
                found[n] = m
                break
    return found


@pytest.fixture(scope="session")
def owner(crowd: Frame) -> np.ndarray:
    """(N,) of the crowd: which object each point belongs to, by the slow loop, with the margin of
    the corruptions.
    """
    return owners(crowd.points, crowd.boxes.boxes, 0.01)
