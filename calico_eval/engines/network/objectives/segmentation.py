"""Objectives on the map. All are (B,), one number per frame, raised by the attack. Cells whose map is unknown do not count."""

from __future__ import annotations

import torch
from torch import Tensor

from calico.errors import CalicoError
from calico.models.calico import Outputs
from calico_eval.engines.network.objectives.scene import Scene

MARGIN = 1.0
"""A cell whose logit is this far on the wrong side of 0 (probability 0.27 or 0.73) is lost, and no more effort is spent on it.

Probabilities, not logits: their mean is a soft count of cells, to which those near 0.5 give most (with logits PGD-10 gained 472
false cells of 30686 and lost 346 true ones of 2903 at 16/255 on a small network, with probabilities 565 and 376; 6 frames)."""


def map_erase(scene: Scene, outputs: Outputs) -> Tensor:
    """-mean over true cells of the probability of max(logit, -MARGIN); 0 for a frame without true cells."""
    true, _ = scene.map_cells
    return _mean(-_logits(outputs).clamp_min(-MARGIN).sigmoid(), true)


def map_create(scene: Scene, outputs: Outputs) -> Tensor:
    """Mean over false cells of the probability of min(logit, MARGIN); 0 for a frame without any."""
    _, false = scene.map_cells
    return _mean(_logits(outputs).clamp_max(MARGIN).sigmoid(), false)


def seg(scene: Scene, outputs: Outputs) -> Tensor:
    """map_erase + map_create: true and false cells weigh the same, however many there are of each."""
    return map_erase(scene, outputs) + map_create(scene, outputs)


def _logits(outputs: Outputs) -> Tensor:
    if outputs.map_logits is None:
        raise CalicoError(
            "this objective reads the map, and the model has no map head (model.map is null)"
        )
    return outputs.map_logits


def _mean(values: Tensor, cells: Tensor) -> Tensor:
    """(B,) mean of (B, K, Y, X) over the cells."""
    total = torch.where(cells, values, 0.0).flatten(1).sum(dim=1)
    return total / cells.flatten(1).sum(dim=1).clamp_min(1)
