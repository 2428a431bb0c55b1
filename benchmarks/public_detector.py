"""Measure the public detector on real frames, for docs/results/public_detector.md.

    python -m benchmarks.public_detector --data-root DATA --run runs/public \
        --run runs/public-camera

The accuracy on both splits is measured here. The figures under corruptions and attacks are taken
from finished runs of `calico robust`. What the page's tables need goes to --out.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

import click
import numpy as np

from calico.config.load import load_config
from calico.data.open import open_source
from calico.files import read_json, to_json, write_atomic
from calico.predictions import Predictions
from calico_eval.metrics.matching import DISTANCES_M, detection_stats
from calico_eval.metrics.nuscenes import aggregate_detection

CONFIG = Path("examples/public_detector/cars.yaml")
OUT = Path("benchmarks/results/public_detector.json")
KEPT = ("mAP", "NDS", "mATE")
PROVENANCE = (
    "git_commit", "suite_version", "seed", "n_frames", "n_scenes", "machine", "threads",
)  # fmt: skip


def measure_accuracy(data_root: Path, split: str) -> dict[str, Any]:
    """Measure average precision and recall of cars on the clean frames of a split.

    Args:
        data_root: Folder of the data set in the nuScenes format.
        split: "train" or "val".

    Returns:
        Numbers of frames and cars, and AP and recall by distance [m].
    """
    from examples.public_detector.model import build

    config = load_config("nuscenes", CONFIG, [f"data.root={data_root}"])
    source, model, stats = open_source(config, "train" if split == "train" else "val"), build(), []
    for index in range(len(source)):
        frame = source[index]
        answer = Predictions.from_mapping(model.predict([frame])[0], "public detector")
        stats.append(detection_stats(frame, answer, frame.taxonomy.ranges()))
    result = aggregate_detection(stats)
    found = np.sum([one.tp.sum(axis=0) for one in stats], axis=0)
    cars = result.n_gt["car"]
    return {
        "frames": len(stats),
        "cars": cars,
        "boxes": int(sum(len(one.scores) for one in stats)),
        "ap": {str(distance): value for distance, value in result.ap["car"].items()},
        "recall": {
            str(distance): float(count) / cars
            for distance, count in zip(DISTANCES_M, found, strict=True)
        },
    }


def shorten_run(folder: Path) -> dict[str, Any]:
    """Keep what the tables need of a run of `calico robust`.

    Args:
        folder: The run.
    """
    results = read_json(folder / "results.json")
    return {
        "run": {name: results["provenance"][name] for name in PROVENANCE},
        "method": results["cells"][0]["metrics"]["mAP"]["method"],
        "cells": [
            {
                name: cell["condition"][name]
                for name in ("kind", "name", "severity", "parameters", "control")
            }
            | {
                "metrics": {
                    name: {key: cell["metrics"][name][key] for key in ("value", "lo", "hi")}
                    for name in KEPT
                }
            }
            for cell in results["cells"]
        ],
    }


def make_accuracy_table(path: Path) -> list[str]:
    """Make the table of the accuracy on clean frames.

    Args:
        path: What this program wrote.
    """
    found = read_json(path)
    lines = [
        f"Cars within 50 m, in %, commit {found['commit'][:7]}; keyframes of one street, without "
        "an interval.",
        "",
        "| split | frames | cars | boxes | "
        + " | ".join(f"AP at {d:g} m" for d in DISTANCES_M)
        + " | recall at 2 m |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, title in (("train", "train (settings chosen here)"), ("val", "val")):
        row = found["splits"][name]
        ap = " | ".join(f"{100 * row['ap'][str(d)]:.1f}" for d in DISTANCES_M)
        lines.append(
            f"| {title} | {row['frames']} | {row['cars']} | {row['boxes']} | {ap} | "
            f"{100 * row['recall']['2.0']:.1f} |"
        )
    return lines


def make_robustness_table(path: Path) -> list[str]:
    """Make the table of the accuracy under corruptions and attacks.

    Args:
        path: What this program wrote.
    """
    lines: list[str] = []
    for part in read_json(path)["runs"]:
        run, cells = part["run"], part["cells"]
        clean = next(cell for cell in cells if cell["kind"] == "clean")
        lines += [
            f"AP of cars in %, mean over 0.5, 1, 2 and 4 m; {run['n_frames']} frames, "
            f"{part['method']}; seed {run['seed']}, suite {run['suite_version']}, commit "
            f"{(run['git_commit'] or 'unknown')[:7]}. Clean: {_percent(clean)}.",
            "",
        ]
        corrupted = [cell for cell in cells if cell["kind"] == "corruption"]
        if corrupted:
            lines += ["| condition | severity 1 | severity 3 | severity 5 |", "|---|---|---|---|"]
        for name in dict.fromkeys(cell["name"] for cell in corrupted):
            row = {c["severity"]: _percent(c) for c in corrupted if c["name"] == name}
            lines.append(f"| {name} | " + " | ".join(row.get(s, "") for s in (1, 3, 5)) + " |")
        attacks = [cell for cell in cells if cell["kind"] == "attack"]
        if attacks:
            lines += ["| attack | AP |", "|---|---|"]
        lines += [
            f"| {cell['name']}{' (control)' if cell['control'] else ''} | {_percent(cell)} |"
            for cell in attacks
        ]
        lines.append("")
    return lines[:-1]


def _percent(cell: dict[str, Any]) -> str:
    metric = cell["metrics"]["mAP"]
    if metric["value"] is None:
        return "-"
    value, low, high = (
        None if metric[key] is None else 100 * metric[key] for key in ("value", "lo", "hi")
    )
    return f"{value:.1f}" if low is None or high is None else f"{value:.1f} [{low:.1f}, {high:.1f}]"


@click.command(help=__doc__)
@click.option("--data-root", type=click.Path(path_type=Path), required=True)
@click.option("--run", "runs", type=click.Path(path_type=Path), multiple=True)
@click.option("--keep", is_flag=True, help="Keep the accuracy that --out holds.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, show_default=True)
def main(data_root: Path, runs: tuple[Path, ...], keep: bool, out: Path) -> None:
    """Run the command."""
    if keep:
        found = read_json(out)
    else:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        found = {
            "command": "python -m benchmarks.public_detector --data-root DATA",
            "commit": commit,
            "machine": f"{platform.machine()}, Python {platform.python_version()}",
            "splits": {split: measure_accuracy(data_root, split) for split in ("train", "val")},
        }
    found["runs"] = [shorten_run(run) for run in runs]
    write_atomic(out, to_json(found))


if __name__ == "__main__":
    main()
