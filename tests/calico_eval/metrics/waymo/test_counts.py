from __future__ import annotations

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Float64
from calico_eval.metrics.waymo.counts import (
    CUTOFFS,
    FoundBoxes,
    TrueBoxes,
    WaymoCounts,
    assign_difficulties,
    count_matches,
    weigh_headings,
)
from calico_eval.metrics.waymo.pool import WaymoPool, sum_over_cutoffs
from calico_eval.metrics.waymo.scorers import OverlapScorer
from tests.calico_eval.metrics.waymo.making import LEAST, LIMITS, Pair, random_pair, slow_counts


def box(x: float = 10.0, yaw: float = 0.0, length: float = 4.0) -> list[float]:
    return [x, 0.0, 0.0, length, 2.0, 1.5, yaw]


def count(
    found: list[tuple[list[float], float]],
    true: list[tuple[list[float], int]],
    ignored: list[bool] | None = None,
) -> WaymoPool:
    """Counts of one frame of vehicles."""
    counts = count_matches(
        FoundBoxes(
            np.array([one for one, _ in found]).reshape(-1, 7),
            np.zeros(len(found), np.int64),
            np.array([score for _, score in found], np.float32),
            None if ignored is None else np.array(ignored),
        ),
        TrueBoxes(
            np.array([one for one, _ in true]).reshape(-1, 7),
            np.zeros(len(true), np.int64),
            np.array([level for _, level in true], np.int64),
        ),
        1,
        OverlapScorer((0.7,)),
    )
    return WaymoPool.from_frames([counts])


def at(pool: WaymoPool, cutoff: int, breakdown: int = 0) -> Float64:
    """tp, tp at LEVEL_1, fp, sum of heading weights."""
    return sum_over_cutoffs(pool)[:, breakdown, cutoff]


def test_cutoffs_are_101_hundredths() -> None:
    assert CUTOFFS.dtype == np.float32
    np.testing.assert_allclose(CUTOFFS, np.linspace(0, 1, 101), atol=1e-7)


def test_a_prediction_counts_at_the_cutoffs_that_its_score_reaches() -> None:
    pool = count([(box(), 0.5), (box(20), 0.2)], [(box(), 1)])

    assert [at(pool, k).tolist() for k in (51, 50, 21, 20, 0)] == [
        [0, 0, 0, 0],
        [1, 1, 0, 1],
        [1, 1, 0, 1],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
    ]


def test_an_object_of_level_2_counts_as_found_at_both_levels_and_as_missed_at_one() -> None:
    pool = count([(box(), 0.5)], [(box(), 2), (box(25), 2), (box(40), 1)])
    aps, n_gt = pool.compute_aps()

    assert at(pool, 0).tolist() == [1, 0, 0, 1]
    assert n_gt[0].tolist() == [1, 3]
    assert aps[0, 0] == pytest.approx([1 / 2, 1 / 3])  # recall at precision 1: 1/(1+1), 1/(1+2)


def test_a_false_positive_is_one_at_both_levels_unless_its_zone_has_no_labels() -> None:
    predictions = [(box(), 0.5), (box(20), 0.5)]

    assert at(count(predictions, [(box(), 1)]), 0)[2] == 1
    assert at(count(predictions, [(box(), 1)], [False, True]), 0)[2] == 0
    assert at(count(predictions, [(box(), 1)], [True, False]), 0).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("apart", "weight"),
    [(0, 1), (np.pi, 0), (-np.pi, 0), (np.pi / 2, 0.5), (-np.pi / 4, 0.75), (5 * np.pi, 0)],
)
def test_heading_weight(apart: float, weight: float) -> None:
    assert weigh_headings(np.array([apart])) == pytest.approx([weight], abs=1e-12)


def test_in_ranges_both_sides_go_by_their_own_distance() -> None:
    pool = count([(box(29.9), 0.5)], [(box(30.0), 1)])

    assert at(pool, 0, 0).tolist() == pytest.approx([1, 1, 0, 1])
    assert at(pool, 0, 1).tolist() == [0, 0, 1, 0]
    assert at(pool, 0, 2).tolist() == [0, 0, 0, 0]
    assert pool.n_gt[0].tolist() == [[1, 1], [0, 0], [1, 1], [0, 0]]


def test_distance_is_taken_in_three_dimensions() -> None:
    high = box(29.0)
    high[2] = 10.0

    assert count([], [(high, 1), (box(50.0), 2)]).n_gt[0].tolist() == [
        [1, 2],
        [0, 0],
        [1, 1],
        [0, 1],
    ]


def test_two_predictions_of_one_object_are_a_hit_and_a_false_positive() -> None:
    pool = count([(box(10.2), 0.9), (box(), 0.3)], [(box(), 1)])

    assert at(pool, 60).tolist() == pytest.approx([1, 1, 0, 1])
    assert at(pool, 10).tolist() == pytest.approx([1, 1, 1, 1])


def test_an_overlap_below_the_least_one_does_not_match() -> None:
    exactly, below = box(length=4.0 * 0.7), box(length=4.0 * 0.699)

    assert at(count([(exactly, 0.5)], [(box(), 1)]), 0)[0] == 1
    assert at(count([(below, 0.5)], [(box(), 1)]), 0)[0] == 0


@pytest.mark.parametrize(
    ("points", "labelled", "level"),
    [(5, 0, 2), (6, 0, 1), (1, 1, 1), (100, 2, 2), (-1, 0, 1), (0, 0, 2)],
)
def test_difficulty_by_label_else_by_points(points: int, labelled: int, level: int) -> None:
    assert assign_difficulties(np.array([points]), np.array([labelled])).tolist() == [level]


def test_difficulty_without_labels_goes_by_points() -> None:
    assert assign_difficulties(np.array([5, 6])).tolist() == [2, 1]


@pytest.mark.parametrize("steps", [None, 11])
def test_counts_equal_those_of_the_slow_reference(steps: int | None) -> None:
    rng = np.random.default_rng(7)
    pairs = [random_pair(rng, steps=steps) for _ in range(3)] + [
        random_pair(rng, 0),
        Pair(
            FoundBoxes(
                np.zeros((0, 7)), np.zeros(0, int), np.zeros(0, np.float32), np.zeros(0, bool)
            ),
            random_pair(rng).true,
        ),
    ]
    scorer = OverlapScorer(LEAST)
    pool = WaymoPool.from_frames([count_matches(p.found, p.true, 3, scorer) for p in pairs])
    totals, n_gt = sum_over_cutoffs(pool), pool.n_gt.sum(axis=0)
    assert totals[0].max() > 8
    for label in range(3):
        for number in range(4):
            breakdown = label if number == 0 else 3 + 3 * label + number - 1
            within = None if number == 0 else LIMITS[number - 1 : number + 1]
            expected = slow_counts(pairs, label, within)
            tp, tp_level_1, fp, heading = totals[:, breakdown]
            found = [tp, fp, n_gt[breakdown, 0] - tp_level_1, n_gt[breakdown, 1] - tp]
            np.testing.assert_array_equal(found, expected[:4])
            np.testing.assert_allclose(heading, expected[4], atol=1e-6)


def test_more_predictions_than_can_be_counted_are_refused() -> None:
    with pytest.raises(CalicoError, match="got 30001 predictions in a frame"):
        count([(box(), 0.5)] * 30_001, [])


def test_counts_of_other_shapes_are_refused() -> None:
    none, weights = np.zeros(0, np.int64), np.zeros((1, 0))
    with pytest.raises(CalicoError, match=r"n_gt: got shape \(3, 2\)"):
        WaymoCounts(none, none, none, none, weights, np.zeros((3, 2), np.int64))
    with pytest.raises(CalicoError, match="fp: got shape"):
        WaymoCounts(none, none, none, np.zeros(2, np.int64), weights, np.zeros((4, 2), np.int64))
    one = np.ones(1, np.int64)
    with pytest.raises(CalicoError, match=r"cells: got 404 to 404, expected 0\.\.403"):
        WaymoCounts(404 * one, one, one, one, np.ones((1, 1)), np.zeros((4, 2), np.int64))
