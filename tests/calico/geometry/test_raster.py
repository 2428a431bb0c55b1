"""Rasterised polygons and lines against shapely, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.geometry.grid import Grid
from calico.geometry.raster import draw_lines, fill_polygon

GRID = Grid(-10, 10, -8, 8, 0.5)


def star(rng: np.random.Generator, center: tuple[float, float], reach: float) -> np.ndarray:
    """A simple polygon that is not convex."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, 11))
    radius = rng.uniform(0.3, 1.0, 11) * reach
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None] + center


@pytest.mark.parametrize("seed", range(8))
def test_polygons_with_holes_equal_shapely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    exterior, hole = star(rng, (2.0, -1.0), 14.0), star(rng, (2.0, -1.0), 3.0)
    mask = np.zeros(GRID.shape, np.bool_)
    fill_polygon(mask, GRID, [exterior, hole])
    centers = GRID.cell_centers()
    inside = [
        shapely.contains_xy(shapely.Polygon(ring), centers[..., 0], centers[..., 1])
        for ring in (exterior, hole)
    ]
    np.testing.assert_array_equal(mask, inside[0] != inside[1])
    assert 0 < mask.sum() < mask.size


def test_polygons_add_up_and_closing_the_ring_changes_nothing() -> None:
    square = np.array([[0.0, 0], [3, 0], [3, 3], [0, 3]])
    mask = np.zeros(GRID.shape, np.bool_)
    fill_polygon(mask, GRID, [square])
    fill_polygon(mask, GRID, [np.concatenate([square, square[:1]]) + 1.0])
    assert mask.sum() == (9 + 9 - 4) * 4


def test_polygon_far_outside_marks_nothing() -> None:
    mask = np.zeros(GRID.shape, np.bool_)
    fill_polygon(mask, GRID, [np.array([[100.0, 0], [103, 0], [103, 3]])])
    fill_polygon(mask, GRID, [np.array([[-100.0, 0], [-103, 0], [-103, 3]])])
    assert not mask.any()


@pytest.mark.parametrize("seed", range(4))
def test_lines_are_two_cells_wide(seed: int) -> None:
    ends = np.random.default_rng(seed).uniform(-9, 9, (2, 2))
    mask = np.zeros(GRID.shape, np.bool_)
    draw_lines(mask, GRID, [ends])
    centers = GRID.cell_centers()
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    rel = centers - ends[0]
    forward, across = rel @ along, rel[..., 0] * along[1] - rel[..., 1] * along[0]
    expected = (
        (forward > 0) & (forward < np.linalg.norm(ends[1] - ends[0])) & (abs(across) < GRID.cell_m)
    )
    np.testing.assert_array_equal(mask, expected)


def test_a_bent_line_has_no_gap_and_a_loop_keeps_its_inside_empty() -> None:
    mask = np.zeros(GRID.shape, np.bool_)
    draw_lines(mask, GRID, [np.array([[-5.0, -5], [5, -5], [5, 5], [-5, 5], [-5, -5]])])
    centers = GRID.cell_centers()
    line = shapely.LineString([(-5, -5), (5, -5), (5, 5), (-5, 5), (-5, -5)])
    distance = shapely.distance(line, shapely.points(centers[..., 0], centers[..., 1]))
    assert mask[distance < 0.45].all()
    assert not mask[distance > 0.55].any()
