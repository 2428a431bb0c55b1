"""The quality of a single frame, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from calico_eval.metrics.matching import DetectionStats
from calico_eval.metrics.quality import frame_quality
from calico_eval.metrics.segmentation import SegmentationStats
from calico_eval.metrics.suffstats import FrameStats


def stats(
    scores: list[float],
    hits_at_2m: list[bool],
    n_gt: int,
    cells: tuple[int, int, int] | None = None,
) -> FrameStats:
    """One frame of cars. cells: true positives, false positives and false negatives of the map at
    0.5, in one class."""
    p = len(scores)
    tp = np.zeros((p, 4), bool)
    tp[:, 2] = tp[:, 3] = hits_at_2m
    objects = np.zeros(10, np.int64)
    objects[0] = n_gt
    detection = DetectionStats(
        np.zeros(p, np.int64), np.array(scores, np.float32), tp, np.full((p, 5), np.nan), objects
    )
    segmentation = None
    if cells is not None:
        counts = np.full((3, 6, 7), 1000, np.int64)  # at the other thresholds; must not count
        counts[:, :, 3] = 0
        counts[:, 2, 3] = cells
        segmentation = SegmentationStats(*counts)
    return FrameStats("token", "scene", detection, segmentation)


@pytest.mark.parametrize(
    ("scores", "hits", "n_gt", "expected"),
    [
        ([0.9, 0.25], [True, True], 2, 1.0),
        (
            [0.9, 0.19],
            [True, True],
            2,
            2 / 3,
        ),  # a low score is not counted, neither as a hit nor as a box
        ([0.9, 0.19], [True, False], 1, 1.0),
        ([0.9, 0.8], [True, False], 2, 0.5),
        ([], [], 3, 0.0),
        ([], [], 0, 0.0),
    ],
)
def test_boxes_count_by_their_f1(
    scores: list[float], hits: list[bool], n_gt: int, expected: float
) -> None:
    assert frame_quality(stats(scores, hits, n_gt)) == pytest.approx(expected)


def test_the_map_counts_as_much_as_the_boxes() -> None:
    assert frame_quality(stats([0.9], [True], 1, (3, 1, 2))) == pytest.approx((1.0 + 0.5) / 2)
    assert frame_quality(stats([], [], 0, (3, 1, 2))) == pytest.approx(0.5)
    assert frame_quality(stats([0.9], [True], 1, (0, 0, 0))) == 1.0
