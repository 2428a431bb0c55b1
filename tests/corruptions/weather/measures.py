"""What grows with the severity of the weather corruptions, measured from the frames before and after.

Each is a product of one factor per sensor that is 0 (or at its greatest) for a clean frame, so that both must change.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame


def contrast(frame: Frame) -> float:
    return float(np.mean([image.std() for image in frame.images]))


def veiled(before: Frame, after: Frame) -> float:
    """Share of the images' contrast that is lost."""
    return 1 - contrast(after) / contrast(before)


def light_lost(before: Frame, after: Frame) -> float:
    """Share of the points' summed intensity that is lost."""
    return 1 - float(after.points[:, 3].sum() / before.points[:, 3].sum())


def blinded(before: Frame, after: Frame) -> float:
    """Share of the pixels that turned white."""
    return float(np.mean([(b == 255).all(-1).mean() for b in after.images])) - float(
        np.mean([(a == 255).all(-1).mean() for a in before.images])
    )


def astray(before: Frame, after: Frame) -> float:
    """Share of the points that are no longer within 20 cm of where they were: lost, or at another range."""
    beams = len(before.points)
    old, new = (np.round(f.points[:, :3] / 0.2).astype(np.int64) @ [1, 10_000, 100_000_000] for f in (before, after))
    return 1 - float(np.isin(new, np.concatenate([old + s for s in NEIGHBOURS])).sum()) / beams


NEIGHBOURS = [x + 10_000 * y + 100_000_000 * z for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]


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
    "sunlight": lambda before, after: blinded(before, after) * astray(before, after),
    "spray": lambda before, after: veiled(before, after) * light_lost(before, after),
}
