"""Parts of our network that sanity checks look at: branches, peaks, passes, a deliberate fault."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from calico.data.batch import Batch, collate_frames
from calico.frame import Frame
from calico.models.calico import CalicoModel, Outputs
from calico.models.heads.center import TaskOutput
from calico_eval.engines.network.forward import AttackForward, white_box
from calico_eval.engines.network.objectives.detection import own_logits
from calico_eval.engines.network.objectives.scene import Scene
from calico_eval.engines.network.objectives.table import OBJECTIVES
from calico_eval.engines.white_box import WhiteBoxEngine
from calico_eval.metrics.detected_objects import KAPPA, SCORE

OBJECTS = 8
"""Objects per frame whose own gradient is looked at."""
SLOPE, KNEE = 0.1, 0.5
"""Share of the fall that is spread over all places, and the place from which on the rest comes."""


@dataclass(frozen=True)
class NetworkInside:
    """See `calico_eval.engines.white_box.Inside`.

    Attributes:
        model: The network in evaluation mode.
        device: Where it runs.
        with_model: Makes an engine like the network's own with another network.
    """

    model: CalicoModel
    device: torch.device
    with_model: Callable[[CalicoModel], WhiteBoxEngine]

    def find_dead_branches(self, frame: Frame, objective: str) -> list[str]:
        """Name BEV features that get no gradient: "camera features", "lidar features".

        Args:
            frame: Clean frame with its ground truth.
            objective: Key of `OBJECTIVES`.

        Returns:
            The names, empty where every branch gets a gradient.
        """
        batch, model = self._batch([frame]), self.model
        with white_box(self):
            with torch.no_grad():
                branches = {
                    "camera": model.camera_bev(batch) if model.camera is not None else None,
                    "lidar": model.lidar_bev(batch) if model.lidar is not None else None,
                }
            leaves = {
                name: value.requires_grad_(True)
                for name, value in branches.items()
                if value is not None
            }
            fused = model.fuse_branches(leaves.get("camera"), leaves.get("lidar"))
            outputs = model.run_heads(model.run_trunk(fused))
            loss = OBJECTIVES[objective].loss(Scene(model, batch), outputs).sum()
            found = (
                torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
                if loss.requires_grad
                else [None] * 2
            )
        return [
            f"{name} features"
            for name, gradient in zip(leaves, found, strict=False)
            if gradient is None or not gradient.any()
        ]

    def count_dead_peaks(self, frame: Frame) -> tuple[int, int]:
        """Count objects without a gradient among the first OBJECTS that are found.

        The highest logit of each object that is found must feel an input. A saturated activation
        shows here: the objective that hides objects sees these logits only.

        Args:
            frame: Clean frame.

        Returns:
            (objects without a gradient, objects looked at).
        """
        if self.model.config.model.detection is None:
            return 0, 0
        batch = self._batch([frame])
        images, points = batch.images.requires_grad_(True), batch.points.requires_grad_(True)
        with white_box(self):
            batch = replace(batch, images=images, points=points)
            peaks = own_logits(Scene(self.model, batch), self.model(batch)).amax(dim=1)
            chosen = peaks[torch.sigmoid(peaks.detach()) >= SCORE][:OBJECTS]
            dead = 0
            for peak in chosen:
                found = (
                    torch.autograd.grad(
                        peak, [images, points], retain_graph=True, allow_unused=True
                    )
                    if peak.requires_grad
                    else ()
                )
                dead += not any(
                    bool((torch.isfinite(g) & (g != 0)).any()) for g in found if g is not None
                )
        return dead, len(chosen)

    def compare_forwards(self, frame: Frame) -> float:
        """Measure the largest difference of a logit between the model and `AttackForward`."""
        batch = self._batch([frame])
        present = (("camera", self.model.camera), ("lidar", self.model.lidar))
        sensors = tuple(sensor for sensor, branch in present if branch is not None)
        with white_box(self), torch.no_grad():
            plain = self.model(batch)
            return max(
                _difference(
                    plain,
                    AttackForward(self.model, batch, attacked, map=True, crossing_m=1.0)(batch),
                )
                for attacked in {(sensor,) for sensor in sensors} | {sensors}
            )

    def compare_passes(self, frames: Sequence[Frame]) -> tuple[float, float]:
        """Run two passes on the same batch: (largest difference of a logit, largest logit)."""
        batch = self._batch(frames)
        with white_box(self), torch.no_grad():
            first, second = self.model(batch), self.model(batch)
        return _difference(first, second), _largest(first)

    def find_smooth(self, points: Tensor) -> Tensor:
        """Find x, y, z of points further than 1 mm from a border, where the network jumps.

        Args:
            points: (B, N, 5) points.

        Returns:
            Mask of the same shape. The borders are those of the pillar and of the z range.
        """
        free = torch.zeros_like(points, dtype=torch.bool)
        if self.model.lidar is None:
            return free
        grid, (low, high) = self.model.lidar.grid, self.model.lidar.z_range_m
        inner = ((points[..., 2] - low).abs() > 1e-3) & ((points[..., 2] - high).abs() > 1e-3)
        for axis, start in ((0, grid.x_min_m), (1, grid.y_min_m)):
            place = (points[..., axis] - start) % grid.cell_m
            inner &= (place > 1e-3) & (place < grid.cell_m - 1e-3)
        free[..., :3] = inner[..., None]
        return free

    def plant_fault(self, frame: Frame, changed: Sequence[Frame]) -> WhiteBoxEngine | None:
        """Build a copy of the model that loses its objects on the first changed frame.

        In the BEV features, w is the shortest direction along which the first changed frame lies at
        1 and the clean frame and the other changed frames at 0. The heat maps of the copy fall
        slowly with the place along w up to one half and then steeply, until at the first changed
        frame nothing is found any more. Other changes do next to nothing.

        Args:
            frame: Clean frame.
            changed: Frames within a budget. The first triggers the fault.

        Returns:
            The faulty engine, or None for a model without a detection head.
        """
        if self.model.center is None:
            return None
        model = copy.deepcopy(self.model)
        with white_box(self), torch.no_grad():
            clean = self.model(self._batch([frame]))
            shifts = (
                torch.stack([self.model(self._batch([one])).bev - clean.bev for one in changed])
                .flatten(1)
                .double()
            )
            wanted = torch.zeros(len(shifts), dtype=torch.float64, device=shifts.device)
            wanted[0] = 1.0
            w = torch.linalg.pinv(shifts) @ wanted
            peak = max(float(task.heatmap.max()) for task in clean.tasks)
        w_map = w.to(clean.bev.dtype).reshape(clean.bev.shape)
        model.center = FaultyHead(  # type: ignore[assignment]
            self.model.center, clean.bev, w_map, max(peak, 0.0) + 2 * KAPPA
        )
        return self.with_model(model)

    def _batch(self, frames: Sequence[Frame]) -> Batch:
        return collate_frames(frames).to(self.device)


class FaultyHead(nn.Module):
    """The detection head with heat maps that fall along a direction of its input.

    Args:
        head: The sound head.
        clean: (1, C, Y, X) features of the clean frame.
        w: (1, C, Y, X) direction.
        depth: How far the logits fall at place 1.
    """

    clean: Tensor
    w: Tensor

    def __init__(self, head: nn.Module, clean: Tensor, w: Tensor, depth: float) -> None:
        super().__init__()
        self.head, self.depth = copy.deepcopy(head), depth
        self.register_buffer("clean", clean)
        self.register_buffer("w", w)

    def forward(self, bev: Tensor) -> tuple[TaskOutput, ...]:
        """Run the head on a batch of one and lower its heat maps."""
        place = ((bev - self.clean) * self.w).sum(dim=(1, 2, 3)).clamp(max=1.0)
        fall = SLOPE * place + (1.0 - SLOPE) * ((place - KNEE) / (1.0 - KNEE)).clamp(min=0.0)
        lowered = (self.depth * fall)[:, None, None, None]
        return tuple(replace(task, heatmap=task.heatmap - lowered) for task in self.head(bev))


def _difference(one: Outputs, other: Outputs) -> float:
    pairs = [(a.heatmap, b.heatmap) for a, b in zip(one.tasks, other.tasks, strict=True)]
    if one.map_logits is not None and other.map_logits is not None:
        pairs.append((one.map_logits, other.map_logits))
    return max((float((a - b).abs().max()) for a, b in pairs), default=0.0)


def _largest(outputs: Outputs) -> float:
    maps = [task.heatmap for task in outputs.tasks]
    maps += [] if outputs.map_logits is None else [outputs.map_logits]
    return max((float(one.abs().max()) for one in maps), default=0.0)
