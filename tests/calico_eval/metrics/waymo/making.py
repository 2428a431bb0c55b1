"""Random frames of boxes, and a slow independent reference of Waymo's metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment

from calico.frame import Float64
from calico_eval.metrics.waymo.counts import FoundBoxes, TrueBoxes

SIZES = np.array([[4.6, 2.0, 1.7], [0.8, 0.8, 1.8], [1.8, 0.8, 1.7]])
LEAST = (0.7, 0.5, 0.5)
LIMITS = (0.0, 30.0, 50.0, np.inf)


@dataclass(frozen=True)
class Pair:
    """One frame."""

    found: FoundBoxes
    true: TrueBoxes


def random_pair(rng: np.random.Generator, objects: int = 15, steps: int | None = None) -> Pair:
    """Make objects, some overlapping, and several predictions near most of them."""
    labels = rng.integers(0, 3, objects)
    boxes = np.concatenate(
        [
            rng.uniform(-40, 40, (objects, 2)),
            rng.uniform(-1, 1, (objects, 1)),
            SIZES[labels] * rng.uniform(0.8, 1.2, (objects, 3)),
            rng.uniform(-4, 4, (objects, 1)),
        ],
        axis=1,
    )
    beside = rng.random(objects) < 0.3
    boxes[beside] = np.roll(boxes, 1, axis=0)[beside]
    labels[beside] = np.roll(labels, 1)[beside]
    boxes[beside, :2] += rng.normal(0, 0.3, (int(beside.sum()), 2))
    source = np.repeat(np.arange(objects), rng.integers(0, 4, objects))
    guess = boxes[source] + rng.normal(0, 0.12, (len(source), 7))
    guess[:, 3:6] = np.abs(guess[:, 3:6]) + 0.1
    guess[rng.random(len(source)) < 0.2, 6] += np.pi
    scores = rng.random(len(source)) if steps is None else rng.integers(0, steps, len(source)) / 10
    other = rng.random(len(source)) < 0.05
    return Pair(
        FoundBoxes(
            guess,
            np.where(other, rng.integers(0, 3, len(source)), labels[source]),
            scores.astype(np.float32),
            rng.random(len(source)) < 0.1,
        ),
        TrueBoxes(boxes, labels, rng.integers(1, 3, objects)),
    )


def polygons(boxes: Float64) -> Any:
    """Make the bases of boxes (M, 7)."""
    corners = np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])
    local = corners * boxes[:, None, 3:5]
    cos, sin = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
    turn = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=1)
    return shapely.polygons(local @ turn + boxes[:, None, :2])


def slow_overlaps(first: Float64, second: Float64) -> Float64:
    """Compute 3D IoU (P, G) with shapely."""
    a, b = polygons(first), polygons(second)
    base = shapely.area(shapely.intersection(a[:, None], b[None]))
    low = np.maximum.outer(first[:, 2] - first[:, 5] / 2, second[:, 2] - second[:, 5] / 2)
    high = np.minimum.outer(first[:, 2] + first[:, 5] / 2, second[:, 2] + second[:, 5] / 2)
    shared = base * np.maximum(high - low, 0)
    volumes = [one[:, 3:6].prod(axis=1) for one in (first, second)]
    result: Float64 = shared / (np.add.outer(*volumes) - shared)
    return result


def slow_counts(pairs: list[Pair], label: int, within: tuple[float, float] | None) -> Float64:
    """Count tp, fp, fn at LEVEL_1, fn at LEVEL_2 and heading weights at the cut-offs: (5, 101).

    Every frame and cut-off is matched as a whole, without any shortcut.
    """
    result = np.zeros((5, 101))
    for pair in pairs:
        mine, theirs = (
            np.flatnonzero((one.labels == label) & _is_within(one.boxes, within))
            for one in (pair.found, pair.true)
        )
        overlap = slow_overlaps(pair.found.boxes[mine], pair.true.boxes[theirs])
        weights = np.where(overlap >= LEAST[label], overlap, 0.0)
        apart = np.subtract.outer(pair.found.boxes[mine, 6], pair.true.boxes[theirs, 6])
        heading = np.arccos(np.clip(np.cos(apart), -1, 1))
        levels = pair.true.levels[theirs]
        ignored = pair.found.ignored
        assert ignored is not None
        for number in range(101):
            active = np.flatnonzero(pair.found.scores[mine] >= np.float32(number * 0.01))
            rows, columns = linear_sum_assignment(weights[active], maximize=True)
            hit = weights[active][rows, columns] > 0
            rows, columns = active[rows[hit]], columns[hit]
            free = np.setdiff1d(active, rows)
            missed = np.setdiff1d(np.arange(len(theirs)), columns)
            result[:, number] += (
                len(rows),
                (~ignored[mine][free]).sum(),
                (levels[missed] == 1).sum(),
                len(missed),
                (1 - heading[rows, columns] / np.pi).sum(),
            )
    return result


def _is_within(boxes: Float64, within: tuple[float, float] | None) -> Any:
    distance = np.linalg.norm(boxes[:, :3], axis=1)
    return (
        np.ones(len(boxes), bool)
        if within is None
        else (distance >= within[0]) & (distance < within[1])
    )
