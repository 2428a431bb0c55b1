"""Map segmentation loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sigmoid_focal_loss(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Focal loss (Lin et al., ICCV 2017, eq. 4) without class balance, as BEVFusion has it (Liu et al., ICRA 2023).

    logits, target: (B, K, Y, X), target in {0, 1}. Mean over frames and cells, sum over the K classes.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    missed = torch.where(target > 0.5, torch.sigmoid(-logits), torch.sigmoid(logits))
    return (missed.pow(gamma) * cross_entropy).mean(dim=(0, 2, 3)).sum()
