"""Measures how often the 95 % intervals hold the truth.

python benchmarks/interval_coverage.py [--out FILE].

Data sets are simulated from one population of scenes, as per-frame statistics: no images, no model.
Scenes differ in which classes they hold, in how many objects, in how hard they are, and in how much
a corruption harms them. The truth of a figure is its value on very many scenes. For every number of
scenes, `--trials` data sets are drawn, the intervals are made as in a run (`compute_metrics` for
the clean cell, `summarise_cells` for the aggregates), and those that hold the truth are counted.
With few scenes, intervals of mRRA made in the logarithm of 1 + mRRA are counted, too, to see
whether they are better: `<metric>/mRRA, log`.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calico.frame import Float64
from calico.seeds import make_generator
from calico_eval.evaluation.conditions import CLEAN, CorruptionCondition
from calico_eval.evaluation.jackknife import compute_half_width, replicate_metrics
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.summary import METRICS, summarise_cells
from calico_eval.metrics.intervals import pooled_values
from calico_eval.metrics.matching import DISTANCES_M, TP_DISTANCE_M, DetectionStats
from calico_eval.metrics.robustness import Baseline, aggregate_robustness
from calico_eval.metrics.segmentation import THRESHOLDS, SegmentationStats
from calico_eval.metrics.suffstats import FrameStats
from calico_eval.metrics.summary import compute_metrics
from reports.schema import Cell

FRAMES = 5
"""Per scene."""
TRUTH_SCENES = 4000
PRESENCE = (1.0, 0.8, 0.4, 0.3, 0.3, 0.9, 0.5, 0.5, 0.6, 0.5)
"""Share of the scenes that hold a class, in the order of nuScenes' classes."""
OBJECTS = (8.0, 2.0, 1.0, 1.0, 1.0, 5.0, 1.0, 1.0, 3.0, 4.0)
"""Per frame of such a scene, on average."""
SKILL = (1.6, 0.6, 0.8, 0.2, -0.4, 1.2, 0.5, 0.3, 0.8, 0.7)
"""Logit of the share of objects found, in an average scene."""
CONDITIONS = {
    None: 0.0,
    ("fog", 1): 0.5,
    ("fog", 3): 1.6,
    ("beam_missing", 1): 0.3,
    ("beam_missing", 3): 1.0,
}
"""How much the logit falls, on average over scenes."""
MODELS = {"model": 0.0, "baseline": -0.5}
"""Added to the logit."""
LOGS_UP_TO = 10
"""Scenes up to which intervals in logarithms are tried."""
CLEAN_FIGURES = ("mAP", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE", "mIoU")
AGGREGATES = ("mPC", "mRR", "RCE", "mCE", "mRRA")


@dataclass(frozen=True)
class Scenes:
    """What all cells have in common: (N, ...) of N scenes of five frames.

    Attributes:
        objects: (N, 5, 10) number by class. hardness: (N, 10) added to the logit of each class.
            harm: (N, 2) factor on the
            fall of the logit, of each corruption. cells: (N, 5, 6) true map cells by class.
            map_hardness: (N, 6).
    """

    objects: Any
    hardness: Float64
    harm: Float64
    cells: Any
    map_hardness: Float64


def draw_scenes(count: int, rng: np.random.Generator) -> Scenes:
    """Draws scenes from the population."""
    present = rng.random((count, 10)) < PRESENCE
    crowd = rng.gamma(2.0, 0.5, (count, 10)) * present * OBJECTS
    common = rng.normal(0, 0.6, (count, 1))
    area = rng.gamma(3.0, 300.0, (count, 6)) * (
        rng.random((count, 6)) < (1.0, 0.7, 0.9, 0.6, 0.5, 0.9)
    )
    return Scenes(
        objects=rng.poisson(crowd[:, None], (count, FRAMES, 10)),
        hardness=common + rng.normal(0, 0.5, (count, 10)),
        harm=np.exp(rng.normal(0, 0.5, (count, 2))),
        cells=rng.poisson(area[:, None], (count, FRAMES, 6)),
        map_hardness=common + rng.normal(0, 0.4, (count, 6)),
    )


def run_cell(
    scenes: Scenes, model: str, condition: tuple[str, int] | None, rng: np.random.Generator
) -> list[FrameStats]:
    """Simulates what a model answers in a condition, on every frame."""
    harm = scenes.harm[:, int(condition is not None and condition[0] == "fog")]
    shift = (MODELS[model] - CONDITIONS[condition] * harm)[:, None]
    found = 1 / (1 + np.exp(-(np.array(SKILL) + scenes.hardness + shift)))
    spread = 0.9 * np.exp(-0.3 * (scenes.hardness + shift))
    maps = segmentation_counts(scenes, 0.4 * shift, rng)
    result = []
    for scene in range(len(scenes.objects)):
        for frame in range(FRAMES):
            one = answers(scenes.objects[scene, frame], found[scene], spread[scene], rng)
            of_map = SegmentationStats(*(part[scene, frame] for part in maps))
            result.append(FrameStats(f"{scene:05}/{frame}", f"{scene:05}", one, of_map))
    return result


def answers(
    objects: Any, found: Float64, spread: Float64, rng: np.random.Generator
) -> DetectionStats:
    """Simulates the boxes of one frame.

    Hits at some distance from their objects, and false ones.
    """
    classes = np.arange(10)
    hits, false = (
        rng.binomial(objects, found),
        rng.poisson(0.2 + 0.5 * objects * (1 - found) + 0.1 * objects),
    )
    labels = np.concatenate([np.repeat(classes, hits), np.repeat(classes, false)])
    right = int(hits.sum())
    apart = np.full(len(labels), np.inf)
    apart[:right] = rng.rayleigh(spread[labels[:right]])
    scores = np.concatenate([rng.beta(4, 2, right), rng.beta(2, 4, len(labels) - right)]).astype(
        np.float32
    )
    errors = np.full((len(labels), 5), np.nan)
    near = np.flatnonzero(apart < TP_DISTANCE_M)
    scale = spread[labels[near]]
    errors[near] = np.stack(
        [
            apart[near],
            rng.beta(2, 6, len(near)) ** (1 / np.maximum(scale, 0.3)),
            abs(rng.normal(0, 0.4, len(near))) * scale,
            rng.rayleigh(0.5, len(near)) * scale,
            (rng.random(len(near)) < np.minimum(0.2 * scale, 1)).astype(np.float64),
        ],
        axis=1,
    )
    return DetectionStats(
        labels, scores, apart[:, None] < np.array(DISTANCES_M), errors, objects.astype(np.int64)
    )


def segmentation_counts(scenes: Scenes, shift: Float64, rng: np.random.Generator) -> list[Any]:
    """Simulates tp, fp, fn (N, 5, 6, 7) of the map."""
    steps = 4 * (np.array(THRESHOLDS) - 0.5)
    logit = (0.8 + scenes.map_hardness + shift)[:, None, :, None]
    true = scenes.cells[..., None]
    recall = 1 / (1 + np.exp(-(logit - steps)))
    noise = 1 / (1 + np.exp(logit + steps + 0.5 + rng.normal(0, 0.1, (*scenes.cells.shape, 1))))
    tp = np.rint(true * recall).astype(np.int64)
    return [tp, np.rint((true + 20) * noise).astype(np.int64), true - tp]


def all_cells(scenes: Scenes, rng: np.random.Generator) -> dict[str, list[FrameStats]]:
    """Simulates every model in every condition; by cell id."""
    return {
        cell_id(model, condition): run_cell(scenes, model, condition, rng)
        for model in MODELS
        for condition in CONDITIONS
    }


def cell_id(model: str, condition: tuple[str, int] | None) -> str:
    """'model clean', 'model fog 3'."""
    return f"{model} clean" if condition is None else f"{model} {condition[0]} {condition[1]}"


def plan_of(frames: int) -> EvaluationPlan:
    """The plan of a run of both models in all conditions."""
    jobs = [
        Job(
            cell_id(model, c),
            CLEAN if c is None else CorruptionCondition.at_severity(*c),
            f"{model}/torch",
        )
        for model in MODELS
        for c in CONDITIONS
    ]
    return EvaluationPlan(tuple(jobs), tuple(range(frames)), {}, 0, 1, baseline="baseline/torch")


def true_figures(stats: Mapping[str, Sequence[FrameStats]]) -> dict[str, float]:
    """Computes all figures on very many scenes."""
    return figures_of({name: pooled_values(frames) for name, frames in stats.items()})


def figures_of(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Computes all figures from the metrics of all cells."""
    result = {name: values["model clean"][name] for name in CLEAN_FIGURES}
    for metric in METRICS:
        scores: dict[str, dict[str, dict[int, float | None]]] = {model: {} for model in MODELS}
        for model in MODELS:
            for condition in filter(None, CONDITIONS):
                row = scores[model].setdefault(condition[0], {})
                row[condition[1]] = values[cell_id(model, condition)][metric]
        found = aggregate_robustness(
            scores["model"], values["model clean"][metric], Baseline("b", scores["baseline"])
        )
        result |= {f"{metric}/{name}": float(getattr(found, name)) for name in AGGREGATES}
    return result


def intervals_of(
    stats: Mapping[str, Sequence[FrameStats]],
) -> dict[str, tuple[float | None, float | None]]:
    """Makes the intervals of one data set as a run does."""
    plan = plan_of(len(next(iter(stats.values()))))
    cells = {
        job.id: Cell(
            id=job.id,
            model=job.engine.partition("/")[0],
            engine="torch",
            condition=job.condition.describe(),
            seed=0,
            metrics=compute_metrics(stats[job.id], with_intervals=job.id == "model clean"),
        )
        for job in plan.jobs
    }
    found = {
        name: metric
        for name, metric in cells["model clean"].metrics.items()
        if name in CLEAN_FIGURES
    }
    found |= summarise_cells(
        plan, cells, stats, {f"{model}/torch": ("camera", "lidar") for model in MODELS}
    )["model/torch"]
    return {name: (metric.lo, metric.hi) for name, metric in found.items()}


def in_logarithms(
    stats: Mapping[str, Sequence[FrameStats]],
) -> dict[str, tuple[float | None, float | None]]:
    """Makes the intervals of mRRA in the logarithm of 1 + mRRA."""
    replicates, found = replicate_metrics(stats, set(stats)), {}
    full, parts = figures_of(replicates.full), [figures_of(part) for part in replicates.left_out]
    for name in (f"{metric}/mRRA" for metric in METRICS):
        half = compute_half_width([math.log1p(part[name]) for part in parts])
        if half is None:
            raise SystemExit(f"{name} has no interval")
        ends = [math.expm1(math.log1p(full[name]) + side * half) for side in (-1, 1)]
        found[f"{name}, log"] = ends[0], ends[1]
    return found


def cover(
    scenes: int, trials: int, seed: int, truth: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Counts, for every figure, the intervals that hold the truth.

    And those that lie wholly below or above it.
    """
    with_logs = scenes <= LOGS_UP_TO
    truth = dict(truth) | (
        {f"{m}/mRRA, log": truth[f"{m}/mRRA"] for m in METRICS} if with_logs else {}
    )
    below, above, width = (dict.fromkeys(truth, 0.0) for _ in range(3))
    for trial in range(trials):
        rng = make_generator(seed, "coverage", scenes, trial)
        stats = all_cells(draw_scenes(scenes, rng), rng)
        for name, (lo, hi) in (
            intervals_of(stats) | (in_logarithms(stats) if with_logs else {})
        ).items():
            if lo is None or hi is None:
                raise SystemExit(f"{name} has no interval with {scenes} scenes")
            below[name] += hi < truth[name]
            above[name] += lo > truth[name]
            width[name] += hi - lo
    return {
        name: {
            "coverage": 1 - (below[name] + above[name]) / trials,
            "below": below[name] / trials,
            "above": above[name] / trials,
            "mean_width": width[name] / trials,
        }
        for name in truth
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, nargs="+", default=[5, 10, 20, 50])
    parser.add_argument(
        "--trials",
        type=int,
        nargs="+",
        default=[300, 300, 300, 120],
        help="for each number of scenes",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    if len(options.trials) != len(options.scenes):
        parser.error(
            f"got {len(options.scenes)} numbers of scenes and {len(options.trials)} of trials, "
            "expected as many"
        )
    start = time.monotonic()
    rng = make_generator(options.seed, "coverage", "truth")
    truth = true_figures(all_cells(draw_scenes(TRUTH_SCENES, rng), rng))
    rows = {}
    for scenes, trials in zip(options.scenes, options.trials, strict=True):
        found = cover(scenes, trials, options.seed, truth)
        rows[str(scenes)] = {"trials": trials, "figures": found}
        shown = ", ".join(f"{name} {100 * one['coverage']:.1f}" for name, one in found.items())
        print(f"{scenes} scenes, {time.monotonic() - start:.0f} s: {shown}", flush=True)
    if options.out:
        result = {
            "command": "python benchmarks/interval_coverage.py --out "
            "benchmarks/results/interval_coverage.json",
            "settings": {
                "seed": options.seed,
                "frames_per_scene": FRAMES,
                "truth_scenes": TRUTH_SCENES,
                "objects_per_frame": OBJECTS,
                "presence": PRESENCE,
            },
            "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy "
            f"{np.__version__}",
            "truth": truth,
            "scenes": rows,
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
