"""The LiDAR branch: dynamic PointPillars, without a cap on points or pillars.

There are two ways in with one set of weights. `forward` takes points (training, torch and ONNX
Runtime: scatter with a maximum). `from_rows` takes points that the host grouped by pillar
(`calico.export.pillars`, for TensorRT: no scatter with a reduction).

Source:
    PointPillars (Lang et al., CVPR 2019), dynamic (Zhou et al., CoRL 2019). Deviations: the
    feature net reads x, y, z, intensity, dt, the offset to the pillar's mean point (3) and to its
    centre (2). The stem, a 3x3 convolution of stride `bev.strides[0]`, belongs to this branch, so
    that its output lies on the camera's grid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from calico.geometry.grid import Grid
from calico.models.layers import conv_block, full_precision

POINT_FEATURES = 10
MAX_ROWS_PER_PILLAR = 256
"""How many rows of grouped points `from_rows` joins to one pillar."""


class PillarEncoder(nn.Module):
    """Turns points into BEV features (B, C, Y / stride, X / stride).

    Args:
        grid: Pillar grid.
        z_range_m: Lowest and highest z. Points outside are left out [m].
        channels: C.
        stride: Stride of the stem.
    """

    def __init__(
        self, grid: Grid, z_range_m: tuple[float, float], channels: int, stride: int
    ) -> None:
        super().__init__()
        self.grid, self.z_range_m, self.channels = grid, z_range_m, channels
        self.linear = nn.Linear(POINT_FEATURES, channels, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.stem = conv_block(channels, channels, 3, stride)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Encode points.

        Their order and padding do not matter.

        Args:
            points: (B, N, 5) points.
            mask: (B, N) bool, True for slots that hold a point.

        Returns:
            (B, C, Y / stride, X / stride) features.
        """
        stem: Tensor = self.stem(self.canvas(points, mask))
        return stem

    def canvas(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return the (B, C, Y, X) pillar features, zero in empty pillars.

        Args:
            points: (B, N, 5) points.
            mask: (B, N) bool, True for slots that hold a point.
        """
        rows, columns = self.grid.shape
        batch, cells = points.shape[0], rows * columns
        points, cell = self._flat(points, mask)
        if self.training:
            real = cell % (cells + 1) < cells
            points, cell = points[real], cell[real]
        features = self._features(points, cell, batch)
        empty = features.new_zeros(batch * (cells + 1), self.channels)
        best = empty.scatter_reduce(0, cell[:, None].expand_as(features), features, "amax")
        best = best.reshape(batch, cells + 1, self.channels)[:, :cells]
        return best.reshape(batch, rows, columns, self.channels).permute(0, 3, 1, 2)

    def point_features(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return the (B, N, C) features of points.

        Their maximum over a pillar is the pillar's.

        Features of points outside every pillar mean nothing.

        Args:
            points: (B, N, 5) points.
            mask: (B, N) bool, True for slots that hold a point.
        """
        flat, cell = self._flat(points, mask)
        return self._features(flat, cell, len(points)).reshape(*points.shape[:2], self.channels)

    def features_in(self, points: Tensor, mask: Tensor, chosen: Tensor, cell: Tensor) -> Tensor:
        """Return the (K, C) features that points would have as members of another pillar.

        Each point is moved alone, from where it is.

        Args:
            points: (B, N, 5) points.
            mask: (B, N) bool, True for slots that hold a point.
            chosen: (K,) indices into the B * N points.
            cell: (K,) the other pillar, row * X + column, or the trash cell.
        """
        flat, own = self._flat(points, mask)
        frame = torch.div(chosen, points.shape[1], rounding_mode="floor")
        cells = self.grid.shape[0] * self.grid.shape[1] + 1
        totals = self._totals(flat[:, :3] - self.centers(own % cells), own, len(points))[
            frame * cells + cell
        ]
        offset = flat[chosen, :3] - self.centers(cell)
        total = totals + F.pad(offset, (0, 1), value=1.0)
        return self._point_net(flat[chosen], offset, offset - total[:, :3] / total[:, 3:])

    def from_rows(self, points: Tensor, count: Tensor, cell: Tensor, mean: Tensor) -> Tensor:
        """Encode points that are grouped into rows of at most T points of one pillar.

        `calico.export.pillars` makes the rows, and the features equal those of `forward`. A pillar
        of more points takes several rows, one after the other. Its maximum is taken over them by
        doubling steps.

        Args:
            points: (B, P, T, 5) points, zeros in unused slots.
            count: (B, P) int64 used slots of each row, or 0 in unused rows.
            cell: (B, P) int64, row * X + column of the row's pillar, rising, or Y * X + p in unused
                row p.
            mean: (B, P, 3) mean of all the pillar's points minus its centre [m].
        """
        rows, columns = self.grid.shape
        batch, buffers, slots, _ = points.shape
        used = torch.arange(slots, device=points.device) < count[..., None]
        offset = points[..., :3] - self.centers(cell)[:, :, None]
        hidden = self._point_net(
            points.reshape(-1, 5), offset.reshape(-1, 3), (offset - mean[:, :, None]).reshape(-1, 3)
        )
        best = (hidden.reshape(batch, buffers, slots, self.channels) * used[..., None]).amax(2)
        step = 1
        while step < min(MAX_ROWS_PER_PILLAR, buffers):
            same = (cell[:, step:] == cell[:, :-step])[..., None]
            best = torch.cat(
                [torch.maximum(best[:, :-step], best[:, step:] * same), best[:, -step:]], dim=1
            )
            step *= 2
        first = torch.cat(
            [torch.ones_like(cell[:, :1], dtype=torch.bool), cell[:, 1:] != cell[:, :-1]], dim=1
        )
        spare = rows * columns + torch.arange(buffers, device=points.device)
        size = rows * columns + buffers
        flat = (
            torch.where(first, cell, spare)
            + size * torch.arange(batch, device=points.device)[:, None]
        )
        empty = points.new_zeros(batch * size, self.channels)
        canvas = empty.index_put((flat.reshape(-1),), best.reshape(-1, self.channels))
        canvas = canvas.reshape(batch, size, self.channels)[:, : rows * columns]
        stem: Tensor = self.stem(
            canvas.transpose(1, 2).reshape(batch, self.channels, rows, columns)
        )
        return stem

    def cells(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return the (B, N) int64 cell of each point, row * X + column.

        Points that are masked or off the grid get Y * X, the trash cell.

        Args:
            points: (B, N, 5) points.
            mask: (B, N) bool, True for slots that hold a point.
        """
        rows, columns = self.grid.shape
        ix = torch.floor((points[..., 0] - self.grid.x_min_m) / self.grid.cell_m)
        iy = torch.floor((points[..., 1] - self.grid.y_min_m) / self.grid.cell_m)
        low, high = self.z_range_m
        inside = (ix >= 0) & (ix < columns) & (iy >= 0) & (iy < rows)
        inside = inside & (points[..., 2] >= low) & (points[..., 2] < high) & mask
        return torch.where(inside, iy * columns + ix, float(rows * columns)).long()

    def centers(self, cell: Tensor) -> Tensor:
        """Return the (..., 3) x, y of the centres of cells and the middle of the z range [m]."""
        columns = self.grid.shape[1]
        x = self.grid.x_min_m + ((cell % columns).float() + 0.5) * self.grid.cell_m
        y = (
            self.grid.y_min_m
            + (torch.div(cell, columns, rounding_mode="floor").float() + 0.5) * self.grid.cell_m
        )
        return torch.stack([x, y, torch.full_like(x, sum(self.z_range_m) / 2)], dim=-1)

    def _flat(self, points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the points of all frames (B * N, 5) and their cells.

        Every frame has cells of its own, including a trash cell.
        """
        rows, columns = self.grid.shape
        first = (rows * columns + 1) * torch.arange(len(points), device=points.device)[:, None]
        return points.reshape(-1, 5), (self.cells(points, mask) + first).reshape(-1)

    def _features(self, points: Tensor, cell: Tensor, batch: int) -> Tensor:
        offset = points[:, :3] - self.centers(cell % (self.grid.shape[0] * self.grid.shape[1] + 1))
        total = self._totals(offset, cell, batch)[cell]
        return self._point_net(points, offset, offset - total[:, :3] / total[:, 3:])

    def _totals(self, offset: Tensor, cell: Tensor, batch: int) -> Tensor:
        """Sum the offsets from the pillar's centre and count the points of every pillar.

        Args:
            offset: (B * N, 3) offsets [m].
            cell: (B * N,) cells.
            batch: B.

        Returns:
            (B * (Y * X + 1), 4) sums and counts.
        """
        cells = self.grid.shape[0] * self.grid.shape[1] + 1
        return offset.new_zeros(batch * cells, 4).index_add(
            0, cell, F.pad(offset, (0, 1), value=1.0)
        )

    def _point_net(self, points: Tensor, from_center: Tensor, from_mean: Tensor) -> Tensor:
        with full_precision(points):
            hidden = self.linear(torch.cat([points, from_mean, from_center[:, :2]], dim=1))
        statistics = self.training and len(hidden) > 1
        normed = F.batch_norm(
            hidden,
            self.norm.running_mean,
            self.norm.running_var,
            self.norm.weight,
            self.norm.bias,
            statistics,
            self.norm.momentum or 0.0,
            self.norm.eps,
        )
        return F.relu(normed)
