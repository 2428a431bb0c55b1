"""The adversary of training: within its budget, stronger than its random start, and without a trace
on the model."""

import pytest
import torch

from calico.config.training import AdversarialConfig
from calico.data.batch import Batch, collate_frames
from calico.frame import Frame
from calico.losses.supervised import compute_losses
from calico_eval.adversarial_training import pgd_adversary
from calico_eval.engines.torch import TorchEngine

CONFIG = AdversarialConfig(camera_levels=8, range_m=0.2, steps=3, share=1.0)


def attacked(
    engine: TorchEngine, frames: list[Frame], config: AdversarialConfig, seed: int = 0
) -> tuple[Batch, Batch]:
    torch.manual_seed(seed)
    batch = collate_frames(frames)
    return batch, pgd_adversary(config)(engine.model, batch)


def test_pixels_and_ranges_stay_within_their_budgets(
    fused: TorchEngine, street_frame: Frame
) -> None:
    batch, after = attacked(fused, [street_frame], CONFIG)
    pixels = (after.images - batch.images).abs() * 255
    assert 7.9 < pixels.max() <= 8.001
    assert after.images.min() >= 0
    assert after.images.max() <= 1
    old, new = batch.points[..., :3], after.points[..., :3]
    moved = (new.norm(dim=-1) - old.norm(dim=-1)).abs()
    assert 0.19 < moved.max() <= 0.2001
    off_ray = torch.linalg.cross(old, new).norm(dim=-1) / old.norm(dim=-1).clamp_min(1e-6) ** 2
    assert off_ray.max() < 1e-5
    assert torch.equal(after.points[..., 3:], batch.points[..., 3:])


def test_the_loss_rises_and_by_more_than_by_the_random_start(
    fused: TorchEngine, street_frame: Frame
) -> None:
    def loss(config: AdversarialConfig) -> float:
        _, batch = attacked(fused, [street_frame], config)
        with torch.no_grad():
            return float(compute_losses(fused.model.eval(), fused.model(batch), batch)["total"])

    batch = collate_frames([street_frame])
    with torch.no_grad():
        clean = float(compute_losses(fused.model.eval(), fused.model(batch), batch)["total"])
    one, more = (loss(CONFIG.model_copy(update={"steps": steps})) for steps in (1, 10))
    assert clean < one < more


def test_a_share_of_the_frames_is_attacked_and_the_others_keep_their_bytes(
    fused: TorchEngine, street_frame: Frame
) -> None:
    config = CONFIG.model_copy(update={"share": 0.5, "steps": 1})
    batch, after = attacked(fused, [street_frame] * 8, config)
    changed = [not torch.equal(a, b) for a, b in zip(batch.images, after.images, strict=True)]
    assert 1 <= sum(changed) <= 7
    assert changed == [
        not torch.equal(a, b) for a, b in zip(batch.points, after.points, strict=True)
    ]


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_as_before_and_the_same_seed_gives_the_same_batch(
    fused: TorchEngine, street_frame: Frame, training: bool
) -> None:
    model = fused.model.train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _, first = attacked(fused, [street_frame], CONFIG)
    _, again = attacked(fused, [street_frame], CONFIG)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.points, again.points)
    assert model.training is training
    assert all(
        parameter.requires_grad and parameter.grad is None for parameter in model.parameters()
    )
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.eval()
