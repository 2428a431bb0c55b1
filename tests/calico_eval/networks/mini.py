"""The small trained networks that tests judge: one configuration, weights committed beside this
file.

The weights are read and never made by a test, so that a test sees the same network on every
processor. `train.py` made them.
"""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file

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
from calico.models.calico import build_model
from calico_eval.engines.torch import TorchEngine

HERE = Path(__file__).parent


def mini_config(lidar: bool = True, camera: bool = True, name: str = "mini") -> Config:
    """The real network, narrow, on the 32 m street."""
    return Config(
        name=name,
        grid=GridConfig(
            x_range_m=(-16, 16),
            y_range_m=(-16, 16),
            pillar_m=1.0,
            map_x_range_m=(-16, 16),
            map_y_range_m=(-16, 16),
            map_cell_m=1.0,
        ),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=16) if lidar else None,
            camera=CameraConfig(
                image_size=(32, 64),
                backbone_width=0.125,
                fpn_channels=16,
                channels=16,
                depth_range_m=(1.0, 25.0),
                depth_bins=12,
                heights_m=(-1.5, -0.5),
            )
            if camera
            else None,
            bev=BevConfig(
                layers=(1, 1), strides=(1, 2), channels=(16, 32), neck_channels=16, out_stride=1
            ),
            detection=DetectionConfig(tasks=(("car",), ("pedestrian",)), channels=16, max_boxes=40),
            map=MapConfig(head="conv", channels=16),
        ),
    )


def load_network(file: str, config: Config) -> TorchEngine:
    """An engine with the committed weights.

    Args:
        file: Name of the safetensors file in this folder, without its suffix.
        config: Architecture that the weights were made for.

    Returns:
        The engine on the CPU, with parameters of its own.
    """
    model = build_model(config, 0)
    weights = load_file(HERE / f"{file}.safetensors")
    model.load_state_dict(
        {name: value.to(model.state_dict()[name].dtype) for name, value in weights.items()}
    )
    return TorchEngine(model, config, "cpu")
