"""The benchmark's cells as a table.

It shows means and intervals over seeds, and gains over the random initialisation of the same seed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t as student_t

from calico.errors import CalicoError
from calico.files import write_atomic
from experiments.pretraining.plot import plot
from experiments.pretraining.protocol import VARIANTS
from experiments.pretraining.records import CellRecord, RobustRecord, read_record

METRICS = ("mAP", "NDS", "mIoU")


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, in points.

    Attributes:
        mean: The mean.
        half: Half width of its 95 % interval (Student's t), or None below two seeds.
        n: Number of seeds.
    """

    mean: float
    half: float | None
    n: int

    @staticmethod
    def of(values: Sequence[float]) -> Estimate:
        """Estimate from one value per seed."""
        n = len(values)
        half = (
            None
            if n < 2
            else float(student_t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
        )
        return Estimate(float(np.mean(values)), half, n)

    def __str__(self) -> str:
        return f"{self.mean:.1f}" if self.half is None else f"{self.mean:.1f} ± {self.half:.1f}"

    @property
    def signed(self) -> str:
        """The estimate with its sign, for differences."""
        return f"{self.mean:+.1f}" if self.half is None else f"{self.mean:+.1f} ± {self.half:.1f}"


Results = Mapping[tuple[str, float], Mapping[int, Mapping[str, float]]]
"""(variant, share of labels) to seed to metric in points."""


def read_cells(folder: Path) -> list[dict[str, object]]:
    """The cells in a results folder, in the order of their names.

    Raises:
        CalicoError: none there, a file that is no cell, or cells of several sizes, splits, data or
            numbers of steps.
    """
    found = []
    for path in sorted(folder.glob("*-seed*.json")):
        if path.name.startswith("robust-"):
            continue
        found.append(read_record(path, CellRecord, "cell"))
    if not found:
        raise CalicoError(f"{folder}: no cells; run python -m experiments.pretraining first")
    kinds = {
        (cell["size"], cell["split"], cell["steps"], json.dumps(cell["data_hash"], sort_keys=True))
        for cell in found
    }
    if len(kinds) > 1:
        raise CalicoError(
            f"{folder}: cells of several sizes, splits, steps or data, which do not compare: "
            f"{sorted(kinds)}"
        )
    return found


def collect(cells: Sequence[Mapping[str, object]]) -> Results:
    """Sort metrics by variant, labels and seed, in points (percent).

    Metrics that are not defined (mIoU without maps) are left out.
    """
    result: dict[tuple[str, float], dict[int, dict[str, float]]] = {}
    for cell in cells:
        metrics: dict[str, dict[str, float | None]] = cell["metrics"]  # type: ignore[assignment]
        known = {name: metrics.get(name, {}).get("value") for name in METRICS}
        values = {name: 100.0 * value for name, value in known.items() if value is not None}
        result.setdefault((str(cell["variant"]), float(str(cell["labels"]))), {})[
            int(str(cell["seed"]))
        ] = values
    return result


def mean(results: Results, variant: str, share: float, metric: str) -> Estimate | None:
    """Average a metric over the seeds where it is defined, or None if it never is.

    Args:
        results: What `collect` returned.
        variant: Name of the variant.
        share: Share of labels.
        metric: Name of the metric.
    """
    values = [
        metrics[metric]
        for _, metrics in sorted(results[variant, share].items())
        if metric in metrics
    ]
    return Estimate.of(values) if values else None


def gain(
    results: Results, variant: str, baseline: str, share: float, metric: str
) -> Estimate | None:
    """Average the difference within a seed (same labels, same data) over the seeds that both have.

    Args:
        results: What `collect` returned.
        variant: Name of the variant.
        baseline: Name of the variant that it is compared with.
        share: Share of labels.
        metric: Name of the metric.
    """
    ours, theirs = results.get((variant, share), {}), results.get((baseline, share), {})
    seeds = [
        s for s in sorted(set(ours) & set(theirs)) if metric in ours[s] and metric in theirs[s]
    ]
    return Estimate.of([ours[s][metric] - theirs[s][metric] for s in seeds]) if seeds else None


def markdown(cells: Sequence[Mapping[str, object]]) -> str:
    """Write one table per share of labels."""
    results = collect(cells)
    first = cells[0]
    lines = [
        f"Size `{first['size']}`, {first['n_frames']} frames of {first['split']}, {first['steps']} "
        f"fine-tuning steps each. "
        "Points; mean ± half width of the 95 % interval over seeds (Student's t). Gains are paired "
        "within a "
        "seed, over the same sensors where nothing else is said; in brackets the seeds that both "
        "have, where these are not all.",
    ]
    for share in sorted({share for _, share in results}):
        frames = next(cell["labelled_frames"] for cell in cells if cell["labels"] == share)
        lines += [
            "",
            f"**{100 * share:g} % of the labels ({frames} frames)**",
            "",
            "| initialisation | seeds | mAP | NDS | mIoU | over random: mAP | NDS | mIoU | over "
            "random LiDAR: mAP | NDS "
            "| over PRC: mAP | NDS | mIoU |",
            "|" + 13 * "---|",
        ]
        lines += [_row(results, name, share) for name in VARIANTS if (name, share) in results]
    return "\n".join(lines) + "\n"


def _row(results: Results, name: str, share: float) -> str:
    found = [mean(results, name, share, metric) for metric in METRICS]
    values = ["" if estimate is None else str(estimate) for estimate in found]
    sensors = name.split("-")[0]
    gains = [_gain(results, name, f"{sensors}-random", share, metric) for metric in METRICS]
    gains += [_gain(results, name, "lidar-random", share, metric) for metric in ("mAP", "NDS")]
    gains += [_gain(results, name, f"{sensors}-prc", share, metric) for metric in METRICS]
    return (
        "| "
        + " | ".join([VARIANTS[name].title, str(len(results[name, share])), *values, *gains])
        + " |"
    )


def _gain(results: Results, variant: str, baseline: str, share: float, metric: str) -> str:
    found = None if variant == baseline else gain(results, variant, baseline, share, metric)
    if found is None:
        return ""
    return (
        found.signed if found.n == len(results[variant, share]) else f"{found.signed} ({found.n})"
    )


def robust_markdown(folder: Path) -> str:
    """Write the table of `measure_robustness`, means over seeds, or empty without measurements."""
    rows: dict[tuple[float, str], list[dict[str, float | None]]] = {}
    for path in sorted(folder.glob("robust-*.json")):
        record = read_record(path, RobustRecord, "robustness")
        for name, figures in record["variants"].items():
            rows.setdefault((record["labels"], name), []).append(figures)
    if not rows:
        return ""
    columns = sorted({name for found in rows.values() for figures in found for name in figures})
    lines = [
        "",
        "Robustness (demo suite, mAP): mCE against random init of the same sensors (100 is equal, "
        "less is better), mRR, mPC; "
        "and the share of the clean mAP that each attack takes. Percent, mean ± half width of the "
        "95 % interval over seeds.",
        "",
        "| labels | initialisation | seeds | " + " | ".join(columns) + " |",
        "|" + (len(columns) + 3) * "---|",
    ]
    for (share, name), found in sorted(
        rows.items(), key=lambda item: (item[0][0], list(VARIANTS).index(item[0][1]))
    ):
        known = [
            [100.0 * v for f in found if (v := f.get(column)) is not None] for column in columns
        ]
        values = [str(Estimate.of(column)) if column else "" for column in known]
        lines.append(
            f"| {100 * share:g} % | {VARIANTS[name].title} | {len(found)} | "
            + " | ".join(values)
            + " |"
        )
    return "\n".join(lines) + "\n"


def write_tables(folder: Path) -> list[Path]:
    """Write table.md and plot.svg beside the cells."""
    cells = read_cells(folder)
    results = collect(cells)
    points: dict[str, dict[str, list[tuple[float, float, float | None]]]] = {}
    for metric in METRICS:
        for name, share in sorted(results, key=lambda key: (list(VARIANTS).index(key[0]), key[1])):
            found = mean(results, name, share, metric)
            if found is not None:
                line = points.setdefault(metric, {}).setdefault(VARIANTS[name].title, [])
                line.append((share, found.mean, found.half))
    write_atomic(folder / "table.md", markdown(cells) + robust_markdown(folder))
    write_atomic(folder / "plot.svg", plot(points))
    return [folder / "table.md", folder / "plot.svg"]
