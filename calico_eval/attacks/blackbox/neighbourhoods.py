"""Groups of numbers of a frame that a black-box attack changes together.

A random search needs changes that a network notices. For images these are squares of one colour,
because convolutions answer to them. For points there is no such paper. The analogue here is the
points about one place on the ground. A window is a set of positions in a frame's flattened latent
(`Domain.clean[row]`), each with a sign.

Source: Andriushchenko et al., ECCV 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from calico_eval.attacks.search_space.joint import Domain, PixelDomain, PointDomain

SECTOR_DEG = 3.0
"""Width of the azimuth sectors that a start moves as one: the LiDAR's stripes."""

TILES = 8
"""Tiles per height of a view, for attacks that estimate a gradient."""

CELL_M = 2.0
"""Side of the ground cells whose points share a direction, for attacks that estimate a gradient."""


class Windows(Protocol):
    """Windows of one frame, as positions in its flattened latent of D numbers."""

    def draw_start(self, stream: torch.Generator) -> Tensor:
        """Draw a start in a corner of the budget region, in stripes: (D,) of -1, 0 or 1."""
        ...

    def draw_window(self, share: float, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw a random window.

        Args:
            share: Share of the numbers that it holds, about.
            stream: Generator.

        Returns:
            Positions (K,) int64 and their signs (K,), -1 or 1.
        """
        ...

    def number_groups(self) -> Tensor:
        """Return the group of every number, (D,) int64 from 0. A group shares a direction.

        Numbers that only pad the frame are in group 0.
        """
        ...


class ViewWindows:
    """V views of (3, H, W), flattened in this order.

    Smaller views are padded, and the padding is never drawn. A window lies in one view and is drawn
    anew each time, with a sign per colour, because one view seldom depends on another. A window's
    side is sqrt(share H W), as in the paper. If that is more than the height (wide images), the
    window is as high as the view and as wide as its area needs.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], height: int, width: int) -> None:
        """sizes: height and width of each view."""
        self.sizes = sizes
        self._index = torch.arange(len(sizes) * 3 * height * width).reshape(
            len(sizes), 3, height, width
        )

    def __len__(self) -> int:
        return self._index.numel()

    def draw_start(self, stream: torch.Generator) -> Tensor:
        """Draw vertical stripes one pixel wide, with a sign per view, colour and column."""
        stripes = torch.zeros(self._index.shape)
        for view, (height, width) in enumerate(self.sizes):
            stripes[view, :, :height, :width] = _signs((3, 1, width), stream)
        return stripes.reshape(-1)

    def draw_window(self, share: float, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Windows.draw_window`.

        Args:
            share: Share of the numbers that it holds, about.
            stream: Generator.
        """
        view = _integer(len(self.sizes), stream)
        height, width = self.sizes[view]
        area = share * height * width
        high = min(max(round(area**0.5), 1), height, width)
        wide = min(max(round(area / high), 1), width)
        top, left = _integer(height - high + 1, stream), _integer(width - wide + 1, stream)
        index = self._index[view, :, top : top + high, left : left + wide]
        return index.reshape(-1), _signs((3, 1, 1), stream).expand(index.shape).reshape(-1)

    def number_groups(self) -> Tensor:
        """Return square tiles, TILES to a view's height, with a group per view and colour."""
        whole, count = torch.zeros_like(self._index), 0
        for view, (height, width) in enumerate(self.sizes):
            side = max(height // TILES, 1)
            rows, columns = torch.arange(height) // side, torch.arange(width) // side
            tile = rows[:, None] * (int(columns[-1]) + 1) + columns
            tiles = int(tile.max()) + 1
            whole[view, :, :height, :width] = count + torch.arange(3)[:, None, None] * tiles + tile
            count += 3 * tiles
        return whole.reshape(-1)


class PointWindows:
    """N points of C columns (range, or x, y, z; intensity), flattened in this order.

    A window holds the points that are nearest to a random one on the ground, with a sign per
    column. A sign per point was tried and is about as weak as noise: a pillar notices points that
    move together.
    """

    def __init__(self, xy_m: Tensor, slots: int, columns: int) -> None:
        """xy_m: (N, 2) of the real points. The other slots are never drawn."""
        self.xy_m, self.slots, self.columns = xy_m, slots, columns

    def draw_start(self, stream: torch.Generator) -> Tensor:
        """Draw azimuth sectors of SECTOR_DEG, with a sign per sector and column."""
        azimuth = torch.rad2deg(torch.atan2(self.xy_m[:, 1], self.xy_m[:, 0])) + 180.0
        sector = (azimuth / SECTOR_DEG).long()
        signs = _signs((int(360.0 / SECTOR_DEG) + 1, self.columns), stream)
        whole = torch.zeros(self.slots, self.columns)
        whole[: len(sector)] = signs[sector]
        return whole.reshape(-1)

    def draw_window(self, share: float, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Windows.draw_window`.

        Args:
            share: Share of the numbers that it holds, about.
            stream: Generator.
        """
        count = len(self.xy_m)
        if count == 0:
            return torch.zeros(0, dtype=torch.int64), torch.zeros(0)
        wanted = min(max(round(share * count), 1), count)
        middle = self.xy_m[_integer(count, stream)]
        rows = (self.xy_m - middle).norm(dim=1).topk(wanted, largest=False).indices
        index = rows[:, None] * self.columns + torch.arange(self.columns)
        return index.reshape(-1), _signs((1, self.columns), stream).expand(index.shape).reshape(-1)

    def number_groups(self) -> Tensor:
        """Return ground cells of CELL_M, with a group per cell and column."""
        whole = torch.zeros(self.slots, self.columns, dtype=torch.int64)
        if len(self.xy_m):
            cell = torch.unique((self.xy_m / CELL_M).floor().long(), dim=0, return_inverse=True)[1]
            whole[: len(cell)] = cell[:, None] * self.columns + torch.arange(self.columns)
        return whole.reshape(-1)


class JointWindows:
    """Views, then points, as `JointDomain` joins them.

    A window lies in one sensor, either with probability a half, or in the one that has data.
    """

    def __init__(self, views: ViewWindows, points: PointWindows) -> None:
        self.parts: tuple[Windows, Windows] = (views, points)
        self.used = [which for which, size in enumerate((len(views), len(points.xy_m))) if size]
        self.split = len(views)

    def draw_start(self, stream: torch.Generator) -> Tensor:
        """See `Windows.draw_start`."""
        return torch.cat([part.draw_start(stream) for part in self.parts])

    def draw_window(self, share: float, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Windows.draw_window`.

        Args:
            share: Share of the sensor's numbers that it holds, about.
            stream: Generator.
        """
        which = self.used[_integer(len(self.used), stream)]
        index, signs = self.parts[which].draw_window(share, stream)
        return index + which * self.split, signs

    def number_groups(self) -> Tensor:
        """See `Windows.number_groups`."""
        first, second = (part.number_groups() for part in self.parts)
        return torch.cat([first, second + (int(first.max()) + 1 if len(first) else 0)])


def windows_of(domain: Domain) -> Sequence[Windows]:
    """One per frame of the domain."""
    _, views, _, height, width = domain.base.images.shape
    slots = domain.base.points.shape[1]
    result: list[Windows] = []
    for row in range(len(domain.clean)):
        xy_m = domain.base.points[row, domain.base.point_mask[row], :2].cpu()
        pixels = ViewWindows(_view_sizes(domain, row), height, width)
        if isinstance(domain, PixelDomain):
            result.append(pixels)
        elif isinstance(domain, PointDomain):
            result.append(PointWindows(xy_m, slots, domain.clean.shape[3]))
        else:
            columns = (domain.clean[row].numel() - views * 3 * height * width) // slots
            result.append(JointWindows(pixels, PointWindows(xy_m, slots, columns)))
    return result


def _view_sizes(domain: Domain, row: int) -> list[tuple[int, int]]:
    """List height and width of each view of a frame, without the padding of its batch."""
    _, views, _, height, width = domain.base.images.shape
    if domain.own is None or isinstance(domain, PointDomain):
        return [(height, width)] * views
    own = (
        domain.own[row]
        .flatten()[: views * 3 * height * width]
        .reshape(views, 3, height, width)[:, 0]
    )
    return [(int(one.any(dim=1).sum()), int(one.any(dim=0).sum())) for one in own]


def _signs(shape: tuple[int, ...], stream: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=stream) * 2.0 - 1.0


def _integer(below: int, stream: torch.Generator) -> int:
    return int(torch.randint(below, (1,), generator=stream))
