"""A tiny data set in the nuScenes format, made from known geometry: 2 scenes of 2 keyframes with a
LiDAR sweep between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyquaternion import Quaternion

CAMERAS = (
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_BACK_RIGHT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_FRONT_LEFT",
)
HEADING_DEG = (0, -55, -110, 180, 110, 55)
LIDAR_MOUNT = (
    [0.9, 0.1, 1.84],
    Quaternion(axis=[0, 0, 1], degrees=-90) * Quaternion(axis=[1, 0, 0], degrees=1.5),
)
OBJECTS = (("vehicle.car", "vehicle.moving"), ("human.pedestrian.adult", ""), ("animal", ""))
Rows = list[dict[str, Any]]


def static_points() -> np.ndarray:
    """(64, 3) points of the world, which every sweep sees."""
    return np.random.default_rng(3).uniform([985, 480, 0], [1030, 520, 4], (64, 3))


def ego_pose(step: int) -> tuple[np.ndarray, Quaternion]:
    """Where the vehicle is at a step of 0.25 s."""
    turn = Quaternion(axis=[0, 0, 1], degrees=30 + 4 * step) * Quaternion(
        axis=[0, 1, 0], degrees=0.5
    )
    return np.array([1000.0 + 1.5 * step, 500.0 + 0.4 * step, 0.1]), turn


def write_sweep(path: Path, step: int) -> None:
    """The static points in the sensor's raw axes, and one return of the vehicle itself."""
    position, turn = ego_pose(step)
    mount, rotation = np.array(LIDAR_MOUNT[0]), LIDAR_MOUNT[1]
    ego = (static_points() - position) @ turn.rotation_matrix
    raw = (ego - mount) @ rotation.rotation_matrix
    cloud = np.concatenate(
        [raw, np.linspace(0, 255, 64)[:, None], (np.arange(64) % 32)[:, None]], axis=1
    )
    cloud = np.concatenate([cloud, [[0.5, -0.9, -0.2, 10, 3]]])
    cloud.astype("<f4").tofile(path)


def write_tables(root: Path, tables: dict[str, Rows]) -> None:
    for name, rows in tables.items():
        (root / "v1.0-mini" / f"{name}.json").write_text(json.dumps(rows))


def sensor_rows() -> dict[str, Rows]:
    mounts = [
        {"translation": LIDAR_MOUNT[0], "rotation": list(LIDAR_MOUNT[1]), "camera_intrinsic": []}
    ]
    for heading in HEADING_DEG:
        turn = Quaternion(axis=[0, 0, 1], degrees=heading) * Quaternion(0.5, -0.5, 0.5, -0.5)
        intrinsics = [[30.0, 0, 31.5], [0, 30.0, 15.5], [0, 0, 1]]
        mounts.append(
            {"translation": [1.5, 0, 1.5], "rotation": list(turn), "camera_intrinsic": intrinsics}
        )
    channels = ("LIDAR_TOP", *CAMERAS)
    return {
        "sensor": [{"token": f"sensor-{c}", "channel": c, "modality": ""} for c in channels],
        "calibrated_sensor": [
            {"token": f"mount-{c}", "sensor_token": f"sensor-{c}", **m}
            for c, m in zip(channels, mounts, strict=True)
        ],
    }


def world_rows() -> dict[str, Rows]:
    return {
        "log": [{"token": "log-0", "location": "boston-seaport"}],
        "category": [
            {"token": f"category-{i}", "name": name} for i, (name, _) in enumerate(OBJECTS)
        ],
        "attribute": [{"token": "attribute-0", "name": "vehicle.moving"}],
    }


def scene_rows(root: Path, scene: int) -> dict[str, Rows]:
    """Keyframes at steps 0 and 2, a LiDAR sweep at step 1; cameras 20 ms before the LiDAR."""
    rows: dict[str, Rows] = {
        name: [] for name in ("sample", "sample_data", "ego_pose", "sample_annotation", "instance")
    }
    start = 1_500_000_000_000_000 + scene * 100_000_000
    for step in range(3):
        sample = f"sample-{scene}-{2 if step else 0}"
        time = start + step * 250_000
        if step != 1:
            rows["sample"].append(
                {"token": sample, "scene_token": f"scene-{scene}", "timestamp": time}
            )
        for channel in ("LIDAR_TOP", *(CAMERAS if step != 1 else ())):
            token = f"{channel}-{scene}-{step}"
            lidar = channel == "LIDAR_TOP"
            folder, ending = "samples" if step != 1 else "sweeps", "pcd.bin" if lidar else "jpg"
            name = f"{folder}/{channel}/{token}.{ending}"
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            if lidar:
                write_sweep(root / name, step)
            else:
                Image.new("RGB", (64, 32), (40 * step, 90, 200)).save(root / name, quality=95)
            position, turn = ego_pose(step)
            rows["ego_pose"].append(
                {"token": token, "translation": list(position), "rotation": list(turn)}
            )
            rows["sample_data"].append(
                {
                    "token": token,
                    "sample_token": sample,
                    "ego_pose_token": token,
                    "calibrated_sensor_token": f"mount-{channel}",
                    "timestamp": time if lidar else time - 20_000,
                    "is_key_frame": step != 1,
                    "filename": name,
                    "prev": f"LIDAR_TOP-{scene}-{step - 1}" if lidar and step else "",
                    "width": 0 if lidar else 64,
                    "height": 0 if lidar else 32,
                }
            )
    _add_objects(rows, scene)
    return rows


def _add_objects(rows: dict[str, Rows], scene: int) -> None:
    """A car that drives 3 m in the 0.5 s between the keyframes, a pedestrian in the first only, an
    animal."""
    for number, (_, attribute) in enumerate(OBJECTS):
        rows["instance"].append(
            {"token": f"object-{scene}-{number}", "category_token": f"category-{number}"}
        )
        for step in (0, 2) if number == 0 else (0,):
            rows["sample_annotation"].append(
                {
                    "token": f"box-{scene}-{number}-{step}",
                    "sample_token": f"sample-{scene}-{step}",
                    "instance_token": f"object-{scene}-{number}",
                    "attribute_tokens": ["attribute-0"] if attribute else [],
                    "translation": [1010.0 + 1.5 * step, 505.0 + number, 1.0],
                    "size": [1.9, 4.5, 1.6],
                    "rotation": list(Quaternion(axis=[0, 0, 1], degrees=75)),
                    "prev": f"box-{scene}-0-0" if step else "",
                    "next": f"box-{scene}-0-2" if number == 0 and step == 0 else "",
                    "num_lidar_pts": 5 + number,
                    "num_radar_pts": 2,
                }
            )


def map_content() -> dict[str, Any]:
    """A drivable square of 40 m around (1000, 500) with a square hole, and a lane divider along
    x."""
    outline = [[980, 480], [1020, 480], [1020, 520], [980, 520]]
    hole = [[1004, 500], [1008, 500], [1008, 506], [1004, 506]]
    line = [[980, 500], [1020, 500]]
    nodes = [{"token": str(i), "x": x, "y": y} for i, (x, y) in enumerate([*outline, *hole, *line])]
    layers = ("ped_crossing", "walkway", "stop_line", "carpark_area", "road_divider")
    return {
        "node": nodes,
        "polygon": [
            {
                "token": "p",
                "exterior_node_tokens": list("0123"),
                "holes": [{"node_tokens": list("4567")}],
            },
        ],
        "line": [
            {"token": "l", "node_tokens": ["8", "9"]},
            {"token": "nothing", "node_tokens": []},
        ],
        "drivable_area": [{"token": "d", "polygon_tokens": ["p"]}],
        "lane_divider": [
            {"token": "n", "line_token": "l"},
            {"token": "m", "line_token": "nothing"},
        ],
        **{layer: [] for layer in layers},
    }


def write_tiny(root: Path) -> Path:
    """Write the tiny data set; train is scene-0061, val is scene-0103."""
    (root / "v1.0-mini").mkdir(parents=True)
    tables = {**sensor_rows(), **world_rows(), "scene": []}
    for scene, name in enumerate(("scene-0061", "scene-0103")):
        tables["scene"].append({"token": f"scene-{scene}", "name": name, "log_token": "log-0"})
        for table, rows in scene_rows(root, scene).items():
            tables.setdefault(table, []).extend(rows)
    write_tables(root, tables)
    (root / "maps" / "expansion").mkdir(parents=True)
    (root / "maps" / "expansion" / "boston-seaport.json").write_text(json.dumps(map_content()))
    return root


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Root of the tiny data set."""
    return write_tiny(tmp_path / "tiny")


@pytest.fixture
def edit(tiny: Path) -> Callable[[str, Callable[[Rows], object]], None]:
    """Changes the rows of a table in place."""

    def change(table: str, action: Callable[[Rows], object]) -> None:
        path = tiny / "v1.0-mini" / f"{table}.json"
        rows = json.loads(path.read_text())
        action(rows)
        path.write_text(json.dumps(rows))

    return change
