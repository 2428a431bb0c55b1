"""A narrow model on the hand-built frame's grid."""

from __future__ import annotations

import pytest

from calico.config.data import DataConfig
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
from calico.data.batch import Batch, collate_frames
from calico.frame import Frame


@pytest.fixture
def small() -> Config:
    """+-16 m, 64 x 64 pillars, 32 x 32 trunk cells, two cameras of 64 x 128."""
    side = (-16.0, 16.0)
    return Config(
        grid=GridConfig(x_range_m=side, y_range_m=side, map_x_range_m=side, map_y_range_m=side),
        data=DataConfig(cameras=("front", "back")),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=16),
            camera=CameraConfig(
                image_size=(64, 128),
                backbone_width=0.25,
                fpn_channels=16,
                channels=16,
                depth_bins=20,
                depth_range_m=(1, 21),
            ),
            bev=BevConfig(
                layers=(1, 1), strides=(2, 2), channels=(16, 32), neck_channels=16, out_stride=2
            ),
            detection=DetectionConfig(channels=16, max_boxes=20),
            map=MapConfig(channels=8),
        ),
    )


@pytest.fixture
def batch(frame: Frame) -> Batch:
    return collate_frames([frame])
