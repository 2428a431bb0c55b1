"""What single points are worth to a loss of which only gradients and values are known.

The loss of a model may jump where a point appears or vanishes, and the gradient of its coordinates
does not see the jump. Two ways are offered:

* **Point weights.** A model that says `weighs_points = True` multiplies what it makes of each point
  by `batch.point_mask`, which then comes as float weights. The derivative at weight 1 is what a
  point loses by vanishing, at weight 0 what it gains by appearing, both to first order.
* **Positions.** For any other model, a point that vanishes is treated as a point that moves onto
  its
  nearest neighbour: a network that takes maxima over points hardly notices a duplicate. The second
  order of removal is the mean length of the gradient over a small cell (Zheng et al., ICCV 2019,
  rank points by gradients as well. Their shift to the centre of the one object of a classifier has
  no counterpart in a scene). Candidates that appear are measured: groups of them are added in turn,
  and the gain of a group is shared by its members.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from calico.data.batch import Batch

CELL_M = 0.5
"""Size of the cells in which points are ranked together, and of which one candidate is taken."""
GROUPS = 8
"""Groups of candidates that are measured in turn."""
CELLS_PER_AXIS = 1 << 15
"""Cells along each axis that have a number of their own: 8 km about the sensor."""


class MeasuredPoints:
    """Values of one cloud's points (see `calico_eval.engines.white_box.PointValues`).

    Args:
        loss_of: Batch of one frame -> (1,), differentiable.
        batch: That frame.
        weighted: Whether the model multiplies by `batch.point_mask`.
    """

    def __init__(self, loss_of: Callable[[Batch], Tensor], batch: Batch, *, weighted: bool) -> None:
        self._loss_of, self._batch, self._weighted = loss_of, batch, weighted
        self.forwards = self.backwards = self.bad_gradients = 0
        self.dead_gradient = False
        self.loss, self._gradient = (
            self._weigh(batch.points[0], batch.point_mask[0].to(batch.points))
            if weighted
            else self._move()
        )

    def rate_removals(self) -> tuple[Tensor, ...]:
        """Estimate what the loss gains when points vanish.

        Returns:
            (N,) when that point alone vanishes, and (N,) when its cell vanishes, per point of it.
        """
        points = self._batch.points[0]
        _, cell = torch.unique(find_cells(points), return_inverse=True)
        if self._weighted:
            alone = -self._gradient
            shared = alone
        else:
            onto = points[_nearest(points[:, :3]), :3] - points[:, :3]
            alone = (self._gradient[:, :3] * onto).sum(dim=1)
            shared = self._gradient[:, :3].norm(dim=1)
        total = shared.new_zeros(int(cell.max()) + 1).index_add(0, cell, shared)
        return alone, (total / torch.bincount(cell))[cell]

    def rate_additions(self, added: Tensor, count: int) -> Tensor:
        """Estimate what the loss gains when points appear.

        Args:
            added: (K, 5) candidates.
            count: Number of candidates that will be taken: the size of the groups that are
                measured where the model has no point weights.

        Returns:
            (K,) gains, or minus infinity for candidates that were not measured.
        """
        points = torch.cat([self._batch.points[0], added])
        if self._weighted:
            weights = torch.cat([self._batch.point_mask[0].to(points), added.new_zeros(len(added))])
            return self._weigh(points, weights)[1][-len(added) :]
        gain = added.new_full((len(added),), -torch.inf)
        for start in range(0, min(len(added), GROUPS * count), count):
            some = slice(start, start + count)
            kept = self._batch.points[0][self._batch.point_mask[0]]
            batch = _with_cloud(self._batch, torch.cat([kept, added[some]]))
            self.forwards += 1
            with torch.no_grad():
                rise = float(self._loss_of(batch)[0]) - self.loss
            gain[some] = rise / len(added[some])
        return gain

    def _move(self) -> tuple[float, Tensor]:
        """The loss, and its gradient (N, 5) on the points."""
        leaf = self._batch.points.detach().clone().requires_grad_(True)
        value = self._loss_of(replace(self._batch, points=leaf))[0]
        return self._derive(value, leaf)

    def _weigh(self, points: Tensor, weights: Tensor) -> tuple[float, Tensor]:
        """The loss of weighted points (N, 5), and its gradient (N,) on the weights."""
        leaf = weights.detach().clone()[None].requires_grad_(True)
        value = self._loss_of(replace(self._batch, points=points[None], point_mask=leaf))[0]
        return self._derive(value, leaf)

    def _derive(self, value: Tensor, leaf: Tensor) -> tuple[float, Tensor]:
        """The loss, and its gradient on the only frame of the leaf."""
        self.forwards, self.backwards = self.forwards + 1, self.backwards + 1
        (raw,) = (
            torch.autograd.grad(value, leaf, allow_unused=True) if value.requires_grad else (None,)
        )
        raw = torch.zeros_like(leaf) if raw is None else raw
        self.bad_gradients += int((~torch.isfinite(raw)).sum())
        gradient = torch.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0).detach()
        self.dead_gradient |= not bool(gradient.any())
        return float(value.detach()), gradient[0]


def find_cells(points: Tensor) -> Tensor:
    """Find the square on the ground, CELL_M wide, that each point falls into.

    Args:
        points: (K, 5) points [m].

    Returns:
        (K,) int64 numbers.
    """
    place = (points[:, :2] / CELL_M).floor().long() + CELLS_PER_AXIS // 2
    row, column = place.clamp(0, CELLS_PER_AXIS - 1).unbind(dim=1)
    return row * CELLS_PER_AXIS + column


def _nearest(xyz: Tensor) -> Tensor:
    """Index (N,) of the nearest other point; its own for a single point."""
    places = xyz.detach().cpu().double().numpy()
    if len(places) < 2:
        return torch.zeros(len(places), dtype=torch.long, device=xyz.device)
    _, index = cKDTree(places).query(places, k=2)
    found = torch.from_numpy(index).to(xyz.device)
    own = torch.arange(len(found), device=xyz.device)
    return torch.where(found[:, 0] == own, found[:, 1], found[:, 0])


def _with_cloud(batch: Batch, points: Tensor) -> Batch:
    """Put another cloud (N, 5) into a batch of one frame."""
    mask = torch.ones(1, len(points), dtype=torch.bool, device=points.device)
    return replace(batch, points=points[None], point_mask=mask)
