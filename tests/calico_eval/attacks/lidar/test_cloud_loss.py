"""The objective of a cloud: equal to the whole model's, counted, and honest about bad gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from calico.data.batch import collate_frames
from calico.frame import Float32, Frame
from calico.models.calico import Outputs
from calico_eval.attacks import AttackSpec, Threat, attack_frame
from calico_eval.attacks.lidar.cloud_loss import CloudLoss
from calico_eval.engines.network.objectives import OBJECTIVES, Scene, hide
from calico_eval.engines.network.pillars import Pillars
from calico_eval.engines.torch import TorchEngine

SPEC = AttackSpec("drop", Threat(removed_share=0.1))


@pytest.fixture
def loss(fused: TorchEngine, street_frame: Frame) -> CloudLoss:
    return CloudLoss(fused, street_frame, SPEC, "hide")


def rated(loss: CloudLoss, points: Float32) -> Pillars:
    """What `rate_removals` and `rate_additions` of the loss read."""
    values = loss._rate_points(points)
    loss._count(values)
    assert isinstance(values, Pillars)
    return values


def test_the_loss_is_that_of_the_whole_model(
    fused: TorchEngine, street_frame: Frame, loss: CloudLoss
) -> None:
    half = street_frame.points[::2]
    frame = street_frame.replace(
        points=half, ring=street_frame.ring[::2], sweep_index=street_frame.sweep_index[::2]
    )
    with fused.attack_mode():
        assert loss.value(street_frame.points) == pytest.approx(
            loss.delivered(street_frame), abs=1e-4
        )
        assert loss.value(half) == pytest.approx(loss.delivered(frame), abs=1e-4)
        assert rated(loss, half).loss == pytest.approx(loss.value(half), abs=1e-4)
        nothing = loss.value(half[:0])
    assert np.isfinite(nothing)
    assert loss.forwards == 7
    assert loss.backwards == 1


@pytest.mark.parametrize("objective", ["hide", "loc", "feat"])
def test_every_pass_is_counted(fused: TorchEngine, street_frame: Frame, objective: str) -> None:
    """Each goes through the BEV backbone once, those for the scene of the objective too."""
    passes: list[int] = []
    hook = fused.model.backbone.register_forward_hook(lambda *_: passes.append(1))
    try:
        result = attack_frame(fused, street_frame, replace(SPEC, objective=objective, steps=3), 0)
    finally:
        hook.remove()
    assert result.details.forwards == len(passes)


def test_gradients_that_are_no_numbers_or_zero_are_reported(
    fused: TorchEngine, street_frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not attack_frame(fused, street_frame, SPEC, 0).details.dead_gradient
    for factor, dead in ((float("nan"), True), (0.0, True)):

        def broken(scene: Scene, outputs: Outputs, factor: float = factor) -> torch.Tensor:
            return hide(scene, outputs) * factor

        monkeypatch.setitem(OBJECTIVES, "hide", replace(OBJECTIVES["hide"], loss=broken))
        details = attack_frame(fused, street_frame, SPEC, 0).details
        assert (details.bad_gradients > 0) == np.isnan(factor)
        assert details.dead_gradient == dead


def test_the_gradient_at_added_points_is_that_of_the_whole_model(
    fused: TorchEngine, street_frame: Frame
) -> None:
    """Against a backward pass through the model itself, on a batch that holds all points."""
    loss = CloudLoss(fused, street_frame, replace(SPEC, straight_through=False), "hide")
    kept = street_frame.points
    added = torch.from_numpy(kept[100:104] + np.array([0, 0, 0.05, 0, 0], np.float32))
    batch = collate_frames([street_frame])
    points = torch.cat([torch.from_numpy(kept), added])[None].requires_grad_(True)
    mask = torch.ones(1, len(kept) + 4, dtype=torch.bool)
    with fused.attack_mode():
        value, gradient = loss.positions(kept, added)
        raised = fused.attack_loss("hide", batch, ("lidar",))
        expected = raised.compute_whole(replace(batch, points=points, point_mask=mask))
        (wanted,) = torch.autograd.grad(expected.sum(), points)
    assert value == pytest.approx(float(expected.detach()), abs=1e-4)
    torch.testing.assert_close(gradient, wanted[0, -4:], rtol=1e-3, atol=1e-5)
