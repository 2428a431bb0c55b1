"""Times Waymo's 3D detection metrics on synthetic boxes.

python benchmarks/waymo_metrics.py [--official PYTHON] [--out FILE].

It starts from boxes in memory and ends with AP and APH at both levels by class and range, with
their intervals over scenes of 200 frames. Reading files is no part of it. Every object has
predictions about it that overlap each other, as a detector has without much suppression of
duplicates, and a third of the predictions are free. The processor time counts, and the fastest of
`--repeats` runs, since the machine is shared. The time and memory of the 40,000 frames of the
validation split are those of a frame times 40,000. The statistics of a frame are what has to stay
in memory until the end. `make waymo-env` installs the official program, which `--official` measures
beside ours, once and with all of its threads. Its figures are compared with ours.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from calico.frame import Float64
from calico_eval.metrics.pool import deal_groups
from calico_eval.metrics.waymo.counts import FoundBoxes, TrueBoxes, WaymoCounts, count_matches
from calico_eval.metrics.waymo.figures import compute_figures
from calico_eval.metrics.waymo.pool import WaymoPool
from calico_eval.metrics.waymo.scorers import OverlapScorer

CLASSES = ("vehicle", "pedestrian", "cyclist")
LEAST = (0.7, 0.5, 0.5)
SIZES: Float64 = np.array([[4.6, 2.0, 1.7], [0.9, 0.9, 1.8], [1.8, 0.8, 1.7]])
SHARES = (0.62, 0.36, 0.02)
"""Shares of the classes, about those of the labels of the validation split."""
OBJECTS = 50
VALIDATION_FRAMES = 40_000
SCENE_FRAMES = 200
Pair = tuple[FoundBoxes, TrueBoxes]


def make_pair(predictions: int, rng: np.random.Generator) -> Pair:
    """Makes the objects of a frame and predictions, two thirds of them near an object."""
    labels = rng.choice(3, OBJECTS, p=SHARES)
    places = np.concatenate(
        [rng.uniform(-75, 75, (OBJECTS, 2)), rng.uniform(-1, 1, (OBJECTS, 1))], axis=1
    )
    sizes = SIZES[labels] * rng.uniform(0.8, 1.2, (OBJECTS, 3))
    boxes = np.concatenate([places, sizes, rng.uniform(-np.pi, np.pi, (OBJECTS, 1))], axis=1)
    source = rng.integers(0, OBJECTS, predictions)
    found = boxes[source] + rng.normal(0, 0.07, (predictions, 7))
    free = rng.random(predictions) < 1 / 3
    found[free, :2] = rng.uniform(-75, 75, (int(free.sum()), 2))
    scores = np.where(free, rng.random(predictions) ** 3, rng.random(predictions))
    levels = np.where(rng.random(OBJECTS) < 0.2, 2, 1)
    return (
        FoundBoxes(found, labels[source], scores.astype(np.float32)),
        TrueBoxes(boxes, labels, levels),
    )


def match_frames(pairs: list[Pair]) -> list[WaymoCounts]:
    """Matches all frames."""
    scorer = OverlapScorer(LEAST)
    return [count_matches(found, true, len(CLASSES), scorer) for found, true in pairs]


def pool_frames(counts: list[WaymoCounts], replicates: int) -> dict[str, float]:
    """Pools the frames, once with all of them and once without each group of scenes."""
    pool = WaymoPool.from_frames(counts)
    values = compute_figures(pool, CLASSES)
    groups = deal_groups([f"{index // SCENE_FRAMES:04}" for index in range(len(counts))])
    for kept in groups.list_kept_frames()[:replicates]:
        compute_figures(pool, CLASSES, kept)
    return values


def run_official(python: Path, pairs: list[Pair]) -> tuple[float, Float64]:
    """Runs the official program; returns its processor time [s] and AP (3, 16, 2)."""
    found, true = [one for one, _ in pairs], [one for _, one in pairs]
    numbers = np.arange(len(pairs))
    types = np.array([1, 2, 4])
    boxes = {
        "found": np.concatenate([one.boxes for one in found]),
        "found_type": types[np.concatenate([one.labels for one in found])],
        "score": np.concatenate([one.scores for one in found]),
        "found_frame": np.repeat(numbers, [len(one.labels) for one in found]),
        "ignored": np.zeros(sum(len(one.labels) for one in found)),
        "true": np.concatenate([one.boxes for one in true]),
        "true_type": types[np.concatenate([one.labels for one in true])],
        "true_frame": np.repeat(numbers, [len(one.labels) for one in true]),
        "level": np.concatenate([one.levels for one in true]),
        "tolerant": False,
        "least": (0.7, 0.5, 0.5, 0.5),
    }
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "boxes.in.npz", **boxes)
        script = Path(__file__).with_name("waymo_official.py")
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([str(python), str(script), folder], check=True, env=environment)
        with np.load(Path(folder) / "boxes.out.npz") as answer:
            return float(answer["seconds"]), answer["aps"].astype(np.float64)


def measure(
    predictions: int, frames: int, repeats: int, seed: int, official: Path | None
) -> dict[str, float]:
    """Measures one number of predictions a frame."""
    rng = np.random.default_rng(seed)
    pairs = [make_pair(predictions, rng) for _ in range(frames)]
    matching = pooling = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        counts = match_frames(pairs)
        middle = time.process_time()
        values = pool_frames(counts, 50)
        matching = min(matching, middle - start)
        pooling = min(pooling, time.process_time() - middle)
    held = sum(array.nbytes for one in counts for array in vars(one).values() if array is not None)
    row = {
        "predictions": predictions,
        "mAPH_L2": values["mAPH_L2"],
        "matching_ms_per_frame": 1e3 * matching / frames,
        "pooling_s": pooling,
        "validation_minutes": matching / frames * VALIDATION_FRAMES / 60,
        "statistics_kb_per_frame": held / frames / 1e3,
        "validation_statistics_mb": held / frames * VALIDATION_FRAMES / 1e6,
    }
    if official:
        seconds, aps = run_official(official, pairs)
        theirs = aps[1, [0, 1, 3], 1].mean()
        if abs(theirs - values["mAPH_L2"]) > 1e-5:
            raise SystemExit(
                f"mAPH_L2: ours {values['mAPH_L2']}, official {theirs}; expected the same"
            )
        row |= {"official_ms_per_frame": 1e3 * seconds / frames, "ratio": seconds / matching}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument(
        "--predictions", type=int, nargs="+", default=[50, 100, 300], help="per frame"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--official", type=Path, help="interpreter of the official program")
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    rows = []
    for predictions in options.predictions:
        sizes = predictions, options.frames, options.repeats, options.seed
        rows.append(measure(*sizes, options.official))
        print(json.dumps(rows[-1]), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"peak memory of the process: {peak:.0f} MB", flush=True)
    if options.out:
        settings = {name: getattr(options, name) for name in ("frames", "repeats", "seed")}
        result = {
            "command": "python benchmarks/waymo_metrics.py --official .venv-waymo/bin/python "
            "--out benchmarks/results/waymo_metrics.json",
            "settings": settings | {"objects": OBJECTS, "validation_frames": VALIDATION_FRAMES},
            "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy "
            f"{np.__version__}",
            "peak_memory_mb": peak,
            "rows": rows,
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
