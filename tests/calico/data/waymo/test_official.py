"""Our conversion of range images against the official code, which `make waymo-env` installs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from calico.data.waymo.range_image import convert_scan
from calico.data.waymo.records import LASERS, LidarScan
from calico.data.waymo.v1.reader import open_segments
from calico.data.waymo.v1.writer import write_segment
from tests.calico.data.waymo.small import segment

REPOSITORY = Path(__file__).parents[4]
PYTHON = Path(os.environ.get("CALICO_WAYMO_PYTHON", REPOSITORY / ".venv-waymo" / "bin" / "python"))
STEPS = 4
"""The official code computes in float32, and in world coordinates for the LiDAR on the roof. So it
may differ by a few steps of float32 at the place of the vehicle, which is 5 km from the origin."""


@pytest.mark.slow
@pytest.mark.skipif(
    not PYTHON.is_file(), reason="needs `make waymo-env` (Linux, Python 3.11, TensorFlow 2.13)"
)
def test_points_are_those_of_the_official_code(tmp_path: Path) -> None:
    source = segment("val", 0)
    write_segment(tmp_path, "validation", source.context, source.records())
    (ours,) = open_segments(tmp_path, "validation")
    (file,) = (tmp_path / "validation").glob("*.tfrecord")
    script = Path(__file__).with_name("official_points.py")
    command = [str(PYTHON), str(script), str(file), str(tmp_path / "points.npz")]
    # The official code hands bytearrays to protobuf, which only its Python version takes.
    settings = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    official = np.load(tmp_path / "points.npz")
    compared = 0
    for number, time in enumerate(ours.timestamps_us.tolist()):
        record = ours.read(time)
        place = np.abs(record.world_T_vehicle[:3, 3]).max()
        for laser in LASERS:
            scan, mount = record.scans[laser], record.lidar_calibrations[laser]
            for index, image in enumerate(scan.returns):
                one = LidarScan((image,), scan.pixel_pose)
                found = convert_scan(one, mount, record.world_T_vehicle).xyz
                expected = official[f"points_{number}_{laser}_{index + 1}"]
                assert found.shape == expected.shape
                step = np.spacing(np.float32(100.0 if scan.pixel_pose is None else place))
                assert np.abs(found - expected).max(initial=0.0) <= STEPS * step
                compared += len(found)
    assert compared > 5000
