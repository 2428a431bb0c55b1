"""Objectives on the map: (B,) numbers, one per frame, that an attack raises.

Cells whose map is unknown do not count. The functions bear the names that users type.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calico.errors import CalicoError
from calico.models.calico import Outputs
from calico_eval.engines.network.objectives.scene import Scene

MARGIN = 1.0
"""Distance of a cell's logit from 0 on the wrong side at which no more effort is spent on it.

The probability is then 0.27 or 0.73. The objectives average probabilities, not logits. Their mean
is a soft count of cells, to which those near 0.5 give most. On a small network at 16/255, PGD-10
with logits gained 472 false cells of 30686 and lost 346 true ones of 2903, with probabilities 565
and 376 (6 frames).
"""


def map_erase(scene: Scene, outputs: Outputs) -> Tensor:
    """Average -probability of max(logit, -MARGIN) over true cells.

    A frame without true cells gets 0.

    Args:
        scene: Clean batch with its map.
        outputs: Outputs of the batch under attack.
    """
    true, _ = scene.map_cells
    return _mean(-_logits(outputs).clamp_min(-MARGIN).sigmoid(), true)


def map_create(scene: Scene, outputs: Outputs) -> Tensor:
    """Average the probability of min(logit, MARGIN) over false cells.

    A frame without false cells gets 0.

    Args:
        scene: Clean batch with its map.
        outputs: Outputs of the batch under attack.
    """
    _, false = scene.map_cells
    return _mean(_logits(outputs).clamp_max(MARGIN).sigmoid(), false)


def seg(scene: Scene, outputs: Outputs) -> Tensor:
    """Add map_erase and map_create, so that true and false cells weigh the same.

    Args:
        scene: Clean batch with its map.
        outputs: Outputs of the batch under attack.
    """
    return map_erase(scene, outputs) + map_create(scene, outputs)


def _logits(outputs: Outputs) -> Tensor:
    if outputs.map_logits is None:
        raise CalicoError(
            "this objective reads the map, and the model has no map head (model.map is null)"
        )
    return outputs.map_logits


def _mean(values: Tensor, cells: Tensor) -> Tensor:
    """Average (B, K, Y, X) values over the marked cells: (B,)."""
    total = torch.where(cells, values, 0.0).flatten(1).sum(dim=1)
    return total / cells.flatten(1).sum(dim=1).clamp_min(1)
