"""Simulated frames in KITTI's layout, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.data.folder import FolderSource, write_folder
from calico.data.kitti import KittiSource, write_kitti
from calico.data.kitti.write import name_types
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.camera import project_points
from calico.taxonomy import NUSCENES, WAYMO
from tests.rigs import Changed, keep_views, simulated


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Changed]:
    out = tmp_path_factory.mktemp("kitti")
    source = simulated("six_cameras", "val", out / "cache")
    write_kitti({"val": source}, out / "data")
    return out / "data", source


def in_view(frame: Frame) -> np.ndarray:
    """Objects whose centre the forward camera sees."""
    hw = frame.images[0].shape[:2]
    centers = frame.boxes.boxes[:, :3]
    pixels, depth, _ = project_points(frame.image_from_lidar[0], centers, hw)
    inside = ((pixels >= 0) & (pixels <= (hw[1] - 1, hw[0] - 1))).all(axis=1)
    return np.flatnonzero(inside & (depth > 0.1))


def assert_same(got: Frame, expected: Frame) -> None:
    np.testing.assert_array_equal(got.points[:, :4], expected.points[:, :4])
    np.testing.assert_array_equal(got.images[0], expected.images[0])
    np.testing.assert_allclose(got.camera_K[0], expected.camera_K[0], atol=1e-6)
    np.testing.assert_allclose(got.camera_T_lidar[0], expected.camera_T_lidar[0], atol=1e-6)
    rows = in_view(expected)
    assert len(rows) > 3
    np.testing.assert_allclose(got.boxes.boxes[:, :6], expected.boxes.boxes[rows, :6], atol=1e-5)
    turn = got.boxes.boxes[:, 6] - expected.boxes.boxes[rows, 6]
    np.testing.assert_allclose(np.cos(turn), 1.0, atol=1e-9)
    types = name_types(NUSCENES)
    found = [got.taxonomy.names[label] for label in got.boxes.labels]
    assert found == [types[label] for label in expected.boxes.labels[rows]]


def test_simulator_to_kitti_to_frame(written: tuple[Path, Changed]) -> None:
    root, source = written
    again = KittiSource(root, "val")
    assert len(again) == len(source) == 2
    for index in range(2):
        assert_same(again[index], source[index])
    assert (root / "tokens.txt").read_text().splitlines()[1] == f"000001 {source.info(1).token}"


def test_simulator_to_kitti_to_folder(written: tuple[Path, Changed], tmp_path: Path) -> None:
    root, source = written
    kitti = KittiSource(root, "val")
    write_folder({"val": kitti}, tmp_path / "out")
    again = FolderSource(tmp_path / "out", "val", taxonomy=kitti.taxonomy)
    assert again.cameras == ("image_2",)
    for index in range(2):
        assert_same(again[index], source[index])
        frame = again[index]
        np.testing.assert_array_equal(frame.unlabelled, kitti[index].unlabelled)
    name = kitti.image_files(0)[0].read_bytes()
    assert again.image_files(0)[0].read_bytes() == name


def test_a_frame_without_images_is_refused(written: tuple[Path, Changed], tmp_path: Path) -> None:
    bare = Changed(written[1], keep_views(0), (), None)
    with pytest.raises(CalicoError, match="has no images; the KITTI layout needs"):
        write_kitti({"val": bare}, tmp_path)
    with pytest.raises(CalicoError, match="has no camera 'nose'"):
        write_kitti({"val": written[1]}, tmp_path, camera="nose")


def test_types_of_other_taxonomies() -> None:
    assert name_types(WAYMO) == ("Car", "Pedestrian", "Cyclist")
    assert name_types(NUSCENES)[:4] == ("Car", "Truck", "Misc", "Misc")
