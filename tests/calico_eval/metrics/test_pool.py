"""The pooled statistics of frames, and the groups that are left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from calico.taxonomy import NUSCENES
from calico_eval.metrics.intervals import (
    compute_intervals,
    pooled_values,
)
from calico_eval.metrics.nuscenes import aggregate_detection, class_ranges
from calico_eval.metrics.segmentation import SegmentationStats, segmentation_values
from calico_eval.metrics.suffstats import FrameStats, compute_frame_stats

Make = Callable[..., Any]


@pytest.fixture
def build(random_pair: Make, with_maps: Make) -> Callable[..., list[FrameStats]]:
    """Statistics of so many scenes of so many frames, untied scores, three classes."""

    def make(scenes: int, frames: int, seed: int = 0, guesses: int = 30) -> list[FrameStats]:
        rng, result = np.random.default_rng(seed), []
        for s in range(scenes):
            for f in range(frames):
                pair = random_pair(
                    rng,
                    f"{s}/{f}",
                    scene=f"s{s}",
                    classes=3,
                    objects=12,
                    guesses=guesses,
                    ladder=None,
                )
                result.append(compute_frame_stats(*with_maps(rng, pair, classes=3), class_ranges()))
        return result

    return make


def map_figures(stats: list[SegmentationStats]) -> dict[str, float]:
    """Compute the map's figures of frames, by name."""
    sums = (np.sum([getattr(s, name) for s in stats], axis=0) for name in ("tp", "fp", "fn"))
    return segmentation_values(*sums, NUSCENES.map_names)


def official(stats: list[FrameStats]) -> dict[str, float]:
    """The figures by the plain route: aggregate the given frames."""
    detection = aggregate_detection([s.detection for s in stats])
    maps = map_figures([s.segmentation for s in stats if s.segmentation])
    return {
        "mAP": detection.mAP,
        "NDS": detection.NDS,
        "mAOE": detection.mAOE,
        "AP/car": detection.class_ap["car"],
        "mIoU": maps["mIoU"],
        "IoU/walkway": maps["IoU/walkway"],
    }


def test_beyond_50_scenes_neighbours_are_left_out_together(build: Make) -> None:
    """75 scenes in 50 groups: of two scenes and of one in turn, by the names' order."""
    stats = build(75, 1, guesses=6)
    names = sorted({s.scene for s in stats})
    found = compute_intervals(stats)["mAP"]
    groups = [
        [name for index, name in enumerate(names) if index * 50 // 75 == group]
        for group in range(50)
    ]
    assert {len(group) for group in groups} == {1, 2}
    left = np.array(
        [official([s for s in stats if s.scene not in group])["mAP"] for group in groups]
    )
    error = np.sqrt(49 / 50 * ((left - left.mean()) ** 2).sum())
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.hi - found.value == pytest.approx(scipy_stats.t.ppf(0.975, 49) * error, rel=1e-9)
    assert found.method.startswith("scene jackknife, 50 groups, t, 95%")


def test_frames_without_a_map_do_not_count_for_it(build: Make) -> None:
    stats = build(4, 2)
    some = [replace(s, segmentation=None) if s.scene in ("s0", "s1") else s for s in stats]
    only = [s for s in stats if s.scene in ("s2", "s3")]
    assert pooled_values(some)["mIoU"] == pooled_values(only)["mIoU"]
    assert compute_intervals(some)["mIoU"].lo is not None
    assert "mIoU" not in pooled_values([replace(s, segmentation=None) for s in stats])
