"""A bird's-eye-view grid, which ties metres to rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Bool, Float64, Int64

MAX_CELLS = 1_000_000
"""Along each side; more are no grid that fits into memory."""


@dataclass(frozen=True)
class Grid:
    """A rectangle of square cells in the xy plane of the LiDAR frame.

    Arrays on it have the shape (..., Y, X). Row iy covers y_min_m + [iy, iy + 1) * cell_m, and
    column ix covers the same along x.

    Attributes:
        x_min_m: Lower border along x [m].
        x_max_m: Upper border along x [m].
        y_min_m: Lower border along y [m].
        y_max_m: Upper border along y [m].
        cell_m: Side of a cell [m].

    Raises:
        CalicoError: A side is not a whole number of cells.
    """

    x_min_m: float
    x_max_m: float
    y_min_m: float
    y_max_m: float
    cell_m: float

    def __post_init__(self) -> None:
        for axis, low, high in (
            ("x", self.x_min_m, self.x_max_m),
            ("y", self.y_min_m, self.y_max_m),
        ):
            cells = (high - low) / self.cell_m if self.cell_m > 0 else 0.0
            if not 1 <= cells <= MAX_CELLS or abs(cells - round(cells)) > 1e-6:
                raise CalicoError(
                    f"grid: {axis} from {low} to {high} m is {cells:g} cells of {self.cell_m} m; "
                    f"expected a whole number"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns (Y, X)."""
        return (
            round((self.y_max_m - self.y_min_m) / self.cell_m),
            round((self.x_max_m - self.x_min_m) / self.cell_m),
        )

    @property
    def inner_radius_m(self) -> float:
        """Radius of the largest circle about the sensor that lies on the grid."""
        return min(-self.x_min_m, self.x_max_m, -self.y_min_m, self.y_max_m)

    def coarsen_by(self, factor: int) -> Grid:
        """Return the same rectangle with cells that are `factor` times as large."""
        return Grid(self.x_min_m, self.x_max_m, self.y_min_m, self.y_max_m, self.cell_m * factor)

    def cell_centers(self) -> Float64:
        """Return the (Y, X, 2) x and y of every cell's centre [m]."""
        rows, columns = self.shape
        x = self.x_min_m + (np.arange(columns) + 0.5) * self.cell_m
        y = self.y_min_m + (np.arange(rows) + 0.5) * self.cell_m
        return np.stack(np.meshgrid(x, y), axis=-1)

    def locate_cells(self, xy: npt.NDArray[np.floating]) -> tuple[Int64, Int64, Bool]:
        """Find the cells of points.

        Args:
            xy: (N, 2) points [m].

        Returns:
            (N,) rows, (N,) columns and an (N,) mask of the points on the grid. Rows and columns of
            the other points mean nothing.
        """
        ix = np.floor((xy[:, 0] - self.x_min_m) / self.cell_m)
        iy = np.floor((xy[:, 1] - self.y_min_m) / self.cell_m)
        rows, columns = self.shape
        inside = (ix >= 0) & (ix < columns) & (iy >= 0) & (iy < rows)
        return iy.astype(np.int64), ix.astype(np.int64), inside
