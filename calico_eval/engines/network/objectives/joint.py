"""Objectives on both tasks at once: the sum of theirs, and the features before the heads.

The functions bear the names that users type.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from calico.models.calico import Outputs
from calico.seeds import make_generator
from calico_eval.engines.network.objectives.detection import hide
from calico_eval.engines.network.objectives.scene import Scene
from calico_eval.engines.network.objectives.segmentation import seg

JITTER = 0.01
"""Noise on the reference of "feat", as a share of its root mean square."""


def multi(scene: Scene, outputs: Outputs) -> Tensor:
    """Add hide and seg, each divided by the norm of its gradient, so that neither scale decides.

    The gradients are those with respect to the trunk's features on the clean frame (L2 norm per
    frame), constants of the attack. A normalised step follows gradients, and values have no common
    zero, as hide is a sum of margins of either sign. A task whose gradient is zero there has
    nothing left to lose and weighs nothing.

    Args:
        scene: Model, clean batch and ground truth.
        outputs: Outputs of the batch under attack.

    Returns:
        (B,) the weighted sum.
    """
    weights = scene.compute_once("multi", lambda: _inverse_gradients(scene))
    return weights[0] * hide(scene, outputs) + weights[1] * seg(scene, outputs)


def feat(scene: Scene, outputs: Outputs) -> Tensor:
    """Compute the negative cosine of the trunk's features with the clean ones, without labels.

    The cosine is over channels and cells. Deviation: the clean features get noise of 1 %. The
    cosine with themselves is largest at the clean frame, where its gradient is zero, and an attack
    that starts there would not move.

    Args:
        scene: Model and clean batch.
        outputs: Outputs of the batch under attack.

    Returns:
        (B,) numbers from -1 to 1.
    """
    reference = scene.compute_once("feat", lambda: _reference(scene))
    return -F.cosine_similarity(outputs.bev.flatten(1), reference, dim=1)


def _inverse_gradients(scene: Scene) -> Tensor:
    """Compute (2, B) inverse gradient norms of hide and seg."""
    norms = []
    with torch.enable_grad():
        bev = scene.clean.bev.detach().requires_grad_(True)
        outputs = scene.model.run_heads(bev)
        for loss in (hide, seg):
            (gradient,) = torch.autograd.grad(loss(scene, outputs).sum(), bev, retain_graph=True)
            norms.append(gradient.flatten(1).norm(dim=1))
    norm = torch.stack(norms)
    return torch.where(norm > 0, 1.0 / norm.clamp_min(1e-30), 0.0)


def _reference(scene: Scene) -> Tensor:
    """Add noise that depends on the frame's token alone to the clean features (B, C * Y * X)."""
    clean = scene.clean.bev.detach().flatten(1)
    tokens = scene.batch.tokens or ("",) * len(scene.batch)
    noise = torch.stack(
        [
            torch.from_numpy(
                make_generator(0, "attack", "feat", token).standard_normal(clean.shape[1])
            )
            for token in tokens
        ]
    ).to(clean)
    return clean + JITTER * clean.square().mean(dim=1, keepdim=True).sqrt() * noise
