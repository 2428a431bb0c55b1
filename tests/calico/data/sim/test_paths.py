"""Paths: stations, headings, offsets and areas, against geometry by hand."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.paths import Path, bend_path


def test_path_stations_and_headings() -> None:
    path = Path.of([[0, 0], [10, 0], [10, 5]])
    xy, yaw = path.at([3.0, 12.0, -2.0, 20.0])
    np.testing.assert_allclose(xy, [[3, 0], [10, 2], [-2, 0], [10, 10]])
    np.testing.assert_allclose(yaw, [0, np.pi / 2, 0, np.pi / 2])
    assert path.length == 15
    assert path.project([4.0, 3.0]) == 4.0
    np.testing.assert_allclose(path.reversed().at(5.0)[0], [10, 0])
    np.testing.assert_allclose(path.beside(2.0, 1.5), [2, 1.5, 0])


def test_circle_offset_and_strip() -> None:
    """A quarter circle of radius 50: the line 2 m inside is shorter by the angle times 2 m."""
    circle = bend_path((0.0, 0.0), 0.0, np.full(79, 1 / 50))
    inside = circle.offset(2.0)
    assert inside.length == pytest.approx(circle.length - 2.0 * 79 / 50, abs=0.1)
    assert circle.strip(0, circle.length, -1.0, 1.0).area == pytest.approx(
        2 * circle.length, rel=0.01
    )
