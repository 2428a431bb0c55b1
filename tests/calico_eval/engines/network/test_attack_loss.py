"""An objective as a function of a batch: one number by either way through the network."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.engines.network.attack_loss import NetworkLoss
from calico_eval.engines.torch import TorchEngine


@pytest.mark.parametrize("objective", ["hide", "det", "seg", "multi", "feat"])
@pytest.mark.parametrize("sensors", [("camera",), ("lidar",), ("camera", "lidar")])
def test_the_short_way_gives_the_value_of_the_whole_model(
    fused: TorchEngine, street: FrameSource, objective: str, sensors: tuple[str, ...]
) -> None:
    clean = collate_frames([street[1], street[4]])
    other = clean
    if "camera" in sensors:
        other = replace(other, images=(other.images + 0.05).clamp(max=1.0))
    if "lidar" in sensors:
        moved = other.points.clone()
        moved[..., 2] += 0.1
        other = replace(other, points=moved)
    with fused.attack_mode(), torch.no_grad():
        loss = NetworkLoss(fused.model, objective, clean, sensors)
        short, whole = loss(other), loss.compute_whole(other)
        assert not torch.equal(whole, loss.compute_whole(clean))
    assert short.shape == (2,)
    torch.testing.assert_close(short, whole, rtol=1e-4, atol=1e-4)


def test_points_of_one_pillar_share_a_cell(fused: TorchEngine, street_frame: Frame) -> None:
    """Pillars of 1 m from -16 m on: rows along y, columns along x; beyond lies one cell more."""
    loss = NetworkLoss(fused.model, "det", collate_frames([street_frame]), ("lidar",))
    points = torch.tensor(
        [
            [-15.5, -15.5],
            [-15.01, -15.99],
            [-14.5, -15.5],
            [-15.5, -14.5],
            [15.5, 15.5],
            [17.0, 0.0],
        ]
    )
    cells = loss.find_cells(torch.cat([points, torch.zeros(6, 3)], dim=1))
    assert cells.tolist() == [0, 0, 1, 32, 32 * 32 - 1, 32 * 32]
    assert loss.cell_m == 1.0


def test_a_model_without_lidar_has_no_pillars(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    loss = NetworkLoss(camera_only.model, "det", collate_frames([street_frame]), ("camera",))
    with pytest.raises(CalicoError, match="a model without LiDAR has no pillars"):
        loss.find_cells(torch.zeros(1, 5))
