"""How well regions match labelled objects, for reports only.

This file reads labels. The rest of `calico.regions` does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calico.frame import Frame, Int64
from calico.geometry.boxes import points_in_boxes

Counts = tuple[int, ...]


@dataclass(frozen=True)
class Coverage:
    """Counts over frames.

    Add them up with +. Tuples are by class, or () for none.

    Attributes:
        frames: Number of frames.
        objects: Labelled objects with points.
        covered: Objects with at least half of their points in one region.
        alone: Covered objects whose region has most of its points in the object (not, for example,
            a wall with a car in front of it).
        regions: All regions.
        object_regions: Regions with most of their points inside one box.
    """

    frames: int = 0
    objects: Counts = ()
    covered: Counts = ()
    alone: Counts = ()
    regions: int = 0
    object_regions: int = 0

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            self.frames + other.frames,
            _sum(self.objects, other.objects),
            _sum(self.covered, other.covered),
            _sum(self.alone, other.alone),
            self.regions + other.regions,
            self.object_regions + other.object_regions,
        )

    def lines(self, names: tuple[str, ...]) -> list[str]:
        """Write a Markdown table by class and a line on the regions.

        Args:
            names: Names of the classes. Those without objects are left out.
        """
        counts = (self.objects, self.covered, self.alone) if self.objects else ((), (), ())
        by_class = zip(names if self.objects else (), *counts, strict=True)
        rows = [row for row in by_class if row[1]]
        rows.append(("all", sum(self.objects), sum(self.covered), sum(self.alone)))
        table = [
            f"| {name} | {n} | {_share(covered, n)} | {_share(alone, n)} |"
            for name, n, covered, alone in rows
        ]
        objects = _share(self.object_regions, self.regions)
        per_frame = self.regions / max(self.frames, 1)
        return [
            "| class | objects | covered | by a region of its own |",
            "|---|---|---|---|",
            *table,
            "",
            f"{self.frames} frames, {per_frame:.1f} regions a frame, {objects} of {self.regions} "
            f"are labelled objects",
        ]


def measure_coverage(frame: Frame, ids: npt.NDArray[np.int32], min_points: int = 1) -> Coverage:
    """Compare the regions of a frame with its labelled objects.

    Only points of the keyframe's sweep count, because boxes state where objects are at that time.

    Args:
        frame: Frame with labels.
        ids: (N,) regions of its points, from `find_regions`.
        min_points: Objects with fewer points are not counted.
    """
    shared, points = _overlap(frame, ids)
    of_region = np.bincount(ids[(ids >= 0) & (frame.sweep_index == 0)], minlength=shared.shape[1])
    covering = _covering(shared, points)
    present = points >= min_points
    covered = present & (covering >= 0)
    most_of_region = 2 * shared > of_region
    alone = covered.copy()
    alone[covered] = most_of_region[covered, covering[covered]]
    labels, classes = frame.boxes.labels, len(frame.taxonomy.classes)
    return Coverage(
        1,
        _by_class(labels[present], classes),
        _by_class(labels[covered], classes),
        _by_class(labels[alone], classes),
        shared.shape[1],
        int(most_of_region.any(axis=0).sum()),
    )


def covering_regions(frame: Frame, ids: npt.NDArray[np.int32]) -> Int64:
    """Find the region that holds at least half of each object's points.

    Args:
        frame: Frame with labels.
        ids: (N,) regions of its points, from `find_regions`.

    Returns:
        (M,) regions, or -1 if no region does, -2 for objects without points.
    """
    shared, points = _overlap(frame, ids)
    return np.where(points > 0, _covering(shared, points), -2)


def _overlap(frame: Frame, ids: npt.NDArray[np.int32]) -> tuple[Int64, Int64]:
    """Count the points of each object in each region, in the keyframe's sweep.

    Returns:
        (M, R) counts, and the (M,) number of points of each object.
    """
    now = frame.sweep_index == 0
    regions = int(ids.max(initial=-1)) + 1
    points, ids = frame.points[now], ids[now]
    shared = np.zeros((len(frame.boxes), regions), np.int64)
    count = np.zeros(len(frame.boxes), np.int64)
    for row, box in enumerate(frame.boxes.boxes):
        near = (abs(points[:, :2] - box[:2]) <= np.hypot(box[3], box[4]) / 2 + 0.01).all(axis=1)
        inside = ids[near][points_in_boxes(points[near], box[None])[0]]
        shared[row] = np.bincount(inside + 1, minlength=regions + 1)[1:]
        count[row] = len(inside)
    return shared, count


def _covering(shared: Int64, points: Int64) -> Int64:
    if not shared.shape[1]:
        return np.full(len(points), -1)
    best = shared.argmax(axis=1)
    most = shared[np.arange(len(best)), best]
    return np.where((most > 0) & (2 * most >= points), best, -1)


def _by_class(labels: Int64, classes: int) -> Counts:
    return tuple(int(count) for count in np.bincount(labels, minlength=classes))


def _sum(a: Counts, b: Counts) -> Counts:
    return tuple(x + y for x, y in zip(a, b, strict=True)) if a and b else a or b


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.0f} %)" if whole else "0"
