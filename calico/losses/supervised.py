"""The training loss of the whole network, with labels: detection and map segmentation."""

from __future__ import annotations

import torch
from torch import Tensor

from calico.data.batch import Batch
from calico.data.targets import TargetMaker
from calico.errors import CalicoError
from calico.losses.center import center_losses
from calico.losses.segmentation import sigmoid_focal_loss
from calico.models.calico import CalicoModel, Outputs


def compute_losses(model: CalicoModel, outputs: Outputs, batch: Batch) -> dict[str, Tensor]:
    """Compare a network's outputs with the labels of a batch.

    Args:
        model: Network that gave the outputs. Its configuration names tasks and weights.
        outputs: What `model(batch)` returned.
        batch: Frames with boxes, labels and, for a model with a map head, map masks. Targets that
            it does not bring are made of boxes and labels.

    Returns:
        Weighted terms by name, and their sum `total`.

    Raises:
        CalicoError: The model has a map head, but the batch has no map masks, or masks of another
            shape.
    """
    config = model.config.model
    terms: dict[str, Tensor] = {}
    if config.detection is not None:
        maker = TargetMaker.from_config(config.detection, model.trunk_grid, model.taxonomy)
        targets = batch.targets or maker.make_targets(batch.boxes, batch.labels)
        terms |= center_losses(outputs.tasks, targets, config.detection)
    if outputs.map_logits is not None and config.map is not None:
        masks = _map_masks(outputs.map_logits, batch)
        focal = sigmoid_focal_loss(outputs.map_logits, masks, config.map.focal_gamma)
        terms["map"] = config.map.loss_weight * focal
    terms["total"] = torch.stack(list(terms.values())).sum()
    return terms


def _map_masks(logits: Tensor, batch: Batch) -> Tensor:
    """Return the batch's map masks.

    Raise CalicoError where they do not fit the map head.
    """
    masks = batch.map_masks
    if masks is None or masks.shape != logits.shape:
        got = "no map masks" if masks is None else f"map masks {tuple(masks.shape)}"
        raise CalicoError(
            f"the map head answers {tuple(logits.shape)}, the batch has {got}; expected equal "
            "shapes. Set model.map to null to train without maps, or grid.map_* to the data set's "
            "map grid"
        )
    return masks
