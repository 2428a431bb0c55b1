"""CPU seconds of every corruption on one core: a frame of six 900x1600 images and 120,000 points.

Run from the repository root: OMP_NUM_THREADS=1 python -m benchmarks.corruptions [repeats]

Beside them, the figures measured for the public code (CPU seconds on one core, times six where they are per image): fog 6 x 8.7
(images) + 1.28 (points); motion blur 6 x 0.76.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from calico.frame import Boxes, Frame
from corruptions import corrupt, effect, list_corruptions

PUBLIC_S = {"fog": 6 * 8.7 + 1.28, "motion_blur": 6 * 0.76}


def frame() -> Frame:
    """Points on a road and on facades 20 m to either side, six cameras of 70 degrees, images of smooth noise."""
    rng = np.random.default_rng(0)
    n = 120_000
    azimuth, ring = rng.uniform(-np.pi, np.pi, n), rng.integers(0, 32, n)
    elevation = np.radians(-30 + 40 / 31 * ring)
    directions = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1
    )
    road = np.where(elevation < 0, -1.8 / np.minimum(directions[:, 2], -1e-6), np.inf)
    distance = np.minimum(np.minimum(road, 20 / np.maximum(abs(directions[:, 1]), 1e-6)), 80.0)
    points = np.column_stack([directions * distance[:, None], rng.random(n), np.zeros(n)]).astype(np.float32)
    poses = []
    for yaw in np.radians(np.arange(6) * 60):
        pose = np.eye(4)
        pose[:3, :3] = [[np.sin(yaw), -np.cos(yaw), 0], [0, 0, -1], [np.cos(yaw), np.sin(yaw), 0]]
        poses.append(pose)
    ego_T_lidar = np.eye(4)
    ego_T_lidar[2, 3] = 1.8
    images = tuple(np.kron(rng.integers(0, 256, (90, 160, 3)), np.ones((10, 10, 1))).astype(np.uint8) for _ in range(6))
    K = np.array([[1142.0, 0, 799.5], [0, 1142.0, 449.5], [0, 0, 1]])
    return Frame(
        token="bench",
        scene="bench",
        timestamp_s=0.0,
        points=points,
        ring=ring.astype(np.int16),
        sweep_index=np.zeros(n, np.int16),
        sweep_T=np.eye(4)[None],
        images=images,
        camera_K=np.tile(K, (6, 1, 1)),
        camera_T_lidar=np.stack(poses),
        camera_time_s=np.zeros(6),
        ego_T_lidar=ego_T_lidar,
        global_T_lidar=np.eye(4),
        boxes=Boxes.empty(),
    )


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    clean = frame()
    print(f"{'corruption':<16}{'median CPU s':>14}{'public code s':>16}   severity 3, {repeats} runs")
    for name in list_corruptions():
        seconds = []
        for seed in range(repeats):
            start = time.process_time()
            after = corrupt(clean, name, 3, seed)
            seconds.append(time.process_time() - start)
        public = f"{PUBLIC_S[name]:.1f}" if name in PUBLIC_S else "-"
        print(f"{name:<16}{np.median(seconds):>14.3f}{public:>16}")
    start = time.process_time()
    effect(clean, after)
    print(f"{'effect check':<16}{time.process_time() - start:>14.3f}")


if __name__ == "__main__":
    main()
