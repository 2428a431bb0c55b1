"""`convert_data` and `calico data convert`: from any layout to any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import load_config
from calico.data.convert import Target, convert_data
from calico.data.layouts import detect_layout
from calico.data.open import open_data
from calico.errors import CalicoError

SIM = ("data.sim={train_scenes: 1, val_scenes: 1, frames_per_scene: 2, image_size: [32, 64]}",)

SETTINGS = ("data.waymo={interval: 1, image_reduction: 1}", "data.sweeps=1")
"""Every frame of a Waymo segment in full size, and one sweep, against the presets."""
EVERY = ("--set", SETTINGS[0])


def convert(*words: object, expect: int = 0) -> str:
    done = CliRunner().invoke(cli, ["data", "convert", *map(str, words)])
    assert done.exit_code == expect, done.output + str(done.exception)
    return done.output + str(done.exception or "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulator's validation frames in every layout."""
    root = tmp_path_factory.mktemp("layouts")
    sim = [word for one in (*SIM, f"data.cache_dir={root / 'cache'}") for word in ("--set", one)]
    for layout in ("folder", "nuscenes", "kitti", "argoverse2", "waymo-v1", "waymo-v2"):
        words = ("--to", layout, "--split", "val", "--small", "--out", root / layout)
        assert "2 frames: " in convert(*words, *sim)
    return root


@pytest.mark.parametrize(
    "layout", ["folder", "nuscenes", "kitti", "argoverse2", "waymo-v1", "waymo-v2"]
)
def test_every_layout_is_recognised_and_opened(made: Path, layout: str) -> None:
    assert detect_layout(made / layout) == layout
    source = open_data(made / layout, "val", settings=SETTINGS)
    assert len(source) == 2
    frame = source[1]
    assert len(frame.points) > 1000
    assert len(frame.boxes) > 3
    assert (frame.boxes.num_points > 0).any()


@pytest.mark.parametrize("layout", ["nuscenes", "kitti", "argoverse2", "waymo-v2", "folder"])
def test_every_layout_becomes_a_folder(made: Path, layout: str, tmp_path: Path) -> None:
    words = ("--from", layout, "--data-root", made / layout, "--split", "val", *EVERY)
    convert(*words, "--to", "folder", "--out", tmp_path / "out")
    before = open_data(made / layout, "val", settings=SETTINGS)
    after = open_data(tmp_path / "out", "val")
    assert [after.info(k) for k in range(2)] == [before.info(k) for k in range(2)]
    for index in range(2):
        one, other = before[index], after[index]
        assert one.taxonomy == other.taxonomy
        assert len(one.points) == len(other.points)
        np.testing.assert_allclose(one.boxes.boxes, other.boxes.boxes, atol=1e-6, equal_nan=True)
        np.testing.assert_array_equal(one.boxes.num_points, other.boxes.num_points)
        np.testing.assert_allclose(one.camera_T_lidar, other.camera_T_lidar, atol=1e-6)
        np.testing.assert_allclose(one.global_T_lidar, other.global_T_lidar, atol=1e-6)
        np.testing.assert_allclose(
            one.ray_origins[:1000].mean(0), other.ray_origins[:1000].mean(0), atol=2
        )
        assert one.conditions == other.conditions
        for image, copy in zip(one.images, other.images, strict=True):
            np.testing.assert_array_equal(image, copy)
        if layout != "waymo-v2":  # whose images are resampled; others are copied
            files = [[p.read_bytes() for p in s.image_files(index)] for s in (before, after)]
            assert len(files[0]) == len(one.images)
            assert files[0] == files[1]


def test_one_waymo_version_becomes_the_other(made: Path, tmp_path: Path) -> None:
    words = ("--data-root", made / "waymo-v1", "--split", "val", "--to", "waymo-v2")
    convert(*words, "--out", tmp_path / "v2")
    assert detect_layout(tmp_path / "v2") == "waymo-v2"
    before, after = open_data(made / "waymo-v1", "val")[0], open_data(tmp_path / "v2", "val")[0]
    np.testing.assert_allclose(before.points, after.points, atol=1e-3)


def test_what_cannot_be_converted_is_said_first(made: Path, tmp_path: Path) -> None:
    words = ("--data-root", made / "kitti", "--split", "val", "--out", tmp_path / "out")
    assert "'kitti' has no range images" in convert(*words, "--to", "waymo-v2", expect=1)
    wrong = convert("--from", "nuscenes", *words, expect=1)
    assert "--from nuscenes: the data are in the layout 'kitti'" in wrong
    assert "no list" in convert("--data-root", made / "kitti", "--out", tmp_path / "o", expect=1)
    full = convert(
        "--data-root", made / "kitti", "--split", "val", "--out", made / "folder", expect=1
    )
    assert "is not empty" in full


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(CalicoError, match="holds no known layout; expected one of"):
        detect_layout(tmp_path)
    with pytest.raises(CalicoError, match="is not a folder"):
        detect_layout(tmp_path / "none")
    (tmp_path / "sample_data.json").write_text("[]")
    with pytest.raises(CalicoError, match="is the folder of nuScenes' tables"):
        detect_layout(tmp_path)


@pytest.mark.parametrize("target", ["folder", "kitti", "argoverse2", "waymo-v1", "waymo-v2"])
def test_what_an_interrupted_conversion_left_is_not_opened(target: Target, tmp_path: Path) -> None:
    settings = [*SIM, f"data.cache_dir={tmp_path / 'cache'}"]
    config = load_config("tiny", None, settings)

    def stop(done: int, total: int) -> None:
        if done == total:  # the second of two splits is there, too, for the last moment counts
            raise KeyboardInterrupt

    splits = ("train", "val")
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        convert_data(config, "sim", target, splits, out, stop, small=True)
    with pytest.raises(CalicoError, match=r"has not come to its end .* again with --overwrite"):
        open_data(out, "val")
    convert_data(config, "sim", target, splits, tmp_path / "again", small=True)
    assert len(open_data(tmp_path / "again", "val", settings=SETTINGS)) == 2
