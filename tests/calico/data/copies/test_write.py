"""Frames written as nuScenes' files and rows."""

from __future__ import annotations

import json
from pathlib import Path

from calico.data.copies.corrupted import CopyWriter
from calico.frame import Frame
from corruptions.preset import Level
from tests.calico.data.copies.helpers import SEED, ByHand, original


def test_what_the_format_loses_is_counted(tiny: Path, tmp_path: Path) -> None:
    def near_and_old(frame: Frame) -> Frame:
        points = frame.points.copy()
        points[:3, :2] = 0.5
        points[5:7, 4] += 0.5
        return frame.replace(points=points)

    lost = CopyWriter(original(tiny, sweeps=1), SEED).write(
        ByHand("crosstalk", 3, change=near_and_old), tmp_path
    )
    assert lost == {"points_within_1_m_of_the_sensor": 4 * 3, "points_with_another_age": 4 * 2}
    assert (
        json.loads((tmp_path / "crosstalk-3" / "manifest.json").read_text())["not_stored"] == lost
    )


def test_a_sweep_without_returns_is_one_own_return(tiny: Path, tmp_path: Path) -> None:
    CopyWriter(original(tiny), SEED).write(Level("lidar_missing", 1), tmp_path)
    folder = tmp_path / "lidar_missing-1"
    assert (folder / "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin").read_bytes() == b""
    assert (folder / "sweeps/LIDAR_TOP/LIDAR_TOP-0-1.pcd.bin").read_bytes() == bytes(20)
