"""The statistics of many frames in one place, so that every figure can be computed again without some of the frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Int64
from calico_eval.metrics.nuscenes import DetectionPool, detection_values, pool_detection
from calico_eval.metrics.segmentation import THRESHOLDS, segmentation_values
from calico_eval.metrics.suffstats import FrameStats

GROUPS = 50
"""The most groups that scenes are dealt into, and so the most times that a figure is computed again."""


@dataclass(frozen=True)
class Groups:
    """Which frames are left out together.

    Attributes:
        of_frame: (F,) group of each frame, 0..count - 1.
        count: number of groups.
        unit: what is dealt, `scene` or `frame`.
        units: number of these; more than `count` if groups hold several.
    """

    of_frame: Int64
    count: int
    unit: str
    units: int

    @property
    def name(self) -> str:
        """What one group is called: `scene`, `frame`, or `group` if groups hold several of these."""
        return self.unit if self.units == self.count else "group"

    def kept(self) -> list[Bool]:
        """Returns for each group the frames (F,) that stay without it; nothing where there is one group only."""
        return [self.of_frame != group for group in range(self.count)] if self.count > 1 else []

    def count_with(self, frames: Bool) -> int:
        """Counts the groups that hold at least one of these frames (F,)."""
        return len(np.unique(self.of_frame[frames]))


def deal_groups(scenes: Sequence[str]) -> Groups:
    """Makes a group of every scene, or of every frame where there is one scene; of neighbours where there are over 50.

    Args:
        scenes: (F,) scene name of each frame.
    """
    names, clusters = np.unique(np.array(scenes, dtype=np.str_), return_inverse=True)
    unit = "scene"
    if len(names) == 1:
        clusters, unit = np.arange(len(scenes)), "frame"
    n = int(clusters.max()) + 1
    count = min(n, GROUPS)
    return Groups(clusters.astype(np.int64) * count // n, count, unit, n)


@dataclass(frozen=True)
class StatsPool:
    """The statistics of F frames, in matching order.

    Attributes:
        detection: pooled predictions.
        cells: (3, F, K, 7) tp, fp, fn of the map per frame, class and threshold; 0 for a frame without a map.
        has_map: (F,) whether a frame has a map.
    """

    detection: DetectionPool
    cells: Int64
    has_map: Bool

    @staticmethod
    def of(stats: Sequence[FrameStats]) -> StatsPool:
        """Pools frames. Raises CalicoError where there are none."""
        detection = pool_detection([frame.detection for frame in stats])
        classes = len(detection.taxonomy.map_classes)
        cells = np.zeros((3, len(stats), classes, len(THRESHOLDS)), np.int64)
        for index, frame in enumerate(stats):
            if frame.segmentation is not None:
                cells[:, index] = (
                    frame.segmentation.tp,
                    frame.segmentation.fp,
                    frame.segmentation.fn,
                )
        has_map = np.array([frame.segmentation is not None for frame in stats], np.bool_)
        return StatsPool(detection, cells, has_map)

    def values(self, kept: Bool | None = None) -> dict[str, float]:
        """Computes every figure by name.

        Args:
            kept: (F,) the frames that count; None for all of them.

        Returns:
            Name to figure, NaN where undefined; without the map's names if no frame of the pool has a map.
        """
        frames = np.ones(len(self.has_map), np.bool_) if kept is None else kept
        taxonomy = self.detection.taxonomy
        values = detection_values(
            *self.detection.evaluate(kept),
            self.detection.n_gt[frames].sum(axis=0),
            taxonomy,
        )
        if not self.has_map.any():
            return values
        of_map = segmentation_values(*self.cells[:, frames].sum(axis=1), taxonomy.map_names)
        return values | (
            of_map if self.has_map[frames].any() else dict.fromkeys(of_map, float("nan"))
        )

    def replicates(self, groups: Groups) -> list[dict[str, float]]:
        """Computes every figure without each group in turn."""
        return [self.values(kept) for kept in groups.kept()]

    def support(self, groups: Groups) -> dict[str, int]:
        """Counts for every figure the groups that it rests on.

        Those are the groups with ground truth of the class, of any class (`_present`), or with any map. The official means
        over the detection classes rest on all groups.
        """
        objects, cells = self._objects(), self._map_cells()
        counts = dict.fromkeys(self.values(), groups.count) | {
            "mIoU": groups.count_with(self.has_map),
            "mAP_present": groups.count_with(objects.any(axis=1)),
            "mIoU_present": groups.count_with(cells.any(axis=1)),
        }
        counts |= {
            f"AP/{name}": groups.count_with(objects[:, i])
            for i, name in enumerate(self.detection.taxonomy.names)
        }
        return counts | {
            f"IoU/{name}": groups.count_with(cells[:, i])
            for i, name in enumerate(self.detection.taxonomy.map_names)
        }

    def groups_per_class(self, groups: Groups) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Counts the groups with ground truth of each detection class, and of each map class."""
        objects, cells = self._objects(), self._map_cells()
        taxonomy = self.detection.taxonomy
        return (
            {name: groups.count_with(objects[:, i]) for i, name in enumerate(taxonomy.names)},
            {name: groups.count_with(cells[:, i]) for i, name in enumerate(taxonomy.map_names)},
        )

    def _objects(self) -> Bool:
        """(F, C) whether a frame has objects of a class."""
        result: Bool = self.detection.n_gt > 0
        return result

    def _map_cells(self) -> Bool:
        """(F, K) whether a frame has true map cells of a class."""
        result: Bool = (self.cells[0] + self.cells[2])[..., 0] > 0
        return result


def as_arrays(rows: Sequence[Mapping[str, float]]) -> dict[str, Float64]:
    """Turns one record per replicate into one array (R,) per figure."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
