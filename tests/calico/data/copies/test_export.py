"""The simulator's frames in the nuScenes format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calico.config.load import load_config
from calico.data.copies.corrupted import CopyWriter, open_original
from calico.data.nuscenes import NuScenesSource
from corruptions import corrupt
from corruptions.preset import Level
from tests.calico.data.copies.devkit import (
    SEED,
    VERSION,
    assert_same,
    devkit_points,
    opened_by_devkit,
)


def test_simulated_frames(tmp_path: Path) -> None:
    """Two scenes of two frames with three sweeps; the copy is that of the simulator's own
    frames."""
    settings = ("val_scenes=2", "frames_per_scene=2", "image_size=[24,64]")
    config = load_config(
        "tiny",
        None,
        [
            *(f"data.sim.{setting}" for setting in settings),
            "data.sweeps=3",
            f"data.cache_dir={tmp_path / 'sim'}",
        ],
    )
    original = open_original(config, "val", tmp_path / "copies")
    assert [original.records.info(index) for index in range(4)] == [
        original.frames.info(index) for index in range(4)
    ]
    CopyWriter(original, SEED).write(Level("fog+extrinsic", 3), tmp_path / "copies")
    folder = tmp_path / "copies" / "fog+extrinsic-3"
    copy = NuScenesSource(folder, VERSION, "val", None, sweeps=3)
    clean = NuScenesSource(tmp_path / "copies" / "clean", VERSION, "val", None, sweeps=3)
    for index in range(4):
        frame = original.frames[index]
        assert_same(clean[index], frame)
        assert_same(copy[index], corrupt(frame, "fog+extrinsic", 3, SEED))
    both = np.isfinite(clean[1].boxes.boxes[:, 7:]).all(axis=1)
    assert both.any()
    np.testing.assert_allclose(
        clean[1].boxes.boxes[both, 7:], original.frames[1].boxes.boxes[both, 7:], atol=1.0
    )
    devkit = opened_by_devkit(folder)
    seen = devkit_points(devkit, copy[1].token, 3)
    np.testing.assert_allclose(seen, copy[1].points[:, :4], atol=3e-5)
