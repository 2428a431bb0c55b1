"""Dropping: within budget, better than chance, never worse than doing nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frame
from calico_eval.attacks.lidar.cloud_loss import CloudLoss
from calico_eval.attacks.lidar.drop import drop_salient
from calico_eval.engines.torch import TorchEngine

SPEC = AttackSpec("drop", Threat(removed_share=0.1), steps=4)


@pytest.mark.parametrize("threat", [Threat(removed_share=0.05), Threat(points_removed=20)])
def test_dropping_hurts_more_than_chance(
    fused: TorchEngine, street_frame: Frame, threat: Threat
) -> None:
    result = attack_frame(fused, street_frame, replace(SPEC, threat=threat), 0)
    details = result.details
    assert details.loss_clean is not None
    assert details.loss_attacked is not None
    assert details.loss_attacked > details.loss_clean
    assert details.loss_attacked == pytest.approx(max(details.losses), abs=1e-4)
    assert details.backwards == 4
    assert details.forwards == 1 + 4 * 3 + 2
    allowed = 20 if threat.points_removed else int(0.05 * len(street_frame.points))
    assert 0 < result.budget.points_removed <= allowed
    assert result.budget.points_added == 0
    loss = CloudLoss(fused, street_frame, SPEC, "hide")
    for seed in range(5):
        control = attack_frame(fused, street_frame, AttackSpec("random_drop", threat), seed)
        assert control.budget.points_removed == allowed
        assert loss.delivered(control.frame) < details.loss_attacked


def test_more_points_do_more_harm(fused: TorchEngine, street_frame: Frame) -> None:
    losses = [
        attack_frame(
            fused, street_frame, replace(SPEC, threat=Threat(removed_share=share)), 0
        ).details.loss_attacked
        for share in (0.01, 0.05, 0.2)
    ]
    assert losses[0] is not None
    assert losses == sorted(losses)  # type: ignore[type-var]


def test_points_outside_the_window_stay(fused: TorchEngine, street_frame: Frame) -> None:
    for name in ("drop", "random_drop"):
        spec = AttackSpec(name, Threat(removed_share=0.05, window_deg=40.0), steps=3)
        result = attack_frame(fused, street_frame, spec, 0)
        assert result.budget.points_removed > 0
        assert result.budget.window_deg <= 40.0


def test_where_nothing_helps_nothing_is_dropped(street_frame: Frame) -> None:
    class Stubborn:
        """An objective that is best on the clean cloud."""

        def value(self, points: np.ndarray) -> float:
            return float(len(points))

        def rate_removals(self, points: np.ndarray) -> list[object]:
            return [torch.zeros(len(street_frame.points))] * 2

    spec = replace(SPEC, steps=1)
    random = np.random.default_rng(0)
    kept = drop_salient(Stubborn(), street_frame, spec, random)  # type: ignore[arg-type]
    assert kept is street_frame
