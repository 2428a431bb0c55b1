"""Writes nuScenes tables of any size, with the number of rows of v1.0-trainval or a share of it.

A scene has 40 keyframes. A keyframe has 11 LiDAR files, 6 files of each of 6 cameras and 6 of each
of 5 radars, and 34 objects: 77 files, as many as the official tables have. Rows have all
fields of the official tables, so that the files have their size. No sensor file is written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SCENES, SAMPLES, OBJECTS = 850, 40, 34
"""Of the official data set: 850 scenes, 34,149 samples, 1.17 million annotations."""
CAMERAS = (
    "CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT",
)  # fmt: skip
RADARS = tuple(f"RADAR_{name}" for name in "ABCDE")
FILES = {"LIDAR_TOP": 11} | dict.fromkeys((*CAMERAS, *RADARS), 6)
"""Files of a channel for each keyframe; the last one is the keyframe's own."""
START_US, GAP_US = 1_530_000_000_000_000, 500_000
CLASSES = ("vehicle.car", "human.pedestrian.adult", "movable_object.trafficcone", "vehicle.truck")
Row = dict[str, Any]


def token(kind: str, *numbers: int) -> str:
    """Make a token of 32 characters, as long as an official one."""
    return (kind + "-".join(f"{n:x}" for n in numbers)).ljust(32, "-")


def write_tables(folder: Path, scenes: int) -> dict[str, int]:
    """Write all tables.

    Args:
        folder: Folder of the tables, for example v1.0-trainval.
        scenes: Number of scenes.

    Returns:
        Table to the number of its rows.
    """
    folder.mkdir(parents=True)
    numbers = range(scenes)
    tables: dict[str, Iterable[Row]] = {
        "log": [{"token": "log", "logfile": "", "location": "singapore-onenorth"}],
        "map": [],
        "visibility": [],
        "attribute": [{"token": "moving", "name": "vehicle.moving", "description": ""}],
        "category": [{"token": name, "name": name, "description": ""} for name in CLASSES],
        "sensor": [{"token": name, "channel": name, "modality": ""} for name in FILES],
        "calibrated_sensor": (mount(s, channel) for s in numbers for channel in FILES),
        "scene": (
            {
                "token": token("scene", s),
                "name": f"scene-{s:04d}",
                "log_token": "log",
                "nbr_samples": SAMPLES,
            }
            for s in numbers
        ),
        "sample": (
            {
                "token": token("sample", s, k),
                "scene_token": token("scene", s),
                "timestamp": START_US + 10**9 * s + GAP_US * k,
                "prev": "",
                "next": "",
            }
            for s in numbers
            for k in range(SAMPLES)
        ),
        "sample_data": (row for s in numbers for channel in FILES for row in files(s, channel)),
        "ego_pose": (pose(*place) for s in numbers for c in FILES for place in places(s, c)),
        "instance": (
            {
                "token": token("object", s, n),
                "category_token": CLASSES[n % len(CLASSES)],
                "nbr_annotations": SAMPLES,
                "first_annotation_token": token("box", s, n, 0),
                "last_annotation_token": token("box", s, n, SAMPLES - 1),
            }
            for s in numbers
            for n in range(OBJECTS)
        ),
        "sample_annotation": (
            box(s, n, k) for s in numbers for n in range(OBJECTS) for k in range(SAMPLES)
        ),
    }
    return {name: write_rows(folder / f"{name}.json", rows) for name, rows in tables.items()}


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write a table row by row and count the rows."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[\n")
        for number, row in enumerate(rows, 1):
            file.write((",\n" if number > 1 else "") + json.dumps(row, indent=0))
        file.write("\n]\n")
    return number


def mount(scene: int, channel: str) -> Row:
    """Make the row of a sensor's place."""
    camera = channel in CAMERAS
    return {
        "token": token("mount", scene, list(FILES).index(channel)),
        "sensor_token": channel,
        "translation": [0.94, 0.0, 1.84],
        "rotation": [0.5, -0.5, 0.5, -0.5] if camera else [1.0, 0.0, 0.0, 0.0],
        "camera_intrinsic": [[1266.4, 0.0, 816.3], [0.0, 1266.4, 491.5], [0, 0, 1]]
        if camera
        else [],
    }


def places(scene: int, channel: str) -> Iterator[tuple[str, int]]:
    """List token and time of all files of a channel in a scene."""
    number, channels = FILES[channel], list(FILES).index(channel)
    for place in range(SAMPLES * number):
        step = place + 1 - number  # the last file of a group is the keyframe's
        time = START_US + 10**9 * scene + GAP_US * step // number
        yield token("data", scene, channels, place), time


def files(scene: int, channel: str) -> Iterator[Row]:
    """Make the rows of a channel's files in a scene."""
    known, number = list(places(scene, channel)), FILES[channel]
    ending = "jpg" if channel in CAMERAS else "pcd.bin" if channel == "LIDAR_TOP" else "pcd"
    for place, (name, time) in enumerate(known):
        key = place % number == number - 1
        folder = "samples" if key else "sweeps"
        yield {
            "token": name,
            "sample_token": token("sample", scene, place // number),
            "ego_pose_token": name,
            "calibrated_sensor_token": token("mount", scene, list(FILES).index(channel)),
            "timestamp": time,
            "fileformat": ending.split(".")[0],
            "is_key_frame": key,
            "height": 900 if channel in CAMERAS else 0,
            "width": 1600 if channel in CAMERAS else 0,
            "filename": f"{folder}/{channel}/n015-2018-07-24-11-22-45+0800__{channel}__{time}"
            f".{ending}",
            "prev": known[place - 1][0] if place else "",
            "next": known[place + 1][0] if place + 1 < len(known) else "",
        }


def pose(name: str, time: int) -> Row:
    """Make the row of the vehicle's pose at a file's time: it drives on a circle."""
    angle = (time - START_US) * 1e-7
    return {
        "token": name,
        "timestamp": time,
        "rotation": [math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)],
        "translation": [1000 + 50 * math.sin(angle), 1000 - 50 * math.cos(angle), 0.0],
    }


def box(scene: int, number: int, sample: int) -> Row:
    """Make the row of an object in a keyframe."""
    angle = 0.7 * number
    return {
        "token": token("box", scene, number, sample),
        "sample_token": token("sample", scene, sample),
        "instance_token": token("object", scene, number),
        "visibility_token": "4",
        "attribute_tokens": ["moving"] if number % 4 in (0, 3) else [],
        "translation": [1000 + number + 0.31 * sample, 1000 + 0.17 * sample - number, 0.9],
        "size": [1.871, 4.478, 1.456],
        "rotation": [math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)],
        "prev": token("box", scene, number, sample - 1) if sample else "",
        "next": token("box", scene, number, sample + 1) if sample + 1 < SAMPLES else "",
        "num_lidar_pts": number,
        "num_radar_pts": 1,
    }
