from __future__ import annotations

from collections.abc import Callable

import pytest

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.engines.torch import TorchEngine
from tests.calico_eval.networks import mini


@pytest.fixture(scope="session")
def street_frame(street: FrameSource) -> Frame:
    return street[1]


@pytest.fixture(scope="session")
def mini_config() -> Callable[..., Config]:
    return mini.mini_config


@pytest.fixture(scope="session")
def fused() -> TorchEngine:
    """Camera and LiDAR."""
    return mini.load_network("fused", mini.mini_config())


@pytest.fixture(scope="session")
def camera_only() -> TorchEngine:
    return mini.load_network("camera", mini.mini_config(lidar=False))
