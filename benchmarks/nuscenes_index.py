"""Measures what opening nuScenes costs, by its tables and by their index.

python benchmarks/nuscenes_index.py [--scenes 850] [--out FILE]

Synthetic tables (`nuscenes_tables`) are written to a temporary folder. Each way of opening runs in
a process of its own: wall time until the first record, largest memory of the process, and
the bytes that a worker gets by pickle. The index is opened once more by two workers at a time.
"""

from __future__ import annotations

import argparse
import json
import pickle
import platform
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.nuscenes_tables import write_tables
from calico.data.nuscenes import NuScenesSource

VERSION, SWEEPS = "v1.0-trainval", 10
MODES = ("tables", "build", "index")


def measure(root: Path, cache: Path, mode: str) -> dict[str, Any]:
    """Open the data set in this process.

    Args:
        root: Folder of the data set.
        cache: Folder of the index.
        mode: One of `MODES`.
    """
    base = largest_memory_mb()
    start, used = time.perf_counter(), time.process_time()
    smallest = 1 << 60 if mode == "tables" else 0
    source = NuScenesSource(
        root, VERSION, "all", None, sweeps=SWEEPS, cache_dir=cache, smallest_indexed=smallest
    )
    source.record(len(source) // 2)
    result: dict[str, Any] = {
        "mode": mode,
        "frames": len(source),
        "open_s": time.perf_counter() - start,
        "open_cpu_s": time.process_time() - used,
        "memory_mb": largest_memory_mb() - base,
    }
    start = time.perf_counter()
    content = pickle.dumps(source)
    result |= {"pickle_mb": len(content) / 1e6, "pickle_s": time.perf_counter() - start}
    start = time.perf_counter()
    for index in range(0, len(source), max(1, len(source) // 1000)):
        source.record(index)
    result["records_per_s"] = min(1000, len(source)) / (time.perf_counter() - start)
    if mode == "index":
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            result["workers_s"] = list(pool.map(time_worker, [content] * 2))
    return result


def time_worker(content: bytes) -> float:
    """Unpickle a source in a worker and read a record; return the seconds."""
    start = time.perf_counter()
    source = pickle.loads(content)
    source.record(len(source) - 1)
    return time.perf_counter() - start


def largest_memory_mb() -> float:
    """Return the largest resident memory of this process so far, shared pages of files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=850)
    parser.add_argument("--folder", type=Path, help="for the tables; default: a temporary one")
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        root, cache, mode = options.measure
        print(json.dumps(measure(Path(root), Path(cache), mode)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        root, cache = Path(name) / "data", Path(name) / "cache"
        rows = write_tables(root / VERSION, options.scenes)
        size = sum(path.stat().st_size for path in (root / VERSION).iterdir()) / 1e6
        print(f"{options.scenes} scenes, {size:.0f} MB of tables, {rows}", flush=True)
        results = []
        for mode in (*MODES, "index"):  # the first one reads the file after it was written
            command = [sys.executable, "-m", "benchmarks.nuscenes_index", "--measure"]
            done = subprocess.run(
                [*command, str(root), str(cache), mode],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            results.append(json.loads(done.stdout.splitlines()[-1]))
            print(results[-1], flush=True)
        index_mb = sum(path.stat().st_size for path in cache.iterdir()) / 1e6
    print(f"index: {index_mb:.0f} MB")
    if options.out:
        content = {
            "command": f"python -m benchmarks.nuscenes_index --scenes {options.scenes} --out "
            "benchmarks/results/nuscenes_index.json",
            "machine": f"{platform.machine()}, Python {platform.python_version()}",
            "scenes": options.scenes,
            "sweeps": SWEEPS,
            "rows": rows,
            "tables_mb": size,
            "index_mb": index_mb,
            "rows_of_result": results,
        }
        options.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
