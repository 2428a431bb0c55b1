"""What grows with the severity of the weather corruptions, measured from both frames.

Each measure is a product of one factor per sensor that is 0 (or at its greatest) for a clean frame,
so that both must change.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from corruptions.imaging.linear_light import to_linear


def contrast(frame: Frame) -> float:
    return float(np.mean([image.std() for image in frame.images]))


def veiled(before: Frame, after: Frame) -> float:
    """Share of the images' contrast that is lost."""
    return 1 - contrast(after) / contrast(before)


def light_lost(before: Frame, after: Frame) -> float:
    """Share of the points' summed intensity that is lost."""
    return 1 - float(after.points[:, 3].sum() / before.points[:, 3].sum())


def added_light(before: Frame, after: Frame) -> float:
    """Mean linear light that the images gained."""
    gains = [
        to_linear(b).mean() - to_linear(a).mean()
        for a, b in zip(before.images, after.images, strict=True)
    ]
    return float(np.mean(gains))


def astray(before: Frame, after: Frame) -> float:
    """Mean distance [m] by which points moved, 1 m where they are lost or false. Points are known
    by their intensity.
    """
    _, old, new = np.intersect1d(before.points[:, 3], after.points[:, 3], return_indices=True)
    moved = np.linalg.norm(after.points[new, :3] - before.points[old, :3], axis=1)
    return float(np.minimum(moved, 1.0).sum() + len(before.points) - len(old)) / len(before.points)


def darker(before: Frame, after: Frame) -> float:
    """Mean change of the lower half of the images, where the road is."""
    changes = [
        abs(a[len(a) // 2 :].astype(float) - b[len(b) // 2 :]).mean()
        for a, b in zip(before.images, after.images, strict=True)
    ]
    return float(np.mean(changes))


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "fog": lambda before, after: -contrast(after) * after.points[:, 3].mean(),
    "rain": lambda before, after: veiled(before, after) * light_lost(before, after),
    "snowfall": lambda before, after: veiled(before, after) * light_lost(before, after),
    "wet_ground": lambda before, after: darker(before, after) * light_lost(before, after),
    "sunlight": lambda before, after: (
        added_light(before, after) * (astray(before, after) - astray(before, before))
    ),
    "spray": lambda before, after: veiled(before, after) * light_lost(before, after),
}
