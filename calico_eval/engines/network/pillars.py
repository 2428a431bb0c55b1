"""Rate single points for an objective of our network from the gradient on its pillars.

A point that vanishes or appears changes its pillar by a jump, which the gradient of its coordinates
does not see. The pillar encoder takes a maximum over the points of a pillar, so the jump of the
pillar's features is known exactly at no cost: a point that vanishes leaves the second largest
value, and a point that appears brings its own features. The gradient on the pillar features tells
what a jump does to the objective. The features of a pillar's other points hold their offset from
the pillar's mean point, whose shift is left out. In pillars of two or three points the shift is not
small, so the attacks measure what they did.

This replaces the saliency of Zheng et al. (ICCV 2019). That is the gradient on a point's distance
from the centre of its object, which stands for the loss of a point in networks that pool over the
whole object.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calico.data.batch import Batch
from calico.models.pillars import PillarEncoder
from calico_eval.engines.network.straight_through import two_largest


class Pillars:
    """Values of one cloud's points (see `calico_eval.engines.white_box.PointValues`).

    Args:
        encoder: Pillar encoder of the network.
        batch: Batch of one frame.
        loss: Objective on that frame.
        raw: (1, C, Y, X) gradient of the objective on the pillar features.

    Attributes:
        gradient: (Y * X, C) the same without entries that are not finite.
    """

    def __init__(self, encoder: PillarEncoder, batch: Batch, loss: float, raw: Tensor) -> None:
        self.encoder, self.batch, self.loss = encoder, batch, loss
        self.forwards, self.backwards = 1, 1
        self.bad_gradients = int((~torch.isfinite(raw)).sum())
        clean = torch.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0).detach()
        self.dead_gradient = not bool(clean.any())
        self.gradient = clean[0].flatten(1).T

    def rate_removals(self) -> tuple[Tensor, Tensor]:
        """Estimate what the objective gains when points vanish, to first order in the pillars.

        Returns:
            (N,) gain when that point alone vanishes, and (N,) gain when its whole pillar vanishes,
            per point of the pillar.
        """
        points, mask = self.batch.points, self.batch.point_mask
        with torch.no_grad():
            features = self.encoder.point_features(points, mask)[0]
            cell = self.encoder.cells(points, mask)[0]
            best, second = two_largest(features, cell, len(self.gradient) + 1)
            gradient = self._padded()[cell]
            without = torch.where(features >= best[cell], second[cell], best[cell])
            alone = ((without - best[cell]) * gradient).sum(dim=1)
            count = torch.bincount(cell, minlength=len(best))[cell]
            together = -(best[cell] * gradient).sum(dim=1) / count
        return alone, together

    def rate_additions(self, added: Tensor, count: int) -> Tensor:
        """Estimate what the objective gains when one point alone appears.

        Args:
            added: (K, 5) candidates, at most one per pillar: of several, the offset from the
                pillar's mean point would be that of all together.
            count: Number of candidates that will be taken (not used).

        Returns:
            (K,) gains, or minus infinity off the grid.
        """
        points = torch.cat([self.batch.points, added[None]], dim=1)
        mask = torch.cat(
            [
                self.batch.point_mask,
                torch.ones(1, len(added), dtype=torch.bool, device=added.device),
            ],
            dim=1,
        )
        old = len(self.batch.points[0])
        with torch.no_grad():
            features = self.encoder.point_features(points, mask)[0]
            cell = self.encoder.cells(points, mask)[0]
            best, _ = two_largest(features[:old], cell[:old], len(self.gradient) + 1)
            rise = (features[old:] - best[cell[old:]]).clamp_min(0.0)
            gain = (rise * self._padded()[cell[old:]]).sum(dim=1)
        return gain.masked_fill(cell[old:] == len(self.gradient), -torch.inf)

    def _padded(self) -> Tensor:
        return torch.cat([self.gradient, self.gradient.new_zeros(1, self.gradient.shape[1])])
