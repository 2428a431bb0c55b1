"""The BEV grid: cells painted and read back."""

from __future__ import annotations

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.geometry.grid import Grid

GRID = Grid(-4.0, 8.0, -3.0, 3.0, 0.5)


def test_a_painted_cell_is_read_back_at_its_place() -> None:
    """Forward (x) is the column, left (y) is the row."""
    canvas = np.zeros(GRID.shape)
    rows, columns, inside = GRID.locate_cells(np.array([[7.9, -2.9]]))
    assert inside.all()
    canvas[rows, columns] = 1
    assert canvas.shape == (12, 24)
    assert np.argwhere(canvas).tolist() == [[0, 23]]
    np.testing.assert_allclose(GRID.cell_centers()[0, 23], [7.75, -2.75])


def test_every_centre_is_in_its_own_cell() -> None:
    rows, columns, inside = GRID.locate_cells(GRID.cell_centers().reshape(-1, 2))
    assert inside.all()
    np.testing.assert_array_equal(rows * 24 + columns, np.arange(12 * 24))


def test_borders_are_half_open() -> None:
    xy = np.array([[-4.0, -3.0], [8.0, 0.0], [0.0, 3.0], [-4.001, 0.0], [0.5, 0.0]])
    rows, columns, inside = GRID.locate_cells(xy)
    assert inside.tolist() == [True, False, False, False, True]
    assert (rows[4], columns[4]) == (6, 9)


def test_coarser_covers_the_same_ground() -> None:
    coarse = GRID.coarsen_by(4)
    assert coarse.shape == (3, 6)
    assert (coarse.x_min_m, coarse.y_max_m) == (GRID.x_min_m, GRID.y_max_m)


def test_inner_radius() -> None:
    assert GRID.inner_radius_m == 3.0


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            (0, 10, 0, 10, 0.3),
            "grid: x from 0 to 10 m is 33.3333 cells of 0.3 m; expected a whole number",
        ),
        ((0, 10, 10, 0, 1), "grid: y from 10 to 0 m is -10 cells of 1 m; expected a whole number"),
        ((0, 10, 0, 10, 0), "grid: x from 0 to 10 m is 0 cells of 0 m; expected a whole number"),
    ],
)
def test_cells_must_fit(grid: tuple[float, ...], message: str) -> None:
    with pytest.raises(CalicoError) as error:
        Grid(*grid)
    assert str(error.value) == message


def test_coarser_must_fit() -> None:
    with pytest.raises(CalicoError, match="expected a whole number"):
        GRID.coarsen_by(5)
