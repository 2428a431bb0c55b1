"""Loss of the map segmentation head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sigmoid_focal_loss(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Compute the focal loss of map logits, without class balance.

    Args:
        logits: (B, K, Y, X) logits.
        target: (B, K, Y, X) values 1 or 0, or negative where the map is unknown. Unknown cells
            count nothing.
        gamma: Focusing exponent.

    Returns:
        The sum over classes of the mean over each class's known cells (0 without any).

    Source:
        Lin et al., ICCV 2017, eq. 4, as BEVFusion uses it (Liu et al., ICRA 2023).
    """
    known = (target >= 0).to(logits.dtype)
    cross_entropy = F.binary_cross_entropy_with_logits(
        logits, target.clamp(min=0.0), reduction="none"
    )
    missed = torch.where(target > 0.5, torch.sigmoid(-logits), torch.sigmoid(logits))
    each = (missed.pow(gamma) * cross_entropy * known).sum(dim=(0, 2, 3))
    return (each / known.sum(dim=(0, 2, 3)).clamp(min=1.0)).sum()
