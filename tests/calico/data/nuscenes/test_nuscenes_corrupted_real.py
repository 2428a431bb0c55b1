"""Copies of the simulator's frames and of real ones, read by us and by nuscenes-devkit."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.config.load import load_config
from calico.data.nuscenes import NuScenesSource
from calico.data.nuscenes.corrupted import CopyWriter, Original, open_original
from calico.frame import Frame
from calico.geometry.frames import wrap_angle
from corruptions import corrupt
from corruptions.preset import Level

REPOSITORY = Path(__file__).parents[4]
ROOT = (
    Path(os.environ.get("CALICO_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    / "pandaset_nuscenes"
)
VERSION = "v1.0-mini"
SEED = 2


def assert_same(found: Frame, expected: Frame) -> None:
    """To float32 rounding; images to the bit. No point of these frames is near the sensor."""
    assert (found.token, found.scene, found.timestamp_s) == (
        expected.token,
        expected.scene,
        expected.timestamp_s,
    )
    np.testing.assert_allclose(found.points, expected.points, atol=2e-5)
    np.testing.assert_array_equal(found.ring, expected.ring)
    np.testing.assert_array_equal(found.sweep_index, expected.sweep_index)
    assert all(np.array_equal(a, b) for a, b in zip(found.images, expected.images, strict=True))
    for name in ("camera_K", "camera_T_lidar", "ego_T_lidar", "global_T_lidar", "sweep_T"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), atol=1e-9, err_msg=name
        )
    np.testing.assert_allclose(found.boxes.boxes[:, :6], expected.boxes.boxes[:, :6], atol=1e-5)
    turned = wrap_angle(found.boxes.boxes[:, 6] - expected.boxes.boxes[:, 6])
    np.testing.assert_allclose(turned, 0, atol=1e-5)
    for name in ("labels", "attributes", "num_points"):
        np.testing.assert_array_equal(getattr(found.boxes, name), getattr(expected.boxes, name))


def opened_by_devkit(root: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip(
            "nuscenes.nuscenes", reason="needs nuscenes-devkit", exc_type=ImportError
        )
        return module.NuScenes(VERSION, str(root), verbose=False)


def devkit_points(devkit: Any, token: str, sweeps: int) -> np.ndarray:
    """(N, 4) x, y, z, intensity [0..1] of aggregated sweeps, in our axes."""
    from nuscenes.utils.data_classes import LidarPointCloud

    cloud, _ = LidarPointCloud.from_file_multisweep(
        devkit, devkit.get("sample", token), "LIDAR_TOP", "LIDAR_TOP", nsweeps=sweeps
    )
    x, y, z, intensity = cloud.points
    return np.stack([y, -x, z, intensity / 255], axis=1)


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
