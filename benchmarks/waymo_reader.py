"""What it costs to read a frame of the Waymo Open Dataset: CPU seconds and memory of a worker.

    OMP_NUM_THREADS=1 python benchmarks/waymo_reader.py --version v2 [--frames 10] [--write]
    OMP_NUM_THREADS=1 python benchmarks/waymo_reader.py --version v1 [--frames 10] [--write]

Writes a synthetic segment of real shapes into a temporary folder: TOP 64 x 2650 pixels with a pose
of each, four LiDARs of 200 x 600, two returns, five JPEG images of 1920 x 1280 and 1920 x 886.
TOP is filled to 90 %, the others to a third, second returns to 8 % of that. Values are continuous,
or rounded so far that Parquet keeps them all in dictionaries. Version 2 has row groups of up to
50 frames.

Each case is read in a process of its own, in the order of time and shuffled. `cpu_s` is the CPU
time a frame, the least of `--repeats` passes. `memory_mb` is the growth of the memory that belongs
to the process alone (RssAnon) from before the first frame to its peak, sampled every half
millisecond, and `record_mb` the part of it that one frame takes that is held. `index_s` is the CPU
time of the first frame without an index in the cache. --write adds the version to
benchmarks/results/waymo_reader.json.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from calico.data.waymo.range_image import convert_scan
from calico.data.waymo.records import (
    CameraCalibration,
    CameraImage,
    Conditions,
    Labels,
    LidarCalibration,
    LidarScan,
    Segment,
    WaymoRecord,
)

OUT = Path(__file__).parent / "results" / "waymo_reader.json"
CONTEXT, SPLIT, START_US, STEP_US = "benchmark", "training", 1_500_000_000_000_000, 100_000
SHAPES = {1: (64, 2650), 2: (200, 600), 3: (200, 600), 4: (200, 600), 5: (200, 600)}
OBJECTS = 100
CASES: dict[str, dict[str, Any]] = {
    "labels": {"lasers": (), "cameras": ()},
    "five LiDARs, first return": {"returns": (1,), "cameras": ()},
    "five LiDARs, both returns": {"cameras": ()},
    "five LiDARs, both returns, as points": {"cameras": ()},
    "five LiDARs, both returns, five images": {},
}
SAMPLE_S = 0.0005


def make_scan(rng: np.random.Generator, laser: int, rounded: bool) -> LidarScan:
    shape = SHAPES[laser]
    filled = 0.9 if laser == 1 else 1 / 3
    returns = []
    for share in (filled, filled * 0.08):
        there = rng.random(shape) < share
        walk = rng.normal(0, 0.05, shape).cumsum(axis=1) + rng.uniform(5, 60, (shape[0], 1))
        channels = [np.abs(walk), rng.gamma(0.5, 0.3, shape), rng.random(shape) * 1.5]
        if rounded:
            channels = [np.round(one * 256) / 256 for one in channels]
        image = np.full((*shape, 4), -1, np.float32)
        for number, channel in enumerate(channels):
            image[..., number] = np.where(there, channel, -1)
        returns.append(image)
    pose = None
    if laser == 1:
        way = np.linspace(0, 1, shape[1])[None, :, None] * rng.normal(0, 1, 6)
        pose = np.repeat(way + rng.normal(0, 1000, 6), shape[0], axis=0).astype(np.float32)
    return LidarScan(tuple(returns), pose)


def make_jpeg(rng: np.random.Generator, width: int, height: int) -> bytes:
    """Coarse noise and fine noise: about 300 kB."""
    coarse = rng.integers(0, 256, (height // 32, width // 32, 3)).astype(np.uint8)
    image = np.asarray(Image.fromarray(coarse).resize((width, height)), np.int16)
    noisy = np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noisy).save(stream, "JPEG", quality=75)
    return stream.getvalue()


def make_labels(rng: np.random.Generator) -> Labels:
    numbers = rng.normal(0, 20, (OBJECTS, 20))
    return Labels(
        ids=tuple(f"object-{number:018d}" for number in range(OBJECTS)),
        boxes=numbers[:, :7],
        types=rng.integers(1, 5, OBJECTS),
        speed=numbers[:, 7:10],
        acceleration=numbers[:, 10:13],
        num_points=rng.integers(0, 5000, OBJECTS),
        num_top_points=rng.integers(0, 5000, OBJECTS),
        detection_difficulty=rng.integers(0, 3, OBJECTS),
        tracking_difficulty=rng.integers(0, 3, OBJECTS),
        camera_synced=numbers[:, 13:],
        most_visible_camera=rng.integers(1, 6, OBJECTS),
    )


def make_records(frames: int, rounded: bool) -> Iterator[WaymoRecord]:
    rng = np.random.default_rng(0)
    lidars = {
        laser: LidarCalibration(
            np.eye(4), -0.3, 0.05, np.linspace(-0.3, 0.05, 64) if laser == 1 else None
        )
        for laser in SHAPES
    }
    sizes = {camera: (1920, 1280 if camera < 4 else 886) for camera in range(1, 6)}
    lens = np.array([2000.0, 2000, 960, 640, 0.04, -0.33, 0, 0, 0])
    cameras = {
        camera: CameraCalibration(lens, np.eye(4), *size, 2) for camera, size in sizes.items()
    }
    jpegs = {camera: make_jpeg(rng, *size) for camera, size in sizes.items()}
    for number in range(frames):
        at = START_US / 1e6 + 0.1 * number
        yield WaymoRecord(
            context=CONTEXT,
            timestamp_us=START_US + STEP_US * number,
            world_T_vehicle=np.eye(4),
            lidar_calibrations=lidars,
            scans={laser: make_scan(rng, laser, rounded) for laser in SHAPES},
            camera_calibrations=cameras,
            images={
                camera: CameraImage(jpeg, np.eye(4), rng.normal(size=6), at, 0.001, at, at + 0.03)
                for camera, jpeg in jpegs.items()
            },
            labels=make_labels(rng),
            conditions=Conditions("Day", "location_sf", "sunny"),
            no_label_zones=(),
            map_features=None,
            map_offset=np.zeros(3),
        )


def choose_work(case: str) -> Callable[[Segment, int], Any]:
    """What is done with a frame."""

    def read(segment: Segment, timestamp: int) -> WaymoRecord:
        return segment.read(timestamp, **CASES[case])

    def convert(segment: Segment, timestamp: int) -> None:
        record = read(segment, timestamp)
        for laser in list(record.scans):
            calibration = record.lidar_calibrations[laser]
            convert_scan(record.scans.pop(laser), calibration, record.world_T_vehicle)

    return convert if case.endswith("as points") else read


def private_mb() -> float:
    """Memory of this process alone, without files that are mapped."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0]) * 1024 / 1e6


def peak_of(work: Callable[[], Any]) -> float:
    """The largest `private_mb` while something works."""
    peak, done = private_mb(), threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, private_mb())
            time.sleep(SAMPLE_S)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return peak


def size_mb(record: WaymoRecord) -> float:
    arrays = [image for scan in record.scans.values() for image in scan.returns]
    arrays += [scan.pixel_pose for scan in record.scans.values() if scan.pixel_pose is not None]
    images = sum(len(image.jpeg) for image in record.images.values())
    return (sum(array.nbytes for array in arrays) + images) / 1e6


def work(version: str, root: Path, case: str, repeats: int) -> dict[str, float]:
    """Measures one case in this process."""
    reader = importlib.import_module(f"calico.data.waymo.{version}.reader")
    read = choose_work(case)
    before = private_mb()
    start = time.process_time()
    (segment,) = reader.open_segments(root, SPLIT)
    times = segment.timestamps_us.tolist()
    read(segment, times[0])
    index_s = time.process_time() - start
    shuffled = random.Random(0).sample(times, len(times))

    def pass_over(order: list[int]) -> float:
        start = time.process_time()
        for timestamp in order:
            read(segment, timestamp)
        return (time.process_time() - start) / len(order)

    found = {
        "index_s": index_s,
        "cpu_s": min(pass_over(times) for _ in range(repeats)),
        "cpu_s_shuffled": min(pass_over(shuffled) for _ in range(repeats)),
        "memory_mb": peak_of(lambda: pass_over(shuffled)) - before,
        "record_mb": size_mb(segment.read(times[0], **CASES[case])),
    }
    return {name: round(value, 1 if name.endswith("mb") else 4) for name, value in found.items()}


def measure(version: str, frames: int, repeats: int, rounded: bool) -> dict[str, Any]:
    """Writes a segment and measures every case in a process of its own."""
    writer = importlib.import_module(f"calico.data.waymo.{version}.writer")
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "data", Path(folder) / "cache"
        start = time.process_time()
        writer.write_segment(root, SPLIT, CONTEXT, make_records(frames, rounded))
        write_s = (time.process_time() - start) / frames
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        print(f"{size / 1e6 / frames:.2f} MB a frame, written in {write_s:.2f} CPU s a frame")
        cases = {}
        for number, case in enumerate(CASES):
            words = ["--version", version, "--worker", str(root), "--case", case]
            done = subprocess.run(
                [sys.executable, __file__, *words, "--repeats", str(repeats)],
                env=dict(_environment(), XDG_CACHE_HOME=str(cache / str(number))),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(done.stderr)
            cases[case] = json.loads(done.stdout)
            row = cases[case]
            print(
                f"  {case:<40} {row['cpu_s']:7.3f} CPU s a frame, shuffled "
                f"{row['cpu_s_shuffled']:7.3f}, memory {row['memory_mb']:6.1f} MB (a frame has "
                f"{row['record_mb']:.1f}), first frame {row['index_s']:.2f} s",
                flush=True,
            )
    return {
        "mb_a_frame": round(size / 1e6 / frames, 2),
        "write_cpu_s": round(write_s, 3),
        "cases": cases,
    }


def _environment() -> dict[str, str]:
    here = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    return dict(os.environ, PYTHONPATH=path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", choices=("v1", "v2"), default="v2")
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=tuple(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        row = work(options.version, options.worker, options.case, options.repeats)
        print(json.dumps(row))
        return
    rows = {}
    for name, rounded in (("continuous", False), ("rounded", True)):
        print(f"{options.version}, {name} values:", end=" ", flush=True)
        rows[name] = measure(options.version, options.frames, options.repeats, rounded)
    if options.write:
        record = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
        record[options.version] = {
            "command": f"python benchmarks/waymo_reader.py --version {options.version} "
            f"--frames {options.frames} --repeats {options.repeats} --write",
            "machine": f"{platform.machine()}, one core; Python {platform.python_version()}, numpy "
            f"{np.__version__}",
            "frames": options.frames,
            "values": rows,
        }
        OUT.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(OUT)


if __name__ == "__main__":
    main()
