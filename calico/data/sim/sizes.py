"""How large objects are: a normal distribution per class, cut at two standard deviations.

Means: the nuScenes training set's mean box per class, as published in the reference configurations
    of CBGS (Zhu et al., "Class-balanced grouping and sampling for point cloud 3D object detection",
    2019, anchor sizes). The spread is ours, chosen so that body styles differ; barriers are wider
    than long, as nuScenes annotates them.
"""

from __future__ import annotations

import numpy as np

Size = tuple[float, float, float]

MEAN: dict[str, Size] = {
    "car": (4.61, 1.95, 1.72),
    "truck": (6.74, 2.46, 2.73),
    "bus": (11.19, 2.94, 3.47),
    "trailer": (12.01, 2.87, 3.82),
    "construction_vehicle": (6.38, 2.73, 3.13),
    "pedestrian": (0.73, 0.66, 1.76),
    "motorcycle": (2.10, 0.76, 1.44),
    "bicycle": (1.68, 0.60, 1.27),
    "traffic_cone": (0.40, 0.40, 1.06),
    "barrier": (0.49, 2.49, 0.98),
}
"""Length, width, height [m]."""

SPREAD: dict[str, Size] = {
    "car": (0.35, 0.10, 0.14),
    "truck": (1.10, 0.18, 0.45),
    "bus": (1.20, 0.12, 0.18),
    "trailer": (1.80, 0.15, 0.35),
    "construction_vehicle": (0.90, 0.25, 0.35),
    "pedestrian": (0.12, 0.08, 0.11),
    "motorcycle": (0.18, 0.08, 0.08),
    "bicycle": (0.12, 0.06, 0.08),
    "traffic_cone": (0.05, 0.05, 0.16),
    "barrier": (0.07, 0.25, 0.09),
}
"""Standard deviations [m]."""

RIDER_HEIGHT_M = 0.42
"""How much a rider adds to a cycle's height: the mean is over cycles of which about a quarter is
ridden."""

SKIN_M = 0.04
"""How far an annotated box stands off the surface, on every side but the bottom."""


def draw_size(rng: np.random.Generator, label: str, ridden: bool = False) -> Size:
    """Draw length, width, height [m] of a new object.

    Args:
        rng: Generator.
        label: Name of its class.
        ridden: Whether someone rides it, which makes a cycle higher.
    """
    offsets = np.clip(rng.normal(size=3), -2, 2) * SPREAD[label]
    length, width, height = (float(v) for v in np.asarray(MEAN[label]) + offsets)
    return (
        length,
        width,
        height
        + RIDER_HEIGHT_M * ridden
        - (0.14 if label in ("bicycle", "motorcycle") and not ridden else 0.0),
    )


def body_size(size: Size) -> Size:
    """What the mesh fills inside a box of that size."""
    return size[0] - 2 * SKIN_M, size[1] - 2 * SKIN_M, size[2] - SKIN_M
