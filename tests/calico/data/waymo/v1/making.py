"""Random values of everything that a frame can hold, with gaps where the format allows them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from calico.data.waymo.records import (
    CAMERA_NAMES,
    LASERS,
    TOP,
    CameraCalibration,
    CameraImage,
    Conditions,
    Labels,
    LidarCalibration,
    LidarScan,
    MapFeature,
    WaymoRecord,
)


def make_labels(rng: np.random.Generator, count: int) -> Labels:
    """Labels with random numbers, about a third of the optional ones unknown."""

    def gaps(values: np.ndarray, unknown: float) -> np.ndarray:
        values[rng.random(len(values)) < 0.35] = unknown
        return values

    camera = gaps(rng.integers(1, 6, count), 0)
    synced = rng.normal(0, 20, (count, 7))
    synced[camera == 0] = np.nan
    return Labels(
        ids=tuple(f"object-{index}" for index in range(count)),
        boxes=rng.normal(0, 20, (count, 7)),
        types=rng.integers(1, 5, count),
        speed=gaps(rng.normal(0, 5, (count, 3)), np.nan),
        acceleration=gaps(rng.normal(0, 2, (count, 3)), np.nan),
        num_points=gaps(rng.integers(0, 500, count), -1),
        num_top_points=gaps(rng.integers(0, 500, count), -1),
        detection_difficulty=gaps(rng.integers(1, 3, count), 0),
        tracking_difficulty=gaps(rng.integers(1, 3, count), 0),
        camera_synced=synced,
        most_visible_camera=camera,
    )


def make_pose(rng: np.random.Generator, far: float = 5.0) -> np.ndarray:
    """A random rigid transform."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(rng.normal(0, 1, 3)).as_matrix()
    pose[:3, 3] = rng.normal(0, far, 3)
    return pose


def make_scan(rng: np.random.Generator, number: int, returns: int) -> LidarScan:
    """A small scan; that of the LiDAR on the roof has a pose for every pixel."""
    height, width = (8, 20) if number == TOP else (5, 6)
    images = []
    for _ in range(returns):
        image = rng.normal(0, 20, (height, width, 4)).astype(np.float32)
        image[rng.random((height, width)) < 0.3] = -1
        images.append(image)
    pose = rng.normal(0, 100, (height, width, 6)).astype(np.float32) if number == TOP else None
    return LidarScan(tuple(images), pose)


def make_calibrations(
    rng: np.random.Generator,
) -> tuple[dict[int, LidarCalibration], dict[int, CameraCalibration]]:
    """Calibrations of all sensors; only the LiDAR on the roof has a list of beams."""
    lidars = {
        number: LidarCalibration(
            make_pose(rng),
            -0.3,
            0.04,
            np.sort(rng.uniform(-0.3, 0.04, 8)) if number == TOP else None,
        )
        for number in LASERS
    }
    cameras = {
        number: CameraCalibration(
            rng.normal(0, 1000, 9), make_pose(rng), 1920, 1280 if number < 4 else 886, number % 3
        )
        for number in CAMERA_NAMES
    }
    return lidars, cameras


def make_map(rng: np.random.Generator) -> tuple[MapFeature, ...]:
    """One or more features of every kind, one of them with no point."""

    def points(count: int) -> np.ndarray:
        return rng.normal(0, 50, (count, 3))

    return (
        MapFeature(
            7,
            "lane",
            points(6),
            type=2,
            left=((0, 3, 11, 1), (3, 5, 0, 0)),
            right=((0, 5, 12, 8),),
        ),
        MapFeature(8, "lane", points(2), type=3, interpolating=True),
        MapFeature(11, "road_line", points(4), type=6),
        MapFeature(12, "road_edge", points(3), type=1),
        MapFeature(2**40, "stop_sign", points(1), lanes=(7, 8)),
        MapFeature(0, "crosswalk", points(4)),
        MapFeature(-3, "speed_bump", points(4)),
        MapFeature(21, "driveway", points(0)),
    )


def make_record(
    seed: int,
    context: str = "segment-a",
    timestamp_us: int | None = None,
    map_features: tuple[MapFeature, ...] | None = None,
) -> WaymoRecord:
    """A frame with random numbers everywhere, and gaps where the format has them."""
    rng = np.random.default_rng(seed)
    lidars, cameras = make_calibrations(rng)
    return WaymoRecord(
        context=context,
        timestamp_us=1_500_000_000_000_000 + 100_000 * seed
        if timestamp_us is None
        else timestamp_us,
        world_T_vehicle=make_pose(rng, 1e4),
        lidar_calibrations=lidars,
        scans={number: make_scan(rng, number, 1 + (number + seed) % 2) for number in LASERS},
        camera_calibrations=cameras,
        images={
            number: CameraImage(
                rng.bytes(50),
                make_pose(rng, 1e4),
                None
                if (number + seed) % 2
                else rng.normal(0, 9, 6).astype(np.float32).astype(np.float64),
                *rng.uniform(1e9, 2e9, 4).tolist(),
            )
            for number in CAMERA_NAMES
        },
        labels=make_labels(rng, 12),
        conditions=Conditions("Dawn/Dusk", "location_sf", "" if seed % 2 else "rain"),
        no_label_zones=(rng.normal(0, 100, (5, 2)), rng.normal(0, 100, (3, 2))),
        map_features=map_features,
        map_offset=rng.normal(0, 1, 3),
    )
