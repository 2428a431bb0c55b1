"""The place where an attack makes a false object appear, by hand."""

from __future__ import annotations

import numpy as np

from calico_eval.metrics.false_target import AHEAD_M, CLEAR_M, REACH_M, false_target


def test_on_an_empty_road_it_is_ahead() -> None:
    """(10, 0) is no place of the grid; of the four around it the smallest y, then x, is taken."""
    assert AHEAD_M == 10.0
    assert false_target(np.zeros((0, 2))) == (9.5, -0.5)


def test_it_keeps_clear_of_objects() -> None:
    assert CLEAR_M == 5.0
    x, y = false_target(np.array([[10.0, 0.0]])) or (0.0, 0.0)
    assert np.hypot(x - 10.0, y) >= CLEAR_M
    nearest = min(
        np.hypot(a - 10.0, b)
        for a in np.arange(-15.5, 16)
        for b in np.arange(-15.5, 16)
        if np.hypot(a - 10.0, b) >= CLEAR_M
    )
    assert np.hypot(x - 10.0, y) == nearest


def test_a_full_square_has_no_place() -> None:
    line = np.arange(-REACH_M, REACH_M + 0.5, 4.0)
    crowd = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    assert false_target(crowd) is None
