"""What an attack raises: one function per objective, all larger where the detector does worse.

Mean losses over heat-map cells are poor objectives (most cells are empty road), so the default looks only at the cells that
matter: "hide" is the margin of a targeted removal (kappa as in Carlini and Wagner 2017) on the class logits of CenterPoint's
heat map (Yin et al. 2021).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from calico.config.schema import Config
from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.frame import Bool, Float32, Frame, Int64
from calico.models.calico import CalicoModel, Outputs
from calico.taxonomy import DETECTION_CLASSES
from calico_eval.attacks.threat import ObjectiveName

KAPPA = 6.0
"""Margin: an object with every logit below -6 (score 0.0025) is hidden, and no more effort is spent on it."""

NEAR_M = 2.0
"""Cells whose centre is this close to an object count as its own. Wider (4 m was tried) is weaker: in a crowd the same cell
is then the peak of several objects, and the others are left alone."""

CREATE_CELLS = 20
"""Number of cells that "create" works on."""


def choose_objective(wanted: ObjectiveName, frame: Frame, config: Config) -> tuple[ObjectiveName, str]:
    """The objective to use on this frame, and why where it is another than the wanted one.

    A frame without an object on the grid has nothing to hide: there "create" raises false alarms instead.

    Raises:
        CalicoError: the model has no detection head.
    """
    if config.model.detection is None:
        raise CalicoError(
            f"attack objective '{wanted}': the model has no detection head (model.detection is null); "
            "expected a model that detects"
        )
    if wanted != "hide":
        return wanted, ""
    seen = frame.boxes.select(frame.boxes.num_points > 0)
    if hide_targets(seen.boxes[:, :2], seen.labels, config):
        return "hide", ""
    return "create", "no object with LiDAR points on the grid: objective 'create' instead of 'hide'"


def evaluate(objective: ObjectiveName, model: CalicoModel, outputs: Outputs, batch: Batch) -> Tensor:
    """The objective on a batch of one frame, a differentiable number. Arguments: the model's answer to that batch."""
    if objective == "det":
        return det(model, outputs, batch)
    if objective == "create":
        return create(outputs)
    return hide(outputs, batch, model.config)


def det(model: CalicoModel, outputs: Outputs, batch: Batch) -> Tensor:
    """The detection part of the training loss: Gaussian focal loss of the heat maps and L1 of the boxes."""
    return model.loss(replace(outputs, map_logits=None), batch)["total"]


def hide(outputs: Outputs, batch: Batch, config: Config) -> Tensor:
    """-sum over objects of max(max over cells near the object of the logit of its class, -KAPPA).

    Every object of `hide_targets` counts once (at least one is expected). At most KAPPA per object; there the gradient is
    zero: the object is hidden.
    """
    logits = class_logits(outputs, config)
    targets = hide_targets(batch.boxes[0][:, :2].cpu().numpy(), batch.labels[0].cpu().numpy(), config)
    device = batch.points.device
    peaks = [logits[name][torch.from_numpy(cells).to(device)].max() for name, cells in targets]
    return -torch.stack(peaks).clamp_min(-KAPPA).sum()


def create(outputs: Outputs) -> Tensor:
    """Mean of the CREATE_CELLS largest logits of all heat maps: raises the strongest false alarms. Uses no labels."""
    flat = torch.cat([task.heatmap[0].flatten() for task in outputs.tasks])
    return flat.topk(min(CREATE_CELLS, len(flat))).values.mean()


def class_logits(outputs: Outputs, config: Config) -> dict[str, Tensor]:
    """(Y, X) heat-map logits of the first frame, by class name."""
    tasks = () if config.model.detection is None else config.model.detection.tasks
    return {
        name: task.heatmap[0, channel]
        for names, task in zip(tasks, outputs.tasks, strict=True)
        for channel, name in enumerate(names)
    }


def hide_targets(xy_m: Float32, labels: Int64, config: Config) -> list[tuple[str, Bool]]:
    """Class name and cells (Y, X) of every object on the trunk grid whose class the model knows.

    The cells are those whose centre is within NEAR_M of the object's, and the one it lies in.

    Args:
        xy_m: (M, 2) centres [m]. labels: (M,) indices into the taxonomy.
    """
    tasks = () if config.model.detection is None else config.model.detection.tasks
    known = {name for names in tasks for name in names}
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
