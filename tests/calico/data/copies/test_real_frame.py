"""Copies of the simulator's frames and of real ones, read by us and by nuscenes-devkit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calico.data.copies.corrupted import CopyWriter, Original
from calico.data.nuscenes import NuScenesSource
from corruptions import corrupt
from corruptions.preset import Level
from tests.calico.data.copies.devkit import (
    ROOT,
    SEED,
    VERSION,
    assert_same,
    devkit_points,
    opened_by_devkit,
)


@pytest.fixture
def one_real_frame(tmp_path: Path) -> Original:
    """The second keyframe of scene-0103 with its sweeps; the sensor files are reached through links
    to folders."""
    root = tmp_path / "real"
    (root / VERSION).mkdir(parents=True)
    for name in ("samples", "sweeps", "maps"):
        (root / name).symlink_to(ROOT / name)
    tables = {path.name: json.loads(path.read_text()) for path in (ROOT / VERSION).glob("*.json")}
    scene = next(row["token"] for row in tables["scene.json"] if row["name"] == "scene-0103")
    samples = sorted(
        (row for row in tables["sample.json"] if row["scene_token"] == scene),
        key=lambda row: row["timestamp"],
    )
    tables["sample.json"] = samples[1:2]
    tables["sample_annotation.json"] = [
        row | {"prev": "", "next": ""}
        for row in tables["sample_annotation.json"]
        if row["sample_token"] == samples[1]["token"]
    ]
    for name, rows in tables.items():
        (root / VERSION / name).write_text(json.dumps(rows))
    source = NuScenesSource(root, VERSION, "scene-0103", None, sweeps=2)
    assert len(source) == 1
    return Original(source, source, root, VERSION, 2)


@pytest.mark.skipif(
    not ROOT.is_dir(), reason="needs ../shared/data/pandaset_nuscenes or CALICO_SHARED_DATA"
)
def test_a_real_frame(one_real_frame: Original, tmp_path: Path) -> None:
    CopyWriter(one_real_frame, SEED).write(
        Level("low_light+point_drop+extrinsic", 3), tmp_path / "copies"
    )
    folder = tmp_path / "copies" / "low_light+point_drop+extrinsic-3"
    copy = NuScenesSource(folder, VERSION, "scene-0103", None, sweeps=2)
    expected = corrupt(one_real_frame.frames[0], "low_light+point_drop+extrinsic", 3, SEED)
    assert_same(copy[0], expected)
    assert len(set(copy[0].sweep_index.tolist())) == 2
    np.testing.assert_array_equal(
        copy[0].boxes.boxes[:, :6], one_real_frame.frames[0].boxes.boxes[:, :6]
    )
    devkit = opened_by_devkit(folder)
    np.testing.assert_allclose(
        devkit_points(devkit, copy[0].token, 2), copy[0].points[:, :4], atol=3e-5
    )
    token = devkit.get("sample", copy[0].token)["data"]["CAM_BACK"]
    path, boxes, K = devkit.get_sample_data(token)
    assert path.endswith(".png")
    np.testing.assert_allclose(K, copy[0].camera_K[3])
    assert boxes
