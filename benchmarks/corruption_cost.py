"""CPU seconds and peak memory of every corruption on one core.

A frame of six 900x1600 images and 120,000 points.

Corruptions that change the points are timed on the points alone, too: the same frame without
    cameras. The frame has 30 objects, four sweeps and a frame before, so that those of objects and
    of timing have their full work.

Run from the repository root, on an idle machine:
    OMP_NUM_THREADS=1 python benchmarks/corruption_cost.py [--repeats 5] [--write] [NAME ...]

--write leaves benchmarks/results/corruptions.json, from which the table in
docs/reference/corruptions.md is made (`python -m corruptions.docs`). Seconds are the least of the
repeats, each with a seed of its own: other programs on the machine can only add to them. Memory is
what Python and numpy held at most beyond the frame itself (tracemalloc). Beside the seconds stand
those of the public code where we measured it; how is in REFERENCES.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
import tracemalloc
from pathlib import Path

import numpy as np

from calico.frame import Boxes, Frame
from corruptions import SPECS, SUITE_VERSION, corrupt, list_corruptions, measure_effect

OUT = Path(__file__).parent / "results" / "corruptions.json"
POINTS, SWEEPS, OBJECTS, POINTS_ON_EACH = 120_000, 4, 30, 200
SEVERITY = 3

IMAGES = "public code, seconds for one 900x1600 image, times six"
OBJECT_OPERATIONS = (
    "3D_Corruptions_AD, a Python loop over points and boxes: 120,000 points and 30 boxes"
)
REFERENCES = {
    "fog": (6 * 8.7 + 1.28, f"image fog: {IMAGES}; LiDAR fog: LiDAR_fog_sim, 120,000 points"),
    "snowfall": (110.0, "LiDAR_snow_sim, 120,000 points; LiDAR alone"),
    "zoom_blur": (6 * 4.3, f"imagecorruptions, {IMAGES}"),
    "glass_blur": (6 * 3.5, f"imagecorruptions, {IMAGES}"),
    "saturate": (6 * 1.5, f"imagecorruptions, {IMAGES}"),
    "brightness": (6 * 1.4, f"imagecorruptions, {IMAGES}"),
    "motion_blur": (6 * 0.76, f"imagecorruptions, {IMAGES}"),
} | {
    f"object_{name}": (7.6, OBJECT_OPERATIONS)
    for name in (
        "density",
        "cutout",
        "gaussian_noise",
        "uniform_noise",
        "impulse_noise",
        "scale",
        "rotation",
        "shear",
    )
}
"""CPU seconds of one core for the frame, measured once on another machine, and of what."""


def frame() -> Frame:
    """Points on a road, on facades 20 m to either side and on 30 cars.

    Six cameras of 70 degrees, images of coarse noise.
    """
    rng = np.random.default_rng(0)
    azimuth, ring = rng.uniform(-np.pi, np.pi, POINTS), rng.integers(0, 32, POINTS)
    elevation = np.radians(-30 + 40 / 31 * ring)
    directions = np.stack(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ],
        axis=1,
    )
    road = np.where(elevation < 0, -1.8 / np.minimum(directions[:, 2], -1e-6), np.inf)
    distance = np.minimum(np.minimum(road, 20 / np.maximum(abs(directions[:, 1]), 1e-6)), 80.0)
    points = np.column_stack(
        [directions * distance[:, None], rng.random(POINTS), np.zeros(POINTS)]
    ).astype(np.float32)
    boxes = _cars(rng)
    on_cars = rng.permutation(POINTS)[: OBJECTS * POINTS_ON_EACH].reshape(OBJECTS, POINTS_ON_EACH)
    for box, rows in zip(boxes, on_cars, strict=True):
        points[rows, :3] = box[:3] + (rng.random((POINTS_ON_EACH, 3)) - 0.5) * box[3:6] * 0.98
    sweep_index = rng.integers(0, SWEEPS, POINTS).astype(np.int16)
    points[:, 4] = 0.05 * sweep_index
    sweep_T = np.tile(np.eye(4), (SWEEPS, 1, 1))
    sweep_T[:, 0, 3] = -0.5 * np.arange(SWEEPS)
    poses = []
    for yaw in np.radians(np.arange(6) * 60):
        pose = np.eye(4)
        pose[:3, :3] = [[np.sin(yaw), -np.cos(yaw), 0], [0, 0, -1], [np.cos(yaw), np.sin(yaw), 0]]
        poses.append(pose)
    ego_T_lidar = np.eye(4)
    ego_T_lidar[2, 3] = 1.8
    images = tuple(
        np.kron(rng.integers(0, 256, (90, 160, 3)), np.ones((10, 10, 1))).astype(np.uint8)
        for _ in range(6)
    )
    K = np.array([[1142.0, 0, 799.5], [0, 1142.0, 449.5], [0, 0, 1]])
    clean = Frame(
        token="bench-1",
        scene="bench",
        timestamp_s=0.5,
        points=points,
        ring=ring.astype(np.int16),
        sweep_index=sweep_index,
        sweep_T=sweep_T,
        images=images,
        camera_K=np.tile(K, (6, 1, 1)),
        camera_T_lidar=np.stack(poses),
        camera_time_s=np.full(6, 0.5),
        ego_T_lidar=ego_T_lidar,
        global_T_lidar=np.eye(4),
        boxes=Boxes(
            boxes,
            np.zeros(OBJECTS, np.int64),
            np.zeros(OBJECTS, np.int64),
            np.full(OBJECTS, POINTS_ON_EACH),
        ),
    )
    past = clean.replace(
        token="bench-0", timestamp_s=0.0, images=tuple(np.roll(image, 40, 1) for image in images)
    )
    return clean.replace(previous=lambda: past)


def _cars(rng: np.random.Generator) -> np.ndarray:
    """(30, 9) float32 cars along the road, no two in one place."""
    boxes = np.zeros((OBJECTS, 9), np.float32)
    boxes[:, 0] = np.linspace(-60, 60, OBJECTS)
    boxes[:, 1] = rng.choice([-8.0, -4.0, 4.0, 8.0], OBJECTS)
    boxes[:, 2] = -1.0
    boxes[:, 3:6] = 3.9, 1.8, 1.6
    boxes[:, 7] = 8.0
    return boxes


def cpu_seconds(clean: Frame, name: str, repeats: int) -> float:
    """The least of the repeats."""
    seconds = []
    for seed in range(repeats):
        start = time.process_time()
        corrupt(clean, name, SEVERITY, seed)
        seconds.append(time.process_time() - start)
    return min(seconds)


def without_cameras(clean: Frame) -> Frame:
    """The frame's points alone, and those of the frame before."""
    blind = clean.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    past = clean.previous() if clean.previous is not None else None
    return blind if past is None else blind.replace(previous=lambda: without_cameras(past))


def peak_mb(clean: Frame, name: str) -> float:
    """The largest sum of the arrays that were held at once, the result among them [MB]."""
    tracemalloc.start()
    corrupt(clean, name, SEVERITY, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    clean = frame()
    points = without_cameras(clean)
    print(
        f"{'corruption':<24}{'CPU s':>8}{'LiDAR s':>9}{'peak MB':>10}{'public code s':>16}   "
        f"severity {SEVERITY}, "
        f"least of {options.repeats}"
    )
    rows: dict[str, dict[str, float]] = {}
    for name in options.names or list_corruptions():
        rows[name] = {
            "cpu_s": round(cpu_seconds(clean, name, options.repeats), 4),
            "peak_mb": round(peak_mb(clean, name), 1),
        }
        lidar = "-"
        if "lidar" in SPECS[name].sensors:
            rows[name]["lidar_cpu_s"] = round(cpu_seconds(points, name, options.repeats), 4)
            lidar = f"{rows[name]['lidar_cpu_s']:.3f}"
        public = f"{REFERENCES[name][0]:.1f}" if name in REFERENCES else "-"
        print(
            f"{name:<24}{rows[name]['cpu_s']:>8.3f}{lidar:>9}"
            f"{rows[name]['peak_mb']:>10.0f}{public:>16}",
            flush=True,
        )
    after, start = corrupt(clean, "crosstalk", SEVERITY, 0), time.process_time()
    measure_effect(clean, after)
    check_s = round(time.process_time() - start, 4)
    print(f"{'effect check':<24}{check_s:>8.3f}")
    if options.write:
        record = {
            "format": "calico-corruptions-benchmark-2",
            "frame": f"six 900x1600 images, {POINTS} points in {SWEEPS} sweeps, {OBJECTS} objects",
            "severity": SEVERITY,
            "repeats": options.repeats,
            "suite_version": SUITE_VERSION,
            "machine": f"{platform.machine()}, one core; Python {platform.python_version()}, numpy "
            f"{np.__version__}",
            "load": f"{os.getloadavg()[1]:.1f} programs at work on its {os.cpu_count()} cores",
            "corruptions": rows,
            "effect_check_s": check_s,
            "references": {
                name: {"cpu_s": round(s, 2), "of": of} for name, (s, of) in REFERENCES.items()
            },
        }
        OUT.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(OUT)


if __name__ == "__main__":
    main()
