import math

import pytest

from reports.half_crossing import Crossing, from_line, half_crossing, to_line

VALUES = (400.0, 200.0, 100.0, 50.0)


def test_between_two_values_on_a_straight_line() -> None:
    # Half of 0.8 is 0.4, a third of the way from 0.5 to 0.2.
    found = half_crossing(VALUES, (0.7, 0.5, 0.2, 0.1), 0.8, "linear")
    assert (found.where, found.value) == ("inside", pytest.approx(200 - 100 / 3))


def test_between_two_values_over_the_logarithm() -> None:
    found = half_crossing(VALUES, (0.7, 0.5, 0.2, 0.1), 0.8, "log")
    assert found.value == pytest.approx(200 * 2 ** (-1 / 3))


@pytest.mark.parametrize(
    ("scores", "clean", "expected"),
    [
        ((0.3, 0.2, 0.1, 0.0), 0.8, Crossing("milder")),
        ((0.7, 0.6, 0.6, 0.5), 0.8, Crossing("more severe")),
        ((0.0, 0.0, 0.0, 0.0), 0.0, Crossing("milder")),
        ((0.7, 0.4, 0.3, 0.2), 0.8, Crossing("inside", 200.0)),
    ],
)
def test_outside_and_on_a_value(
    scores: tuple[float, ...], clean: float, expected: Crossing
) -> None:
    found = half_crossing(VALUES, scores, clean, "linear")
    assert found.where == expected.where
    assert found.value == (expected.value and pytest.approx(expected.value))


def test_the_first_crossing_counts() -> None:
    found = half_crossing(VALUES, (0.5, 0.3, 0.6, 0.1), 0.8, "linear")
    assert found.value == pytest.approx(300.0)


def test_there_and_back() -> None:
    assert from_line(to_line(87.0, "log"), "log") == pytest.approx(87.0)
    assert to_line(math.e, "log") == pytest.approx(1.0)
    assert to_line(87.0, "linear") == from_line(87.0, "linear") == 87.0
