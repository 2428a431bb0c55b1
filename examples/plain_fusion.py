"""A camera-LiDAR network in plain torch, which CALICO evaluates and attacks.

    calico robust examples.plain_fusion:create --preset tiny --attack pgd,noise ...

The network detects cars and pedestrians within 25 m and imports nothing of CALICO. It is small
enough to train on a laptop's CPU in minutes (`examples/train_plain_fusion.py`) and not meant to be
good. `PlainFusion.loss` is all that gradient attacks ask for; docs/guides/attack.md says what a
batch holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).with_suffix(".safetensors")
CLASSES = (0, 5)  # rows of the class list: car, pedestrian
CELLS, CELL_M = 64, 0.8  # the bird's-eye-view grid: 64 x 64 cells about the sensor
REACH_M = CELLS * CELL_M / 2
HEIGHTS_M = (-1.3, -0.5)  # where image features are looked up above each cell
NEAR_M = 1.6  # cells this close to an object's centre are its own
LOWEST_SCORE, MOST_BOXES = 0.1, 60


class Network(nn.Module):
    """Points and images to one bird's-eye view, then heat maps and boxes.

    Row r and column c of a map are the cell about y = (r + 0.5) CELL_M - REACH_M and
    x = (c + 0.5) CELL_M - REACH_M.
    """

    centers: Tensor

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.width = width
        line = (torch.arange(CELLS) + 0.5) * CELL_M - REACH_M
        y, x = torch.meshgrid(line, line, indexing="ij")
        self.register_buffer("centers", torch.stack([x, y], dim=-1))  # (Y, X, 2)
        self.point = nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, width))
        self.image = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        hidden = 2 * width
        self.bev = nn.ModuleList(
            nn.Conv2d(2 * width + 1 if first else hidden, hidden, 3, padding=d, dilation=d)
            for first, d in ((True, 1), (False, 1), (False, 2), (False, 4))
        )
        self.heat = nn.Conv2d(hidden, len(CLASSES), 1)
        self.box = nn.Conv2d(hidden, 8, 1)
        nn.init.constant_(self.heat.bias, -3.0)

    def forward(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Compute logits (B, 2, Y, X) and boxes (B, 8, Y, X).

        A box is the offset of its centre from the cell's, its height, the logarithms of length,
        width and height, and sine and cosine of its heading.
        """
        maps = torch.cat([self.look_at_points(batch), self.look_at_images(batch)], dim=1)
        for number, layer in enumerate(self.bev):
            out = F.relu(layer(maps))
            maps = out if number == 0 else maps + out
        return self.heat(maps), self.box(maps)

    def look_at_points(self, batch: Any) -> Tensor:
        """(B, width + 1, Y, X) the mean of point features in each cell, and log(1 + number)."""
        points = batch.points
        weight = batch.point_mask.to(points.dtype)  # 1 for a point, 0 for an empty slot
        column, row = ((points[..., :2] + REACH_M) / CELL_M).detach().floor().long().unbind(-1)
        inside = (column >= 0) & (column < CELLS) & (row >= 0) & (row < CELLS)
        weight = weight * inside
        cell = (row * CELLS + column).clamp(0, CELLS * CELLS - 1)
        from_center = points[..., :2] - self.centers.reshape(-1, 2)[cell]
        described = torch.cat(
            [from_center, points[..., 2:4], points[..., :2].norm(dim=-1, keepdim=True) / REACH_M],
            dim=-1,
        )
        features = torch.cat([self.point(described), torch.ones_like(weight)[..., None]], dim=-1)
        features = features * weight[..., None]
        frame = torch.arange(len(points), device=points.device)[:, None] * CELLS * CELLS
        total = points.new_zeros(len(points) * CELLS * CELLS, self.width + 1).index_add(
            0, (cell + frame).flatten(), features.flatten(0, 1)
        )
        count = total[:, -1:]
        maps = torch.cat([total[:, :-1] / (count + 1.0), count.clamp_min(0.0).log1p()], dim=1)
        return maps.reshape(len(points), CELLS, CELLS, -1).permute(0, 3, 1, 2)

    def look_at_images(self, batch: Any) -> Tensor:
        """(B, width, Y, X) image features at each cell, the mean over the views that see it."""
        frames, views, _, height, width = batch.images.shape
        pixels = batch.images.flatten(0, 1)  # the raw size: budgets are in its grey levels
        features = self.image((pixels - 0.5) / 0.25)
        places = torch.stack(
            [
                torch.cat([self.centers, torch.full_like(self.centers[..., :1], z)], dim=-1)
                for z in HEIGHTS_M
            ]
        ).reshape(-1, 3)
        places = torch.cat([places, torch.ones_like(places[:, :1])], dim=1)
        at = batch.image_from_lidar.flatten(0, 1).to(places) @ places.T  # (B V, 4, P)
        depth = at[:, 2].clamp_min(0.1)
        u, v = at[:, 0] / depth, at[:, 1] / depth
        seen = (at[:, 2] > 0.5) & (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
        grid = torch.stack([(u + 0.5) / width, (v + 0.5) / height], dim=-1) * 2.0 - 1.0
        found = F.grid_sample(features, grid[:, :, None].clamp(-2, 2), align_corners=False)[..., 0]
        found = (found * seen[:, None]).reshape(frames, views, self.width, -1).sum(dim=1)
        times = seen.reshape(frames, views, 1, -1).sum(dim=1)
        mean = found.reshape(frames, self.width, len(HEIGHTS_M), -1).sum(dim=2) / times.reshape(
            frames, 1, len(HEIGHTS_M), -1
        ).sum(dim=2).clamp_min(1)
        return mean.reshape(frames, self.width, CELLS, CELLS)


class PlainFusion:
    """The object that CALICO runs: `predict` for scores, `loss` for gradient attacks."""

    name = "plain_fusion"
    sensors = ("camera", "lidar")
    weighs_points = True  # `look_at_points` multiplies by point_mask, so weights are welcome

    def __init__(self, net: Network) -> None:
        self.net = net.eval()

    def predict(self, frames: Sequence[Any]) -> list[dict[str, np.ndarray]]:
        """Return one mapping per frame: boxes (M, 9), scores (M,), labels (M,)."""
        with torch.no_grad():
            return [self._detect(frame) for frame in frames]

    def loss(self, batch: Any) -> Tensor:
        """Compute (B,) numbers, larger where the network does worse.

        Each object costs the highest logit of its class near it, softened so that a hidden object
        needs no more effort; the mean over all cells stands for false alarms.
        """
        logits, _ = self.net(batch)
        values = []
        for row, (boxes, labels) in enumerate(zip(batch.boxes, batch.labels, strict=True)):
            value = F.softplus(logits[row]).mean()
            for channel, label in enumerate(CLASSES):
                xy = boxes[labels == label, :2]
                xy = xy[xy.abs().amax(dim=1) < REACH_M - CELL_M] if len(xy) else xy
                if len(xy):
                    gaps = (self.net.centers[None] - xy[:, None, None]).norm(dim=-1)
                    near = torch.where(gaps <= NEAR_M, logits[row, channel], -torch.inf)
                    value = value - F.softplus(near.flatten(1).amax(dim=1)).sum()
            values.append(value)
        return torch.stack(values)

    def _detect(self, frame: Any) -> dict[str, np.ndarray]:
        images = torch.from_numpy(np.stack(frame.images)).permute(0, 3, 1, 2).float() / 255.0
        points = torch.from_numpy(np.asarray(frame.points, np.float32))
        logits, boxes = self.net(
            SimpleNamespace(
                images=images[None],
                points=points[None],
                point_mask=torch.ones(1, len(points), dtype=torch.bool),
                image_from_lidar=torch.from_numpy(frame.image_from_lidar).float()[None],
            )
        )
        peak = F.max_pool2d(logits, 3, stride=1, padding=1) == logits
        scores = torch.where(peak, logits.sigmoid(), 0.0)[0].flatten()
        score, index = scores.topk(MOST_BOXES)
        score, index = score[score >= LOWEST_SCORE], index[score >= LOWEST_SCORE]
        channel, cell = index // (CELLS * CELLS), index % (CELLS * CELLS)
        values = boxes[0].flatten(1)[:, cell]
        xy = self.net.centers.reshape(-1, 2)[cell].T + values[:2]
        yaw = torch.atan2(values[6], values[7])
        still = torch.zeros(2, len(cell))
        columns = [xy, values[2:3], values[3:6].clamp(-3, 3).exp(), yaw[None], still]
        return {
            "boxes": torch.cat(columns).T.numpy(),
            "scores": score.numpy(),
            "labels": np.array(CLASSES)[channel.numpy()],
        }


def create() -> PlainFusion:
    """Build the network with the committed weights: the factory that CALICO calls."""
    net = Network()
    weights = load_file(WEIGHTS)
    net.load_state_dict({name: value.float() for name, value in weights.items()})
    return PlainFusion(net)
