"""What an attack raises: one number per frame, larger where the model does worse, and what counts as its success.

Mean losses over heat-map cells are poor objectives (most cells are empty road), so the default looks only at the cells that
matter: "hide" is the margin of a targeted removal (kappa as in Carlini and Wagner 2017) on the class logits of CenterPoint's
heat map (Yin et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from calico.config.schema import Config
from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.frame import Bool, Float32, Frame, Int64
from calico.models.calico import CalicoModel, Outputs
from calico.taxonomy import DETECTION_CLASSES

KAPPA = 6.0
"""Margin: an object with every logit below -6 (score 0.0025) is hidden, and no more effort is spent on it."""

NEAR_M = 2.0
"""Cells whose centre is this close to an object count as its own. Wider (4 m was tried) is weaker: in a crowd the same cell
is then the peak of several objects, and the others are left alone."""

CREATE_CELLS = 20
"""Number of cells that "create" works on."""


class Scene:
    """What an objective may know besides the outputs: the model, and the clean batch with its ground truth.

    Indices are made once per attack and kept, since an objective is asked at every step.
    """

    def __init__(self, model: CalicoModel, batch: Batch) -> None:
        self.model, self.batch, self.config = model, batch, model.config

    @cached_property
    def near(self) -> tuple[Tensor, Tensor]:
        """Cells of each object of `hide_targets`, as indices into a frame's `flat_logits`: (objects, K) int64, short rows filled
        with their first index, and (objects,) the object's frame."""
        rows: list[Tensor] = []
        frames: list[int] = []
        channel = {name: index for index, name in enumerate(class_names(self.config))}
        for index, (boxes, labels) in enumerate(zip(self.batch.boxes, self.batch.labels, strict=True)):
            for name, cells in hide_targets(boxes[:, :2].cpu().numpy(), labels.cpu().numpy(), self.config):
                rows.append(torch.from_numpy(np.flatnonzero(cells) + channel[name] * cells.size))
                frames.append(index)
        width = max((len(row) for row in rows), default=1)
        filled = [torch.cat([row, row[:1].expand(width - len(row))]) for row in rows]
        device = self.batch.points.device
        index_of = torch.stack(filled) if filled else torch.zeros(0, width, dtype=torch.int64)
        return index_of.to(device), torch.tensor(frames, dtype=torch.int64, device=device)


@dataclass(frozen=True)
class Objective:
    """One objective.

    loss: what is raised, (B,) from the scene and the outputs of the batch under attack.
    heads: what it reads, of "detection" and "map". formula: for the docs. success: what counts as one, see `success`.
    """

    name: str
    loss: Callable[[Scene, Outputs], Tensor]
    heads: tuple[str, ...]
    formula: str
    success: str


def hide(scene: Scene, outputs: Outputs) -> Tensor:
    """(B,) -sum over objects of max(max over cells near the object of the logit of its class, -KAPPA).

    Every object of `hide_targets` counts once. At most KAPPA per object; there the gradient is zero: the object is hidden.
    """
    cells, frame = scene.near
    peaks = flat_logits(outputs)[frame[:, None], cells].amax(dim=1).clamp_min(-KAPPA)
    return peaks.new_zeros(len(scene.batch)).index_add(0, frame, -peaks)


def det(scene: Scene, outputs: Outputs) -> Tensor:
    """(B,) the detection part of the training loss of each frame: Gaussian focal loss of the heat maps and L1 of the boxes."""
    losses = []
    for index in range(len(scene.batch)):
        one = replace(
            scene.batch, boxes=scene.batch.boxes[index : index + 1], labels=scene.batch.labels[index : index + 1]
        )
        losses.append(scene.model.loss(replace(frame_of(outputs, index), map_logits=None), one)["total"])
    return torch.stack(losses)


def create(scene: Scene, outputs: Outputs) -> Tensor:
    """(B,) mean of the CREATE_CELLS largest logits of all heat maps: raises the strongest false alarms. Uses no labels."""
    flat = flat_logits(outputs)
    return flat.topk(min(CREATE_CELLS, flat.shape[1]), dim=1).values.mean(dim=1)


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            "hide", hide, ("detection",), "-Σ over objects of max(max of z over cells within 2 m, -κ)",
            "objects found on the clean frame that are not found any more",
        ),
        Objective(
            "det", det, ("detection",), "the detection part of the training loss",
            "objects found on the clean frame that are not found any more",
        ),
        Objective(
            "create", create, ("detection",), "mean of the 20 largest logits of all heat maps",
            "frames with a new box that belongs to no object",
        ),
    )
}  # fmt: skip


def choose_objective(wanted: str, frame: Frame, config: Config) -> tuple[str, str]:
    """The objective to use on this frame, and why where it is another than the wanted one.

    A frame without an object on the grid has nothing to hide: there "create" raises false alarms instead.

    Raises:
        CalicoError: the model lacks a head that the objective reads.
    """
    present = {"detection": config.model.detection, "map": config.model.map}
    for head in OBJECTIVES[wanted].heads:
        if present[head] is None:
            raise CalicoError(
                f"attack objective '{wanted}': the model has no {head} head (model.{head} is null); "
                f"expected a model with {' and '.join(OBJECTIVES[wanted].heads)}"
            )
    if wanted != "hide":
        return wanted, ""
    seen = frame.boxes.select(frame.boxes.num_points > 0)
    if hide_targets(seen.boxes[:, :2], seen.labels, config):
        return "hide", ""
    return "create", "no object with LiDAR points on the grid: objective 'create' instead of 'hide'"


def class_names(config: Config) -> list[str]:
    """Class of every heat-map channel, task after task."""
    tasks = () if config.model.detection is None else config.model.detection.tasks
    return [name for names in tasks for name in names]


def flat_logits(outputs: Outputs) -> Tensor:
    """(B, classes * Y * X) heat-map logits, classes in the order of `class_names`."""
    return torch.cat([task.heatmap.flatten(1) for task in outputs.tasks], dim=1)


def frame_of(outputs: Outputs, index: int) -> Outputs:
    """The outputs of one frame, as a batch of one."""
    one = slice(index, index + 1)
    tasks = tuple(type(task)(**{name: value[one] for name, value in vars(task).items()}) for task in outputs.tasks)
    return Outputs(tasks, None if outputs.map_logits is None else outputs.map_logits[one], outputs.bev[one])


def hide_targets(xy_m: Float32, labels: Int64, config: Config) -> Sequence[tuple[str, Bool]]:
    """Class name and cells (Y, X) of every object on the trunk grid whose class the model knows.

    The cells are those whose centre is within NEAR_M of the object's, and the one it lies in.

    Args:
        xy_m: (M, 2) centres [m]. labels: (M,) indices into the taxonomy.
    """
    known = set(class_names(config))
    grid = config.grid.pillars.coarser(config.model.bev.out_stride)
    centers = grid.centers()
    targets: list[tuple[str, Bool]] = []
    for xy, label, row, column, inside in zip(xy_m, labels, *grid.locate(xy_m), strict=True):
        name = DETECTION_CLASSES[label]
        if inside and name in known:
            cells: Bool = np.linalg.norm(centers - xy, axis=-1) <= NEAR_M
            cells[row, column] = True
            targets.append((name, cells))
    return targets
