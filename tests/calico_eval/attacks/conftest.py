from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from calico.config.model import (
    BevConfig,
    CameraConfig,
    DetectionConfig,
    GridConfig,
    LidarConfig,
    MapConfig,
    ModelConfig,
)
from calico.config.schema import Config
from calico.data.batch import collate
from calico.data.source import FrameSource
from calico.frame import Frame
from calico.models.calico import build_model
from calico_eval.engines.torch import TorchEngine


def mini_config(lidar: bool = True, camera: bool = True) -> Config:
    """The real network, narrow, on the 32 m street."""
    return Config(
        name="mini",
        grid=GridConfig(
            x_range_m=(-16, 16), y_range_m=(-16, 16), pillar_m=1.0,
            map_x_range_m=(-16, 16), map_y_range_m=(-16, 16), map_cell_m=1.0,
        ),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=16) if lidar else None,
            camera=CameraConfig(
                image_size=(32, 64), backbone_width=0.25, fpn_channels=16, channels=16, depth_range_m=(1.0, 25.0),
                depth_bins=12, heights_m=(-1.5, -0.5),
            ) if camera else None,
            bev=BevConfig(layers=(1, 1), strides=(1, 2), channels=(16, 32), neck_channels=16, out_stride=1),
            detection=DetectionConfig(tasks=(("car",), ("pedestrian",)), channels=16, max_boxes=40),
            map=MapConfig(head="conv", channels=16),
        ),
    )  # fmt: skip


def train(config: Config, frames: list[Frame], steps: int) -> TorchEngine:
    """A model that has seen these frames `steps` times."""
    model = build_model(config, 0).train()
    batch = collate(frames)
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(steps):
        loss = model.loss(model(batch), batch)["total"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    optimiser.zero_grad()
    return TorchEngine(model, config, "cpu")


@pytest.fixture(scope="session")
def street_frame(street: FrameSource) -> Frame:
    return street[1]


@pytest.fixture(scope="session", name="mini_config")
def mini_config_function() -> Callable[..., Config]:
    return mini_config


@pytest.fixture(scope="session")
def fused(street: FrameSource) -> TorchEngine:
    """Camera and LiDAR, briefly trained on two frames of the street."""
    return train(mini_config(), [street[1], street[4]], 40)


@pytest.fixture(scope="session")
def camera_only(street: FrameSource) -> TorchEngine:
    return train(mini_config(lidar=False), [street[1]], 70)
