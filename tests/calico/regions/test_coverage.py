"""Regions against labelled objects."""

from __future__ import annotations

import numpy as np

from calico.frame import Boxes, Frame
from calico.regions.coverage import covering_regions, measure_coverage


def with_points(frame: Frame, points: np.ndarray) -> Frame:
    none = np.zeros(len(points), np.int16)
    return frame.replace(points=points, ring=none, sweep_index=none)


def test_coverage_counted_by_hand(frame: Frame) -> None:
    """Four objects on a line: one covered by a region of its own, one by a wall's, one split, one
    without points."""
    x = np.array([0.0] * 4 + [10.0] * 4 + [20.0] * 4)
    points = np.zeros((16, 5), np.float32)
    points[:12, 0] = x
    points[12:, 0] = 15.0  # the rest of the wall
    ids = np.array([0, 0, -1, -1] + [1] * 4 + [2, -1, -1, -1] + [1] * 4, np.int32)
    boxes = np.zeros((4, 9), np.float32)
    boxes[:, 0], boxes[:, 3:6] = [0, 10, 20, 30], 2.0
    none = np.zeros(4, np.int64)
    labelled = with_points(frame, points).replace(
        boxes=Boxes(boxes, np.array([0, 0, 5, 5]), none, none)
    )
    found = measure_coverage(labelled, ids)
    by_class = {
        name: (getattr(found, name)[0], getattr(found, name)[5])
        for name in ("objects", "covered", "alone")
    }
    assert by_class == {"objects": (2, 1), "covered": (2, 0), "alone": (1, 0)}
    assert (found.frames, found.regions, found.object_regions) == (1, 3, 2)
    assert covering_regions(labelled, ids).tolist() == [0, 1, -1, -2]
    assert sum(measure_coverage(labelled, ids, min_points=5).objects) == 0
    both = found + found
    assert (both.frames, both.objects[0], both.regions) == (2, 4, 6)
    assert "| car | 4 | 4 (100 %) | 2 (50 %) |" in both.lines(labelled.taxonomy.names)


def test_points_of_older_sweeps_do_not_count_for_coverage(frame: Frame) -> None:
    points = np.zeros((4, 5), np.float32)
    boxes = np.array([[0, 0, 0, 1, 1, 1, 0, 0, 0]], np.float32)
    one = np.zeros(1, np.int64)
    labelled = with_points(frame, points).replace(
        boxes=Boxes(boxes, one, one, one), sweep_index=np.array([0, 1, 1, 1], np.int16)
    )
    assert sum(measure_coverage(labelled, np.array([-1, 0, 0, 0], np.int32)).covered) == 0
    assert sum(measure_coverage(labelled, np.array([0, -1, -1, -1], np.int32)).covered) == 1
