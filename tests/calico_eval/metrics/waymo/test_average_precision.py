from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from calico.frame import Float64
from calico_eval.metrics.waymo.average_precision import compute_average_precision


def ap(points: list[tuple[float, float]], objects: int = 1000) -> float:
    """AP of (recall, precision) points."""
    recall, precision = np.array(points).T
    tp = recall * objects
    fp = np.where(tp > 0, tp / np.where(precision > 0, precision, 1) - tp, 1.0)
    return float(compute_average_precision(tp, tp, fp, objects - tp))


def test_nothing_found_is_0_and_everything_found_is_1() -> None:
    assert ap([(0.0, 1.0)]) == 0.0
    assert ap([(1.0, 1.0)]) == pytest.approx(1.0)


def test_a_short_step_is_a_trapezoid_and_the_curve_starts_flat() -> None:
    assert ap([(0.1, 0.8), (0.14, 0.4)]) == pytest.approx(0.1 * 0.8 + 0.04 * 0.6)


def test_a_long_gap_stays_low_in_steps_of_005_and_only_its_rest_is_a_slope() -> None:
    # From 0.5 down: points at 0.45, 0.4 .. 0.15 with the low precision; the slope is 0.15 to 0.12.
    assert ap([(0.12, 0.9), (0.5, 0.3)]) == pytest.approx(0.12 * 0.9 + 0.03 * 0.6 + 0.35 * 0.3)


def test_a_gap_of_exactly_005_is_one_slope() -> None:
    assert ap([(0.3, 0.9), (0.35, 0.5)]) == pytest.approx(0.3 * 0.9 + 0.05 * 0.7)


def test_precision_is_the_largest_at_this_recall_or_a_higher_one() -> None:
    assert ap([(0.2, 0.3), (0.24, 0.7)]) == pytest.approx(0.24 * 0.7)
    assert ap([(0.2, 0.3), (0.2, 0.9), (0.2, 0.5)]) == pytest.approx(0.2 * 0.9)


def test_the_order_of_the_cutoffs_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    tp = rng.integers(0, 50, (4, 101)).astype(float)
    fp = rng.integers(0, 50, (4, 101)).astype(float)
    order = rng.permutation(101)

    first = compute_average_precision(tp, tp, fp, 60 - tp)
    second = compute_average_precision(tp[:, order], tp[:, order], fp[:, order], 60 - tp[:, order])
    np.testing.assert_allclose(first, second, atol=1e-15)


def test_weights_lower_the_precision_and_leave_the_recall() -> None:
    tp, fp, fn = np.array([5.0]), np.array([5.0]), np.array([5.0])

    assert compute_average_precision(tp, np.array([2.5]), fp, fn) == pytest.approx(0.5 * 0.25)


def official_rule(precisions: Float64, recalls: Float64) -> float:
    """The rule step by step: points by falling recall, gaps filled, trapezoids."""
    best: dict[float, float] = {0.0: 0.0}
    for recall, precision in zip(recalls.tolist(), precisions.tolist(), strict=True):
        best[recall] = max(best.get(recall, 0.0), precision if recall > 0 else 0.0)
    points: list[tuple[float, float]] = []
    last, high = 0.0, 0.0
    for recall in sorted(best, reverse=True):
        while last - recall > 0.05 + 1e-6:
            last -= 0.05
            points.append((last, high))
        high, last = max(high, best[recall]), recall
        points.append((recall, high))
    return sum((a[0] - b[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))


def test_the_closed_form_equals_the_rule_step_by_step() -> None:
    rng = np.random.default_rng(2)
    for objects in (3, 20, 60, 400):
        tp = np.minimum(rng.integers(0, objects + 1, (30, 101)), objects).astype(float)
        fp = rng.integers(0, 80, (30, 101)).astype(float)
        found = np.where(tp + fp > 0, tp + fp, 1)
        expected = [official_rule(*row) for row in zip(tp / found, tp / objects, strict=True)]
        np.testing.assert_allclose(
            compute_average_precision(tp, tp, fp, objects - tp), expected, atol=1e-12
        )
