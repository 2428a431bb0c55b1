"""Random values of everything that a frame can hold, with gaps where the format allows them."""

from __future__ import annotations

import numpy as np

from calico.data.waymo.records import Labels


def make_labels(rng: np.random.Generator, count: int) -> Labels:
    """Labels with random numbers, about a third of the optional ones unknown."""

    def gaps(values: np.ndarray, unknown: float) -> np.ndarray:
        values[rng.random(len(values)) < 0.35] = unknown
        return values

    camera = gaps(rng.integers(1, 6, count), 0)
    synced = rng.normal(0, 20, (count, 7))
    synced[camera == 0] = np.nan
    return Labels(
        ids=tuple(f"object-{index}" for index in range(count)),
        boxes=rng.normal(0, 20, (count, 7)),
        types=rng.integers(1, 5, count),
        speed=gaps(rng.normal(0, 5, (count, 3)), np.nan),
        acceleration=gaps(rng.normal(0, 2, (count, 3)), np.nan),
        num_points=gaps(rng.integers(0, 500, count), -1),
        num_top_points=gaps(rng.integers(0, 500, count), -1),
        detection_difficulty=gaps(rng.integers(1, 3, count), 0),
        tracking_difficulty=gaps(rng.integers(1, 3, count), 0),
        camera_synced=synced,
        most_visible_camera=camera,
    )
