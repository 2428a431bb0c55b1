"""The pooled statistics of many frames.

Every figure can be computed again without some of the frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Int64
from calico_eval.metrics.nuscenes import DetectionPool, detection_values, pool_detection
from calico_eval.metrics.segmentation import THRESHOLDS, segmentation_values
from calico_eval.metrics.suffstats import FrameStats, collect_counts
from calico_eval.metrics.waymo.figures import compute_figures, find_support, list_figures
from calico_eval.metrics.waymo.pool import WaymoPool

GROUPS = 50
"""Largest number of groups that scenes are dealt into. A figure is computed once without each."""


@dataclass(frozen=True)
class Groups:
    """Which frames are left out together.

    Attributes:
        of_frame: (F,) group of each frame, 0..count - 1.
        count: Number of groups.
        unit: What is dealt, `scene` or `frame`.
        units: Number of these; more than `count` if groups hold several.
    """

    of_frame: Int64
    count: int
    unit: str
    units: int

    @property
    def name(self) -> str:
        """Name of one group: `scene`, `frame`, or `group` if groups hold several of these."""
        return self.unit if self.units == self.count else "group"

    def list_kept_frames(self) -> list[Bool]:
        """List for each group the frames (F,) that stay without it; empty if there is one group."""
        return [self.of_frame != group for group in range(self.count)] if self.count > 1 else []

    def count_with(self, frames: Bool) -> int:
        """Count the groups that hold at least one of these frames (F,)."""
        return len(np.unique(self.of_frame[frames]))


def deal_groups(scenes: Sequence[str]) -> Groups:
    """Make a group of every scene, or of every frame if there is only one scene.

    If there are more than 50 scenes, neighbours share a group.

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
        detection: Pooled predictions.
        cells: (3, F, K, 7) tp, fp, fn of the map per frame, class and threshold; 0 for a frame
            without a map.
        has_map: (F,) whether a frame has a map.
        waymo: Waymo's counts. None if a frame has none.
        tolerant: Counts of LET-3D-AP. None if a frame has none.
    """

    detection: DetectionPool
    cells: Int64
    has_map: Bool
    waymo: WaymoPool | None = None
    tolerant: WaymoPool | None = None

    @staticmethod
    def from_frames(stats: Sequence[FrameStats]) -> StatsPool:
        """Pool frames.

        Raises:
            CalicoError: There are no frames.
        """
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
        waymo, tolerant = (
            None if counts is None else WaymoPool.from_frames(counts)
            for counts in collect_counts(stats)
        )
        return StatsPool(detection, cells, has_map, waymo, tolerant)

    def compute_values(self, kept: Bool | None = None) -> dict[str, float]:
        """Compute every figure by name.

        Args:
            kept: (F,) frames that count. None counts all.

        Returns:
            Name to figure, NaN if undefined. The map's names are missing if no frame has a map.
        """
        frames = np.ones(len(self.has_map), np.bool_) if kept is None else kept
        taxonomy = self.detection.taxonomy
        values = detection_values(
            *self.detection.compute_ap_and_errors(kept),
            self.detection.n_gt[frames].sum(axis=0),
            taxonomy,
        )
        for pool, is_tolerant in ((self.waymo, False), (self.tolerant, True)):
            if pool is not None:
                values |= compute_figures(pool, taxonomy.names, kept, tolerant=is_tolerant)
        if not self.has_map.any():
            return values
        tp, fp, fn = self.cells[:, frames].sum(axis=1)
        of_map = segmentation_values(tp, fp, fn, taxonomy.map_names)
        return values | (
            of_map if self.has_map[frames].any() else dict.fromkeys(of_map, float("nan"))
        )

    def compute_replicates(self, groups: Groups) -> list[dict[str, float]]:
        """Compute every figure without each group in turn."""
        return [self.compute_values(kept) for kept in groups.list_kept_frames()]

    def count_support(self, groups: Groups) -> dict[str, int]:
        """Count for every figure the groups that it rests on.

        Those are the groups with ground truth of the class, of any class (`_present`), or with any
        map. The official means over the detection classes rest on all groups.
        """
        objects, cells = self._objects(), self._map_cells()
        counts = dict.fromkeys(self.compute_values(), groups.count) | {
            "mIoU": groups.count_with(self.has_map),
            "mAP_present": groups.count_with(np.asarray(objects.any(axis=1))),
            "mIoU_present": groups.count_with(np.asarray(cells.any(axis=1))),
        }
        counts |= {
            f"AP/{name}": groups.count_with(objects[:, i])
            for i, name in enumerate(self.detection.taxonomy.names)
        }
        for pool, is_tolerant in ((self.waymo, False), (self.tolerant, True)):
            if pool is not None:
                figures = list_figures(self.detection.taxonomy.names, tolerant=is_tolerant)
                support = find_support(pool, figures)
                counts |= {name: groups.count_with(frames) for name, frames in support.items()}
        return counts | {
            f"IoU/{name}": groups.count_with(cells[:, i])
            for i, name in enumerate(self.detection.taxonomy.map_names)
        }

    def count_groups_per_class(self, groups: Groups) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Count the groups with ground truth of each detection class, and of each map class."""
        objects, cells = self._objects(), self._map_cells()
        taxonomy = self.detection.taxonomy
        return (
            {name: groups.count_with(objects[:, i]) for i, name in enumerate(taxonomy.names)},
            {name: groups.count_with(cells[:, i]) for i, name in enumerate(taxonomy.map_names)},
        )

    def _objects(self) -> Bool:
        """Tell (F, C) whether a frame has objects of a class."""
        result: Bool = self.detection.n_gt > 0
        return result

    def _map_cells(self) -> Bool:
        """Tell (F, K) whether a frame has true map cells of a class."""
        result: Bool = (self.cells[0] + self.cells[2])[..., 0] > 0
        return result


def as_arrays(rows: Sequence[Mapping[str, float]]) -> dict[str, Float64]:
    """Turn one record per replicate into one array (R,) per figure."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
