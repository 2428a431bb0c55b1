from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.engines.torch import TorchEngine
from tests.calico_eval.networks import mini

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
def small_engine() -> TorchEngine:
    """The real network, narrow, with committed weights: it finds the near cars of the street."""
    return mini.load_network("fused", mini.mini_config(name="small"))


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
