"""A data set in which every corruption has something to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calico.data.nuscenes import NuScenesSource
from calico.geometry.frames import from_yaw, transform_points
from tests.calico.data.copies.helpers import VERSION


@pytest.fixture
def rich(tiny: Path) -> Path:
    """The tiny data set with textured images and 40 points in every box, so that every corruption
    has something to do."""
    rng = np.random.default_rng(11)
    for path in sorted((tiny / "samples").rglob("*.jpg")):
        Image.fromarray(rng.integers(0, 256, (32, 64, 3)).astype(np.uint8)).save(path, quality=95)
    source = NuScenesSource(tiny, VERSION, "all", None)
    for index in range(len(source)):
        sample = source.record(index)
        clouds = [np.fromfile(tiny / sample.lidar[0].filename, "<f4").reshape(-1, 5)]
        for box in sample.boxes.boxes.astype(np.float64):
            inside = transform_points(
                from_yaw(box[6], (box[0], box[1], box[2])),
                rng.uniform(-0.4, 0.4, (40, 3)) * box[3:6],
            )
            columns = [
                -inside[:, 1],
                inside[:, 0],
                inside[:, 2],
                rng.integers(0, 256, 40),
                rng.integers(0, 32, 40),
            ]
            clouds.append(np.stack(columns, axis=1))
        np.concatenate(clouds).astype("<f4").tofile(tiny / sample.lidar[0].filename)
    return tiny
