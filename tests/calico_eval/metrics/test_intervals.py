"""Confidence intervals of pooled metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from calico.errors import CalicoError
from calico.seeds import make_generator
from calico.taxonomy import NUSCENES
from calico_eval.metrics.intervals import (
    compute_intervals,
    paired_difference,
    pooled_values,
    ratio_interval,
)
from calico_eval.metrics.matching import DetectionStats
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


def test_jackknife_equals_leaving_scenes_out_one_by_one(build: Make) -> None:
    stats = build(5, 3)
    found = compute_intervals(stats)
    left = [official([s for s in stats if s.scene != f"s{out}"]) for out in range(5)]
    for name, value in official(stats).items():
        thetas = np.array([row[name] for row in left])
        error = np.sqrt(4 / 5 * ((thetas - thetas.mean()) ** 2).sum())
        half = scipy_stats.t.ppf(0.975, 4) * error
        assert found[name].value == value
        assert found[name].standard_error == pytest.approx(error, rel=1e-9)
        assert (found[name].lo, found[name].hi) == pytest.approx(
            (value - half, value + half), rel=1e-9
        )
        assert found[name].method.partition("; ")[0] == "scene jackknife, t, 95%"
        assert error > 0, name


def test_at_20_scenes_the_method_is_the_same(build: Make) -> None:
    """19 and 21 scenes: leave one out, t with one degree of freedom less than scenes."""
    for scenes in (19, 21):
        stats = build(scenes, 1)
        found = compute_intervals(stats)["mAP"]
        left = np.array(
            [official([s for s in stats if s.scene != f"s{out}"])["mAP"] for out in range(scenes)]
        )
        error = np.sqrt((scenes - 1) / scenes * ((left - left.mean()) ** 2).sum())
        half = scipy_stats.t.ppf(0.975, scenes - 1) * error
        assert (found.lo, found.hi) == pytest.approx(
            (found.value - half, found.value + half), rel=1e-9
        )
        assert found.method.startswith("scene jackknife, t, 95%")


def test_groups_of_two_sizes_give_the_error_of_a_mean(rng_means: Callable[[int], float]) -> None:
    """Of a mean over 75 scenes, groups of one and of two scenes give the usual standard error, on
    average."""
    assert np.mean([rng_means(seed) for seed in range(40)]) == pytest.approx(1, abs=0.04)


@pytest.fixture
def rng_means() -> Callable[[int], float]:
    def ratio_of_errors(seed: int) -> float:
        hits = np.random.default_rng(seed).integers(0, 1000, 75)
        found = ratio_interval(
            np.array([[[hit, 1000]] for hit in hits]), [f"{index:02}" for index in range(75)]
        )
        assert found.standard_error is not None
        return float(found.standard_error / (hits.std(ddof=1) / 1000 / np.sqrt(75)))

    return ratio_of_errors


def test_one_scene_takes_frames_and_says_so(build: Make) -> None:
    found = compute_intervals(build(1, 4))["mAP"]
    assert found.method.startswith("frame jackknife, t, 95% (one scene)")
    assert found.lo is not None
    alone = compute_intervals(build(1, 1))["mAP"]
    assert (alone.lo, alone.method) == (None, "no interval: ground truth in one frame")


def test_a_class_of_one_scene_has_no_interval_of_its_own(build: Make) -> None:
    stats = build(4, 2)
    for index, s in enumerate(stats):
        if s.scene != "s1":
            n_gt = s.detection.n_gt.copy()
            n_gt[0] = 0
            keep = s.detection.labels != 0
            d = s.detection
            thin = DetectionStats(d.labels[keep], d.scores[keep], d.tp[keep], d.errors[keep], n_gt)
            stats[index] = replace(s, detection=thin)
    found = compute_intervals(stats)
    assert (found["AP/car"].lo, found["AP/car"].method) == (
        None,
        "no interval: ground truth in one scene",
    )
    assert found["AP/truck"].lo is not None
    assert (
        found["mAP"].standard_error > found["AP/car"].value / 10 * 0.8
    )  # leaving s1 out loses the class
    assert found["AP/barrier"].method == "no interval: undefined"


def of_classes(scene: str, objects: dict[str, int]) -> FrameStats:
    """A frame in which half of the objects are found, and none is predicted that is not there."""
    n_gt = np.array([objects.get(name, 0) for name in NUSCENES.names], np.int64)
    labels = np.repeat(np.arange(10), n_gt // 2)
    scores = np.linspace(0.9, 0.5, len(labels), dtype=np.float32)
    hits = np.ones((len(labels), 4), bool)
    return FrameStats(
        scene, scene, DetectionStats(labels, scores, hits, np.zeros((len(labels), 5)), n_gt)
    )


def test_the_means_name_the_classes_that_few_scenes_or_none_have() -> None:
    """No interval can see a class that these scenes lack; 2 scenes of 5 have a bus, 3 have a
    bicycle."""
    everywhere = dict.fromkeys(NUSCENES.names[:7], 4)
    objects = [
        everywhere | {"bus": 4 * (i < 2), "bicycle": 4 * (i < 3), "barrier": 4 * (i == 4)}
        for i in range(5)
    ]
    found = compute_intervals([of_classes(f"s{i}", one) for i, one in enumerate(objects)])
    rare = [name for name in NUSCENES.names if 0 < sum(one.get(name, 0) > 0 for one in objects) < 3]
    absent = [name for name in NUSCENES.names if not any(one.get(name, 0) for one in objects)]
    assert (len(rare), len(absent)) == (2, 1)
    said = f"; in fewer than 3 scenes: {', '.join(rare)}, in none: {', '.join(absent)}"
    for name in ("mAP", "mAP_present", "NDS", "mATE", "mAAE"):
        assert found[name].method == f"scene jackknife, t, 95%{said}"
    assert found["AP/car"].method == "scene jackknife, t, 95%"


def test_the_map_means_name_classes_by_map_cells(build: Make) -> None:
    """The fixture's maps have three of the six classes."""
    found = compute_intervals(build(4, 1))
    assert found["mIoU"].method.endswith(f"; in none: {', '.join(NUSCENES.map_names[3:])}")
    assert found["IoU/walkway"].method == "scene jackknife, t, 95%"


def test_with_every_class_in_three_scenes_there_is_no_note() -> None:
    objects = dict.fromkeys(NUSCENES.names, 4)
    found = compute_intervals([of_classes(f"s{i}", objects) for i in range(3)])
    assert found["NDS"].method == "scene jackknife, t, 95%"


def test_paired_difference_by_hand(build: Make) -> None:
    good, bad = build(5, 3), []
    for s in good:
        d = s.detection
        hidden = np.arange(len(d.labels)) % 3 != 0
        bad.append(
            replace(
                s,
                detection=DetectionStats(
                    d.labels[hidden], d.scores[hidden], d.tp[hidden], d.errors[hidden], d.n_gt
                ),
            )
        )
    found = paired_difference(good, bad)["mAP"]
    left = []
    for out in range(5):
        a, b = ([s for s in part if s.scene != f"s{out}"] for part in (good, bad))
        left.append(official(a)["mAP"] - official(b)["mAP"])
    error = np.sqrt(4 / 5 * ((np.array(left) - np.mean(left)) ** 2).sum())
    assert found.value == official(good)["mAP"] - official(bad)["mAP"]
    assert found.standard_error == pytest.approx(error)
    same = paired_difference(good, good)
    assert all(i.value == 0 and i.lo in (0, None) for n, i in same.items() if not np.isnan(i.value))


def test_pairs_must_be_the_same_frames(build: Make) -> None:
    stats = build(3, 1)
    with pytest.raises(CalicoError, match="got 3 and 2 frames"):
        paired_difference(stats, stats[:2])
    with pytest.raises(CalicoError, match=r"got frame 0/0 \(s0\) against 1/0 \(s1\)"):
        paired_difference(stats, [stats[1], stats[0], stats[2]])
    other = replace(stats[0].detection, n_gt=stats[0].detection.n_gt + 1)
    with pytest.raises(CalicoError, match="expected the same ground truth"):
        paired_difference(stats, [replace(stats[0], detection=other), *stats[1:]])
    with pytest.raises(CalicoError, match="no frames"):
        compute_intervals([])


def test_objects_and_map_cells_of_one_scene_only_have_no_interval(build: Make) -> None:
    """Without that scene there is no mean over the classes that are there; the official one is 0
    then."""
    stats = build(3, 2)
    bare = []
    for one in stats:
        found, cells = one.detection, one.segmentation
        if one.scene != "s1":
            found = replace(
                found, n_gt=0 * found.n_gt, tp=found.tp & False, errors=found.errors * np.nan
            )
            cells = replace(cells, tp=0 * cells.tp, fn=0 * cells.fn)
        bare.append(replace(one, detection=found, segmentation=cells))
    result = compute_intervals(bare)
    for name in ("mAP_present", "mIoU_present"):
        assert result[name].value > 0
        assert (result[name].lo, result[name].method) == (
            None,
            "no interval: ground truth in one scene",
        )
    assert result["mAP"].lo is not None
    assert all(v.lo is None or np.isfinite(v.lo) for v in result.values())


def scene_effect_data(rng: np.random.Generator, scenes: int, frames: int) -> list[FrameStats]:
    """Scenes that differ in how well cars are found: 8 cars a frame, each found with the scene's
    own probability."""
    result = []
    for s in range(scenes):
        chance = rng.beta(6, 4)
        for f in range(frames):
            hit = rng.random(12) < chance
            hit[8:] = False
            tp = np.repeat(hit[:, None], 4, axis=1)
            scores = np.where(hit, rng.beta(4, 2, 12), rng.beta(2, 3, 12)).astype(np.float32)
            n_gt = np.zeros(10, np.int64)
            n_gt[0] = 8
            errors = np.where(tp[:, :1], rng.random((12, 5)), np.nan)
            stats = DetectionStats(np.zeros(12, np.int64), scores, tp, errors, n_gt)
            result.append(FrameStats(f"{s}/{f}", f"{s}", stats))
    return result


@pytest.mark.parametrize("scenes", [8, 20])
def test_intervals_cover_the_truth_and_are_no_wider_than_needed(scenes: int) -> None:
    """About 95 % of the intervals hold the figure of very many scenes; their width is that of the
    figures' own scatter."""
    trials = 200 if scenes == 8 else 60
    truth = pooled_values(scene_effect_data(make_generator(0, "truth"), 4000, 2))["AP/car"]
    found = [
        compute_intervals(scene_effect_data(make_generator(trial, "trial", scenes), scenes, 3))[
            "AP/car"
        ]
        for trial in range(trials)
    ]
    values, lo, hi = np.array([[i.value, i.lo, i.hi] for i in found], np.float64).T
    assert ((lo <= truth) & (truth <= hi)).mean() >= 0.87
    t = scipy_stats.t.ppf(0.975, scenes - 1)
    assert 0.8 < (hi - lo).mean() / (2 * t * values.std(ddof=1)) < 1.25


def test_the_interval_of_a_mean_leaves_scenes_out_one_by_one() -> None:
    """Three scenes of 2, 1 and 3 frames: without each of them the mean is 2/4, 3/5 and 1/3."""
    counts = np.array([[[value, 1]] for value in (1, 0, 0, 1, 1, 0)], np.int64)
    found = ratio_interval(counts, ["a", "a", "b", "c", "c", "c"])
    left = np.array([2 / 4, 3 / 5, 1 / 3])
    error = np.sqrt(2 / 3 * ((left - left.mean()) ** 2).sum())
    half = scipy_stats.t.ppf(0.975, 2) * error
    assert found.value == pytest.approx(0.5)
    assert found.standard_error == pytest.approx(error)
    assert (found.lo, found.hi) == pytest.approx((0.5 - half, 0.5 + half))


@pytest.mark.parametrize(("hits", "value"), [(0, 0.0), (1, 0.5), (2, 1.0)])
def test_ratios_that_are_the_same_in_all_scenes_have_no_interval(hits: int, value: float) -> None:
    counts = np.array([[[hits, 2]], [[hits, 2]], [[2 * hits, 4]]], np.int64)
    found = ratio_interval(counts, ["a", "b", "c"])
    assert found.value == value
    assert found.lo is found.hi is None
    assert "the same in all scenes" in found.method
