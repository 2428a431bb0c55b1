from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

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
from calico.models.calico import build_model
from calico_eval.engines.torch import TorchEngine

HERE = Path(__file__).parent


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def street() -> FrameSource:
    """Two scenes of three frames of a small ray-cast street (tests/calico_eval/street.py)."""
    source: FrameSource = _load(HERE / "street.py").Street()
    return source


@pytest.fixture(scope="session")
def cluster_detector_module() -> ModuleType:
    """examples/user_model.py, imported as a user would."""
    return _load(HERE.parents[1] / "examples" / "user_model.py")


@pytest.fixture(scope="session")
def small_engine(street: FrameSource) -> TorchEngine:
    """The real network, narrow, trained for seconds on two frames of the street: it finds the near cars there."""
    config = Config(
        name="small",
        grid=GridConfig(
            x_range_m=(-16, 16), y_range_m=(-16, 16), pillar_m=1.0,
            map_x_range_m=(-16, 16), map_y_range_m=(-16, 16), map_cell_m=1.0,
        ),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=16),
            camera=CameraConfig(
                image_size=(32, 64), backbone_width=0.25, fpn_channels=16, channels=16, depth_range_m=(1.0, 25.0),
                depth_bins=12, heights_m=(-1.5, -0.5),
            ),
            bev=BevConfig(layers=(1, 1), strides=(1, 2), channels=(16, 32), neck_channels=16, out_stride=1),
            detection=DetectionConfig(tasks=(("car",), ("pedestrian",)), channels=16, max_boxes=40),
            map=MapConfig(head="conv", channels=16),
        ),
    )  # fmt: skip
    model = build_model(config, 0).train()
    batch = collate([street[0], street[3]])
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(60):
        loss = model.loss(model(batch), batch)["total"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return TorchEngine(model, config, "cpu")
