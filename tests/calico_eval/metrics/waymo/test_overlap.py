from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.frame import Float64
from calico_eval.metrics.waymo.overlap import compute_overlaps, compute_shared_area
from tests.calico_eval.metrics.waymo.making import polygons, slow_overlaps

BOX = [10.0, 5.0, 1.0, 4.0, 2.0, 1.5, 0.3]


def changed(**values: float) -> Float64:
    names = ("x", "y", "z", "length", "width", "height", "yaw")
    return np.array([[values.get(name, one) for name, one in zip(names, BOX, strict=True)]])


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, 1.0),
        ({"yaw": 0.3 + np.pi}, 1.0),
        ({"yaw": 0.3 - 2 * np.pi}, 1.0),
        ({"z": 1.75}, 0.75 / 2.25),
        ({"z": 2.5}, 0.0),
        ({"height": 3.0}, 0.5),
        ({"x": 10 + 2 * np.cos(0.3), "y": 5 + 2 * np.sin(0.3)}, 1 / 3),
        ({"x": 10 + 4 * np.cos(0.3), "y": 5 + 4 * np.sin(0.3)}, 0.0),
        ({"length": 2.0, "width": 1.0}, 0.25),
        ({"yaw": 0.3 + np.pi / 2}, 4 / 12),
        ({"length": 0.01}, 0.0),
        ({"width": 1e6}, 0.0),
    ],
)
def test_overlap_of_two_boxes_by_hand(other: dict[str, float], expected: float) -> None:
    assert compute_overlaps(np.array([BOX]), changed(**other)) == pytest.approx([expected])


def test_a_square_turned_by_45_degrees_shares_an_octagon() -> None:
    square = np.array([[0.0, 0, 0, 2, 2, 2, 0]])
    turned = np.array([[0.0, 0, 0, 2, 2, 2, np.pi / 4]])

    assert compute_shared_area(square, turned) == pytest.approx([8 * (np.sqrt(2) - 1)])


def test_shared_area_equals_shapely_on_random_and_on_degenerate_pairs() -> None:
    rng = np.random.default_rng(5)

    def boxes(count: int) -> Float64:
        return np.concatenate(
            [
                rng.normal(0, 2, (count, 3)),
                rng.uniform(0.1, 6, (count, 3)),
                rng.uniform(-7, 7, (count, 1)),
            ],
            axis=1,
        )

    first, second = boxes(3000), boxes(3000)
    second[:1500] = first[:1500]
    second[300:600, 6] += np.pi
    second[600:900, 6] += np.pi / 2
    second[900:1200, 0] += 1e-12
    second[1200:1500, 3:6] *= 2

    expected = shapely.area(shapely.intersection(polygons(first), polygons(second)))
    np.testing.assert_allclose(compute_shared_area(first, second), expected, atol=1e-12)


def test_overlap_does_not_depend_on_which_box_is_first() -> None:
    rng = np.random.default_rng(6)
    first = np.concatenate([rng.normal(0, 1, (500, 3)), rng.uniform(0.5, 4, (500, 4))], axis=1)
    second = np.roll(first, 1, axis=0)

    there, back = compute_overlaps(first, second), compute_overlaps(second, first)
    np.testing.assert_allclose(there, back, atol=1e-13)
    np.testing.assert_allclose(there, np.diag(slow_overlaps(first, second)), atol=1e-12)
