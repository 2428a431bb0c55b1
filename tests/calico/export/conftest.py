"""The narrow model of `tests/calico/conftest.py` with fewer classes, and more and weaker boxes to
compare."""

from __future__ import annotations

import pytest

from calico.config.model import DetectionConfig
from calico.config.schema import Config


@pytest.fixture
def small(small: Config) -> Config:
    detection = DetectionConfig(
        tasks=(("car", "truck"), ("pedestrian",)), channels=16, max_boxes=40, score_threshold=0.05
    )
    return small.model_copy(
        update={"model": small.model.model_copy(update={"detection": detection})}
    )
