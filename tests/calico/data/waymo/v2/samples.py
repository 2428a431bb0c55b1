"""Randomly made records, small ones, whose values all component types can hold exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from calico.data.waymo.records import (
    CameraCalibration,
    CameraImage,
    Conditions,
    Labels,
    LidarCalibration,
    LidarScan,
    WaymoRecord,
)

CONTEXT = "1005081002024129653_5313_150_5333_150"
FIRST_US = 1_510_593_602_140_000
SHAPES = {1: (8, 37), 2: (5, 21), 3: (5, 21), 4: (5, 21), 5: (5, 21)}


def make_matrix(rng: np.random.Generator) -> np.ndarray:
    """(4, 4) of numbers that float32 holds exactly."""
    matrix = np.eye(4)
    matrix[:3] = rng.normal(0, 10, (3, 4)).astype(np.float32)
    return matrix


def make_scan(
    rng: np.random.Generator, shape: tuple[int, int], returns: int, has_pose: bool
) -> LidarScan:
    images = tuple(
        rng.normal(20, 10, (*shape, 4)).astype(np.float32).round(2) for _ in range(returns)
    )
    pose = rng.normal(0, 1e3, (*shape, 6)).astype(np.float32) if has_pose else None
    return LidarScan(images, pose)


def make_labels(rng: np.random.Generator, count: int) -> Labels:
    """Every other thing that may be open is open in some rows."""
    numbers = rng.normal(0, 5, (count, 20)).astype(np.float32).astype(np.float64)
    numbers[1::3, 7:10] = np.nan
    numbers[2::3, 10:13] = np.nan
    numbers[::2, 13:] = np.nan
    cameras = rng.integers(1, 6, count)
    cameras[::2] = 0
    return Labels(
        ids=tuple(f"object-{n}" for n in rng.permutation(1000)[:count]),
        boxes=numbers[:, :7],
        types=rng.integers(1, 5, count),
        speed=numbers[:, 7:10],
        acceleration=numbers[:, 10:13],
        num_points=np.where(np.arange(count) % 4 == 1, -1, rng.integers(0, 5000, count)),
        num_top_points=np.where(np.arange(count) % 4 == 2, -1, rng.integers(0, 5000, count)),
        detection_difficulty=rng.integers(0, 3, count),
        tracking_difficulty=rng.integers(0, 3, count),
        camera_synced=numbers[:, 13:],
        most_visible_camera=cameras,
    )


def make_image(rng: np.random.Generator) -> CameraImage:
    numbers = rng.normal(0, 5, 10).astype(np.float32).astype(np.float64)
    return CameraImage(
        jpeg=rng.bytes(int(rng.integers(100, 4000))),
        world_T_vehicle=make_matrix(rng),
        velocity=numbers[:6] if numbers[0] > -3 else None,
        pose_time_s=float(numbers[6]),
        shutter_s=float(numbers[7]),
        trigger_s=float(numbers[8]),
        readout_s=float(numbers[9]),
    )


def make_records(count: int, seed: int = 0, context: str = CONTEXT) -> Iterator[WaymoRecord]:
    """Frames of one segment: some LiDARs without a second return, some frames without labels."""
    rng = np.random.default_rng(seed)
    lidars = {
        laser: LidarCalibration(
            make_matrix(rng),
            -0.25,
            0.125,
            np.sort(rng.normal(0, 0.1, shape[0]).astype(np.float32)).astype(np.float64)
            if laser == 1
            else None,
        )
        for laser, shape in SHAPES.items()
    }
    cameras = {
        camera: CameraCalibration(
            rng.normal(0, 1000, 9).astype(np.float32).astype(np.float64),
            make_matrix(rng),
            1920,
            1280 if camera < 4 else 886,
            int(rng.integers(0, 6)),
        )
        for camera in range(1, 6)
    }
    for number in range(count):
        yield WaymoRecord(
            context=context,
            timestamp_us=FIRST_US + 100_000 * number,
            world_T_vehicle=make_matrix(rng),
            lidar_calibrations=lidars,
            scans={
                laser: make_scan(rng, shape, 1 if (number + laser) % 4 == 0 else 2, laser == 1)
                for laser, shape in SHAPES.items()
            },
            camera_calibrations=cameras,
            images={camera: make_image(rng) for camera in range(1, 6)},
            labels=make_labels(rng, 0 if number % 5 == 3 else int(rng.integers(1, 9))),
            conditions=Conditions("Day", "", "rain") if number % 2 else Conditions(),
            no_label_zones=None,
            map_features=None,
            map_offset=np.zeros(3),
        )


def assert_same(a: Any, b: Any, where: str = "record") -> None:
    """Compare two values bit for bit; NaN equals NaN."""
    assert type(a) is type(b), where
    if is_dataclass(a):
        for one in fields(a):
            assert_same(getattr(a, one.name), getattr(b, one.name), f"{where}.{one.name}")
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}[{key}]")
    elif isinstance(a, tuple):
        assert len(a) == len(b), where
        for place, (one, other) in enumerate(zip(a, b, strict=True)):
            assert_same(one, other, f"{where}[{place}]")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, where
        assert a.shape == b.shape, where
        np.testing.assert_array_equal(a, b, where)
    else:
        assert a == b, where
