"""How many labelled objects the regions of pre-training cover, with several settings.

On the simulator and on real frames.

    python -m benchmarks.region_coverage --data-root DATA --out benchmarks/results/regions.json

The simulator's part is `calico data regions --preset tiny --frames 40`; the real one takes all
frames of a folder in the nuScenes format. An object counts if it has at least one LiDAR point, in
the comparison of settings at least 5.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from calico.config.load import load_config
from calico.config.training import RegionConfig
from calico.data.open import open_source
from calico.data.source import FrameSource
from calico.files import write_atomic
from calico.regions import PROTOTYPE, find_regions
from calico.regions.coverage import Coverage, measure_coverage
from calico_eval.evaluation.provenance import describe_origin

CHANGES: dict[str, dict[str, Any]] = {
    "default": {},
    "`ground=ransac`": {"ground": "ransac"},
    "`ceiling_m=4`": {"ceiling_m": 4.0},
    "`ceiling_m=4`, `ground=ransac`": {"ceiling_m": 4.0, "ground": "ransac"},
    "`method=dbscan_xyz`": {"method": "dbscan_xyz"},
    "`method=grid`, `eps_m=0.5`": {"method": "grid", "eps_m": 0.5},
    "`eps_m=0.5`": {"eps_m": 0.5},
}
"""Settings that are compared, as changes of the default ones; and the prototype's."""
FEW = 5
PROTOTYPES = "`--limits prototype`"
SIMULATED_FRAMES, REAL_FRAMES = 40, 20


def measure(source: FrameSource, frames: int) -> dict[str, Any]:
    """Counts for every setting on evenly spaced frames of a source."""
    indices = np.unique(np.linspace(0, len(source) - 1, frames).round().astype(int)).tolist()
    settings = {name: RegionConfig(**change) for name, change in CHANGES.items()} | {
        PROTOTYPES: PROTOTYPE
    }
    totals = {name: {1: Coverage(), FEW: Coverage()} for name in settings}
    for index in indices:
        frame = source[index]
        for name, config in settings.items():
            ids = find_regions(frame, config)
            for fewest in totals[name]:
                totals[name][fewest] += measure_coverage(frame, ids, fewest)
        click.echo(f"{source.name}: frame {index}", err=True)
    return {
        "data": source.name,
        "data_hash": source.content_hash(),
        "frames": len(indices),
        "settings": {
            name: {f"from_{fewest}_points": asdict(total) for fewest, total in by_points.items()}
            for name, by_points in totals.items()
        },
    }


@click.command()
@click.option(
    "--data-root", type=click.Path(path_type=Path, exists=True), required=True, help="Real frames."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON file.")
def main(data_root: Path, out: Path) -> None:
    """Measures both sources, and writes the counts."""
    real = {"data.source": "nuscenes", "data.root": data_root, "data.val_split": "all"}
    sources = {
        "simulator": measure(open_source(load_config("tiny"), "val"), SIMULATED_FRAMES),
        "real": measure(open_source(load_config("tiny", flags=real), "val"), REAL_FRAMES),
    }
    result = {
        "command": "python -m benchmarks.region_coverage --data-root DATA --out "
        "benchmarks/results/regions.json",
        "sources": sources,
        "origin": {name: value for name, value in describe_origin([]).items() if name != "command"},
    }
    write_atomic(out, json.dumps(result, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
