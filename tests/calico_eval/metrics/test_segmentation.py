from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes
from calico.taxonomy import NUSCENES
from calico_eval.metrics.segmentation import (
    THRESHOLDS,
    SegmentationStats,
    segmentation_stats,
    segmentation_values,
)

Make = Callable[..., Any]


def map_figures(stats: list[SegmentationStats]) -> dict[str, float]:
    """Compute the map's figures of frames, by name."""
    sums = (np.sum([getattr(s, name) for s in stats], axis=0) for name in ("tp", "fp", "fn"))
    return segmentation_values(*sums, NUSCENES.map_names)


def test_counts_equal_brute_force(random_pair: Make, with_maps: Make) -> None:
    rng = np.random.default_rng(0)
    pairs = [with_maps(rng, random_pair(rng, f"t{i}", objects=0)) for i in range(3)]
    stats = [segmentation_stats(*pair) for pair in pairs]
    result = map_figures(stats)
    masks, probs = (
        np.stack([f.map_masks for f, _ in pairs]),
        np.stack([p.map_probs for _, p in pairs]),
    )
    for index, name in enumerate(NUSCENES.map_names):
        ious = []
        for t in THRESHOLDS:
            hit = probs[:, index] >= np.float32(t)
            real = masks[:, index]
            ious.append((hit & real).sum() / (hit | real).sum())
        assert result[f"IoU/{name}"] == pytest.approx(max(ious), abs=1e-15)
        assert sum(s.tp[index, 0] + s.fn[index, 0] for s in stats) == masks[:, index].sum()
    mean = np.mean([result[f"IoU/{name}"] for name in NUSCENES.map_names])
    assert result["mIoU"] == result["mIoU_present"] == pytest.approx(mean)


def test_a_probability_at_the_threshold_counts(random_pair: Make, with_maps: Make) -> None:
    rng = np.random.default_rng(0)
    frame, guess = with_maps(rng, random_pair(rng, "t", objects=0))
    masks = np.ones((6, 1, 7), bool)
    published = [0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65]  # BEVFusion's
    probs = np.broadcast_to(np.array(published, np.float32), (6, 1, 7)).copy()
    stats = segmentation_stats(frame.replace(map_masks=masks), replace(guess, map_probs=probs))
    assert stats.tp.tolist() == [[7, 6, 5, 4, 3, 2, 1]] * 6
    assert stats.fn.tolist() == [[0, 1, 2, 3, 4, 5, 6]] * 6
    assert not stats.fp.any()
    below = segmentation_stats(
        frame.replace(map_masks=masks), replace(guess, map_probs=probs - np.float32(1e-3))
    )
    assert below.tp.tolist() == [[6, 5, 4, 3, 2, 1, 0]] * 6


def test_absent_classes(random_pair: Make, with_maps: Make) -> None:
    """Absent classes count 0 in mIoU (BEVFusion), are left out of mIoU_present, and have no IoU of
    their own."""
    rng = np.random.default_rng(1)
    result = map_figures([segmentation_stats(*with_maps(rng, random_pair(rng, "t"), classes=2))])
    assert np.isnan([result[f"IoU/{name}"] for name in NUSCENES.map_names[2:]]).all()
    assert result["mIoU"] > 0
    assert result["mIoU"] == pytest.approx(result["mIoU_present"] / 3)
    nowhere = map_figures([segmentation_stats(*with_maps(rng, random_pair(rng, "t"), classes=0))])
    assert nowhere["mIoU"] == 0
    assert np.isnan(nowhere["mIoU_present"])


def test_a_part_evaluates_alone(random_pair: Make, with_maps: Make) -> None:
    rng = np.random.default_rng(2)
    stats = [segmentation_stats(*with_maps(rng, random_pair(rng, f"t{i}"))) for i in range(4)]
    total = map_figures(stats)
    halves = [
        SegmentationStats(*(sum(getattr(s, n) for s in part) for n in ("tp", "fp", "fn")))
        for part in (stats[:1], stats[1:])
    ]
    assert map_figures(halves) == total


def test_faults(random_pair: Make, with_maps: Make, make_frame: Make) -> None:
    rng = np.random.default_rng(3)
    frame, guess = with_maps(rng, random_pair(rng, "t7"))
    with pytest.raises(CalicoError, match="map of frame t7: the frame has no masks"):
        segmentation_stats(make_frame("t7", Boxes.empty()), guess)
    with pytest.raises(CalicoError, match="the model gave no map_probs"):
        segmentation_stats(frame, replace(guess, map_probs=None))
    with pytest.raises(CalicoError, match=r"map_probs \(6, 3, 3\) and masks \(6, 9, 11\)"):
        segmentation_stats(frame, replace(guess, map_probs=np.zeros((6, 3, 3), np.float32)))
    with pytest.raises(CalicoError, match=r"expected both as \(6, Y, X\)"):
        segmentation_stats(
            frame.replace(map_masks=frame.map_masks[:5]),
            replace(guess, map_probs=guess.map_probs[:5]),
        )
    with pytest.raises(CalicoError, match="a probability is NaN"):
        segmentation_stats(frame, replace(guess, map_probs=np.full_like(guess.map_probs, np.nan)))
    with pytest.raises(CalicoError, match=r"SegmentationStats.tp: got shape \(1, 7\)"):
        SegmentationStats(*[np.zeros((1, 7), np.int64)] * 3)


def test_cells_whose_map_is_unknown_count_nowhere(random_pair: Make, with_maps: Make) -> None:
    rng = np.random.default_rng(0)
    frame, guess = with_maps(rng, random_pair(rng, "t", objects=0))
    known = rng.random(frame.map_masks.shape[1:]) < 0.6
    found = segmentation_stats(frame.replace(map_known=known), guess)
    alone = segmentation_stats(
        frame.replace(map_masks=frame.map_masks[:, known][:, None]),
        replace(guess, map_probs=guess.map_probs[:, known][:, None]),
    )
    for name in ("tp", "fp", "fn"):
        assert np.array_equal(getattr(found, name), getattr(alone, name))
    nothing = segmentation_stats(frame.replace(map_known=np.zeros_like(known)), guess)
    assert not nothing.tp.any()
    assert not nothing.fp.any()
    assert not nothing.fn.any()
