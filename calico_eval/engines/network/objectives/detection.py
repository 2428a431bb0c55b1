"""Objectives on boxes: (B,) numbers, one per frame, that an attack raises.

Mean losses over heat-map cells are poor objectives, because most cells are empty road. These look
at the cells that matter: margins (kappa as in Carlini and Wagner 2017) on the class logits z of
CenterPoint's heat maps (Yin et al. 2021). The functions bear the names that users type.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from calico.losses.center import task_losses
from calico.models.calico import Outputs
from calico_eval.engines.network.objectives.cells import (
    class_logits,
    class_names,
    flat_logits,
    frame_of,
    target_class,
)
from calico_eval.engines.network.objectives.scene import Scene
from calico_eval.metrics.detected_objects import CREATE_CELLS, KAPPA, SCORE

FOUND_LOGIT = math.log(SCORE / (1.0 - SCORE))
"""The logit of the lowest score that counts as found."""

MOVED_M = 3.0
"""A box this far off (|dx| + |dy|) is in the wrong place.

Farther, and the object would not be found any more (4 m).
"""


def hide(scene: Scene, outputs: Outputs) -> Tensor:
    """Sum over objects of the negative highest logit near the object, limited to KAPPA.

    The formula is -sum of max(max over cells near the object of the logit of its class, -KAPPA).
    Every object of `hide_targets` counts once. An object that reaches KAPPA is hidden and has no
    gradient.

    Args:
        scene: Model, clean batch and ground truth.
        outputs: Outputs of the batch under attack.
    """
    return _per_frame(scene, -own_logits(scene, outputs).amax(dim=1).clamp_min(-KAPPA))


def det(scene: Scene, outputs: Outputs) -> Tensor:
    """Compute the detection part of the training loss of each frame.

    It consists of the Gaussian focal loss of the heat maps and the L1 loss of the boxes.

    Args:
        scene: Model, clean batch and ground truth.
        outputs: Outputs of the batch under attack.
    """
    losses = [
        sum(
            torch.stack(list(task_losses(output, target, scene.detection).values())).sum()
            for output, target in pairs
        )
        for pairs in (
            zip(frame_of(outputs, index).tasks, targets, strict=True)
            for index, targets in enumerate(scene.targets)
        )
    ]
    return torch.stack([torch.as_tensor(loss) for loss in losses])


def create(scene: Scene, outputs: Outputs) -> Tensor:
    """Average the CREATE_CELLS largest logits of all heat maps: the strongest false alarms.

    It uses no labels.

    Args:
        scene: Not read.
        outputs: Outputs of the batch under attack.
    """
    flat = flat_logits(outputs)
    return flat.topk(min(CREATE_CELLS, flat.shape[1]), dim=1).values.mean(dim=1)


def create_at(scene: Scene, outputs: Outputs) -> Tensor:
    """Take the largest logit of the false object's class in the cells at its place.

    The place is that of `false_target`. A frame without one gets 0. The value has no upper limit,
    because the margin over the threshold is what survives rounding and other models.

    Args:
        scene: Model, clean batch and ground truth.
        outputs: Outputs of the batch under attack.
    """
    frames, cells = scene.false_objects
    names = class_names(scene.config)
    target = target_class(scene.config) or names[0]  # check_model refuses models without it
    logits = class_logits(outputs)[:, names.index(target)]
    peaks = logits[frames[:, None], cells].amax(dim=1)
    return peaks.new_zeros(len(scene.batch)).index_add(0, frames, peaks)


def loc(scene: Scene, outputs: Outputs) -> Tensor:
    """Sum the distances of boxes from the true ones, as long as the objects are still found.

    An object's box is the one at the cell of its clean peak. Its term is min(|dx| + |dy|, MOVED_M)
    + |dz| + |d log length, width, height| + |d sine, cosine of the yaw| + min(z - z_found, 0). A
    box that is MOVED_M off gets no farther, and turns or grows instead. z is the highest logit near
    the object, z_found that of score 0.2. Without the last term more objects are hidden than moved
    (1 m per axis, 23 objects: 16 and 5, with it 14 and 8). Velocities do not count.

    Args:
        scene: Model, clean batch and ground truth.
        outputs: Outputs of the batch under attack.
    """
    objects, cell, grid = scene.objects, scene.peaks, scene.model.trunk_grid
    maps = torch.stack(
        [
            torch.cat([t.offset, t.height, t.log_size, t.yaw], dim=1).flatten(2)
            for t in outputs.tasks
        ],
        dim=1,
    )
    got, true = maps[objects.frame, objects.task, :, cell], objects.boxes
    columns = grid.shape[1]
    corner = torch.stack([cell % columns, cell // columns], dim=1)
    origin = got.new_tensor([grid.x_min_m, grid.y_min_m])
    place = (corner + got[:, :2]) * grid.cell_m + origin
    wanted = torch.cat(
        [true[:, 2:3], true[:, 3:6].log(), true[:, 6:7].sin(), true[:, 6:7].cos()], dim=1
    )
    shift = (place - true[:, :2]).abs().sum(dim=1).clamp_max(MOVED_M)
    found = (own_logits(scene, outputs).amax(dim=1) - FOUND_LOGIT).clamp_max(0.0)
    return _per_frame(scene, shift + (got[:, 2:] - wanted).abs().sum(dim=1) + found)


def flip(scene: Scene, outputs: Outputs) -> Tensor:
    """Sum the margins of other classes over objects: min(z_other - max(z_own, z_found), KAPPA).

    This is the margin of Carlini and Wagner, targeted at any other class. z_own is the highest
    logit near the object of its class, z_other that of all other classes of all heads. Deviation:
    z_own counts at least z_found (score 0.2), so that an object is called something else and not
    just hidden.

    Args:
        scene: Model, clean batch and ground truth.
        outputs: Outputs of the batch under attack.
    """
    objects, logits = scene.objects, class_logits(outputs)
    channels = torch.arange(logits.shape[1], device=logits.device)[None, :, None]
    near = logits[objects.frame[:, None, None], channels, objects.cells[:, None]].amax(dim=2)
    own = F.one_hot(objects.channel, logits.shape[1]).bool()
    margin = near.masked_fill(own, -torch.inf).amax(dim=1) - near[own].clamp_min(FOUND_LOGIT)
    return _per_frame(scene, margin.clamp_max(KAPPA))


def score(scene: Scene, outputs: Outputs) -> Tensor:
    """Compute -log of the mean score of the candidates for boxes, without labels.

    The candidates are each head's `max_boxes` cells of the highest logits. In the logarithm the
    gradient does not fade as scores fall.

    Args:
        scene: Model, for its number of boxes.
        outputs: Outputs of the batch under attack.
    """
    best = [
        logits.topk(min(scene.detection.max_boxes, logits.shape[1]), dim=1).values
        for logits in (task.heatmap.flatten(1) for task in outputs.tasks)
    ]
    scores = F.logsigmoid(torch.cat(best, dim=1))
    return math.log(scores.shape[1]) - scores.logsumexp(dim=1)


def own_logits(scene: Scene, outputs: Outputs) -> Tensor:
    """Select the logits of each object's class at its cells.

    Args:
        scene: Clean batch with its objects.
        outputs: Outputs of the batch under attack.

    Returns:
        (M, K) logits.
    """
    cells, frame = scene.near
    return flat_logits(outputs)[frame[:, None], cells]


def _per_frame(scene: Scene, values: Tensor) -> Tensor:
    """Sum the objects' values (M,) per frame: (B,)."""
    return values.new_zeros(len(scene.batch)).index_add(0, scene.objects.frame, values)
