"""How fast the simulator makes frames, and what it costs to read them back.

python benchmarks/sim_frames.py --scenes 4 --workers 1 2
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from calico.config.data import SimConfig
from calico.data.sim import SimSource
from calico.geometry.grid import Grid

GRID = Grid(-32, 32, -32, 32, 0.5)


def measure(scenes: int, workers: int, sweeps: int) -> None:
    config = SimConfig(train_scenes=scenes)
    with tempfile.TemporaryDirectory() as folder:
        source = SimSource(config, "train", GRID, sweeps=sweeps, cache_dir=Path(folder))
        wall, cpu = time.perf_counter(), time.process_time()
        source.prepare(workers)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        own = f", {cpu / len(source):.3f} s of CPU a frame" if workers == 1 else ""
        rate = f"{len(source)} frames in {wall:.1f} s, {len(source) / wall:.1f} a second"
        print(f"{workers} worker(s), {sweeps} sweep(s): {rate}{own}")
        wall = time.perf_counter()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.npz"))
        points = sum(len(source[index].points) for index in range(len(source)))
        wall = time.perf_counter() - wall
        print(
            f"  from the cache {len(source) / wall:.0f} a second; {size / len(source) / 1e6:.2f} "
            "MB and "
            f"{points / len(source):.0f} points a frame"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=4, help="scenes of eight frames")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--sweeps", type=int, default=1)
    arguments = parser.parse_args()
    for workers in arguments.workers:
        measure(arguments.scenes, workers, arguments.sweeps)


if __name__ == "__main__":
    main()
