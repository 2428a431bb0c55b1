"""What the metrics cost: python benchmarks/metrics.py [--scenes 10] [--frames 60].

Prints processor seconds per step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico_eval.metrics.intervals import paired_difference
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.suffstats import FrameStats, compute_frame_stats, load_stats, save_stats
from calico_eval.metrics.summary import compute_metrics

T = TypeVar("T")


def timed(what: str, run: Callable[[], T]) -> T:
    start = time.process_time()
    result = run()
    print(f"{what:<48} {time.process_time() - start:8.3f} s", flush=True)
    return result


def pair(token: str, scene: str, rng: np.random.Generator) -> tuple[Frame, Predictions]:
    """30 objects, 100 predictions, 6 x 128 x 128 map cells."""
    boxes = np.zeros((30, 9), np.float32)
    boxes[:, :2] = rng.uniform(-40, 40, (30, 2))
    boxes[:, 3:6] = rng.uniform(0.5, 4, (30, 3))
    labels, source = rng.integers(0, 10, 30), rng.integers(0, 30, 100)
    found = boxes[source] + np.pad(rng.normal(0, 1, (100, 2)), ((0, 0), (0, 7))).astype(np.float32)
    masks = rng.random((6, 128, 128)) < 0.3
    none = np.zeros(0, np.int16)
    frame = Frame(
        token=token,
        scene=scene,
        timestamp_s=0.0,
        points=np.zeros((0, 5), np.float32),
        ring=none,
        sweep_index=none,
        sweep_T=np.eye(4)[None],
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
        ego_T_lidar=np.eye(4),
        global_T_lidar=np.eye(4),
        boxes=Boxes(boxes, labels, np.zeros(30, np.int64), np.ones(30, np.int64)),
        map_masks=masks,
    )
    probs = (0.3 * masks + 0.7 * rng.random(masks.shape)).astype(np.float32)
    return frame, Predictions(found, rng.random(100).astype(np.float32), labels[source], probs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--frames", type=int, default=60, help="per scene")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    pairs = [
        pair(f"{s}/{f}", f"{s}", rng) for s in range(options.scenes) for f in range(options.frames)
    ]

    def all_stats() -> list[FrameStats]:
        return [compute_frame_stats(*p, class_ranges()) for p in pairs]

    stats = timed(f"compute_frame_stats, {len(pairs)} frames", all_stats)
    timed("compute_metrics without intervals", lambda: compute_metrics(stats, with_intervals=False))
    timed("compute_metrics with intervals", lambda: compute_metrics(stats))
    timed("paired_difference", lambda: paired_difference(stats, stats))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.parquet"
        timed("save_stats", lambda: save_stats(path, stats))
        timed(f"load_stats ({path.stat().st_size / 1e6:.2f} MB)", lambda: load_stats(path))


if __name__ == "__main__":
    main()
