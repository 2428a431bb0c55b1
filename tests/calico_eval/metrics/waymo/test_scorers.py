from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Float64
from calico_eval.metrics.waymo.counts import FoundBoxes, TrueBoxes
from calico_eval.metrics.waymo.scorers import LongitudinalTolerantScorer, OverlapScorer
from tests.calico_eval.metrics.waymo.making import LEAST, random_pair, slow_overlaps


def boxes(*rows: list[float]) -> Float64:
    return np.array(rows, np.float64)


def found(*rows: list[float]) -> FoundBoxes:
    return FoundBoxes(boxes(*rows), np.zeros(len(rows), np.int64), np.ones(len(rows), np.float32))


def true(*rows: list[float]) -> TrueBoxes:
    return TrueBoxes(boxes(*rows), np.zeros(len(rows), np.int64), np.ones(len(rows), np.int64))


def test_pairs_are_those_of_one_class_with_enough_overlap() -> None:
    pair = random_pair(np.random.default_rng(10), 40)
    edges, affinity = OverlapScorer(LEAST)(pair.found, pair.true)

    overlap = slow_overlaps(pair.found.boxes, pair.true.boxes)
    same = pair.found.labels[:, None] == pair.true.labels
    rows, columns = np.nonzero(same & (overlap >= np.array(LEAST)[pair.found.labels][:, None]))
    np.testing.assert_array_equal(edges.rows, rows)
    np.testing.assert_array_equal(edges.columns, columns)
    np.testing.assert_allclose(edges.weights, overlap[rows, columns] * 1e6, atol=1)
    assert affinity is None


SENSOR = (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("place", "affinity"), [(40.0, 1.0), (42.0, 0.5), (38.0, 0.5), (43.0, 0.25), (44.0, None)]
)
def test_an_error_in_depth_lowers_the_affinity(place: float, affinity: float | None) -> None:
    scorer = LongitudinalTolerantScorer((0.5,), SENSOR)
    edges, worth = scorer(found([place, 0, 0, 4, 2, 2, 0]), true([40, 0, 0, 4, 2, 2, 0]))

    assert worth.tolist() == pytest.approx([] if affinity is None else [affinity], abs=1e-6)
    # The prediction is moved onto the object, so that only the affinity is left.
    assert edges.weights.tolist() == pytest.approx(
        [] if affinity is None else [affinity * 1e6], abs=1
    )


def test_near_objects_tolerate_half_a_metre() -> None:
    scorer = LongitudinalTolerantScorer((0.3,), SENSOR)
    _, worth = scorer(found([2.25, 0, 0, 4, 2, 2, 0]), true([2, 0, 0, 4, 2, 2, 0]))

    assert worth.tolist() == pytest.approx([0.5], abs=1e-6)


def test_an_error_to_the_side_stays() -> None:
    """At (30, 40), 50 m away, a prediction at twice the angle's offset is moved along its ray."""
    scorer = LongitudinalTolerantScorer((0.1,), SENSOR)
    place = np.array([30.0, 40.0])
    beside = place + 0.5 * np.array([-0.8, 0.6])
    edges, worth = scorer(
        found([*(beside * 1.04), 0, 4, 4, 2, 0.0]), true([*place, 0, 4, 4, 2, 0.0])
    )

    ray = beside / np.linalg.norm(beside)
    nearest = ray * (ray @ place)
    moved = np.array([[*nearest, 0, 4, 4, 2, 0.0]])
    overlap = slow_overlaps(moved, np.array([[*place, 0, 4, 4, 2, 0.0]]))[0, 0]
    assert worth.tolist() == pytest.approx([1 - 2.0 / 5.0], abs=1e-6)
    assert edges.weights.tolist() == pytest.approx([overlap * worth[0] * 1e6], abs=1)


def test_the_other_side_of_the_sensor_does_not_match() -> None:
    scorer = LongitudinalTolerantScorer((0.1,), SENSOR)

    assert len(scorer(found([-0.2, 0, 0, 4, 2, 2, 0]), true([0.3, 0, 0, 4, 2, 2, 0]))[1]) == 0
