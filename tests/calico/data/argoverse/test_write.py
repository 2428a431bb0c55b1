"""Simulated frames in Argoverse 2's layout, and back."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from calico.data.argoverse import ArgoverseSource, write_argoverse
from calico.data.argoverse.write import _add_frame, name_categories
from calico.data.folder import FolderSource, write_folder
from calico.errors import CalicoError
from calico.frame import Frame
from calico.taxonomy import KITTI, NUSCENES, WAYMO
from tests.rigs import Changed, simulated, split_lidars


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Changed]:
    out = tmp_path_factory.mktemp("argoverse")
    source = simulated("six_cameras", "val", out / "cache")
    write_argoverse({"val": source}, out / "data")
    return out / "data", source


def assert_same(got: Frame, expected: Frame, cameras: tuple[str, ...]) -> None:
    assert np.abs(got.points[:, :3] - expected.points[:, :3]).max() < 1e-3
    assert np.abs(got.points[:, 3] - expected.points[:, 3]).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(got.ring, expected.ring)
    np.testing.assert_allclose(got.timestamp_s, expected.timestamp_s)
    np.testing.assert_allclose(got.global_T_lidar, expected.global_T_lidar, atol=1e-6)
    np.testing.assert_allclose(got.ego_T_lidar, expected.ego_T_lidar, atol=1e-6)
    order = [cameras.index(name) for name in sorted(cameras)]
    np.testing.assert_allclose(got.camera_K, expected.camera_K[order], atol=1e-6)
    np.testing.assert_allclose(got.camera_T_lidar, expected.camera_T_lidar[order], atol=1e-6)
    for view, image in zip(order, got.images, strict=True):
        difference = image.astype(int) - expected.images[view].astype(int)
        assert abs(difference).mean() < 6  # JPEG
    np.testing.assert_allclose(got.boxes.boxes[:, :6], expected.boxes.boxes[:, :6], atol=1e-5)
    turn = got.boxes.boxes[:, 6] - expected.boxes.boxes[:, 6]
    np.testing.assert_allclose(np.cos(turn), 1.0, atol=1e-9)
    np.testing.assert_array_equal(got.boxes.num_points, expected.boxes.num_points)
    assert got.boxes.instances == expected.boxes.instances
    names = name_categories(NUSCENES)
    found = [got.taxonomy.names[label] for label in got.boxes.labels]
    assert found == [names[label] for label in expected.boxes.labels]


def test_simulator_to_argoverse_to_frame(written: tuple[Path, Changed]) -> None:
    root, source = written
    again = ArgoverseSource(root, "val")
    assert again.cameras == tuple(sorted(source.cameras))
    for index in range(2):
        assert_same(again[index], source[index], source.cameras)


def test_simulator_to_argoverse_to_folder(written: tuple[Path, Changed], tmp_path: Path) -> None:
    root, source = written
    argoverse = ArgoverseSource(root, "val")
    write_folder({"val": argoverse}, tmp_path / "out")
    again = FolderSource(tmp_path / "out", "val", taxonomy=argoverse.taxonomy)
    for index in range(2):
        frame, expected = again[index], argoverse[index]
        assert_same(frame, source[index], source.cameras)
        assert frame.lidar_T is not None
        assert expected.lidar_T is not None
        np.testing.assert_allclose(frame.lidar_T, expected.lidar_T, atol=1e-9)
        np.testing.assert_array_equal(frame.lidar_index, expected.lidar_index)
        np.testing.assert_allclose(
            frame.boxes.boxes[:, 7:], expected.boxes.boxes[:, 7:], atol=1e-6, equal_nan=True
        )


def test_a_camera_whose_name_leads_elsewhere(written: tuple[Path, Changed], tmp_path: Path) -> None:
    frame = written[1][0]
    names = ("../../../../away", *written[1].cameras[1:])
    with pytest.raises(CalicoError, match=r"camera '\.\./\.\./\.\./\.\./away'.*expected a name of"):
        _add_frame(tmp_path / "log", frame, names, name_categories(NUSCENES), defaultdict(list))
    assert not (tmp_path.parent / "away").exists()


def test_more_lidars_than_the_layout_holds(written: tuple[Path, Changed], tmp_path: Path) -> None:
    three = Changed(written[1], split_lidars, written[1].cameras, None)
    with pytest.raises(CalicoError, match="has 3 LiDARs; the Argoverse 2 layout holds two"):
        write_argoverse({"val": three}, tmp_path)


def test_categories_of_other_taxonomies() -> None:
    assert name_categories(WAYMO) == ("REGULAR_VEHICLE", "PEDESTRIAN", "BICYCLIST")
    assert name_categories(KITTI) == ("REGULAR_VEHICLE", "PEDESTRIAN", "BICYCLIST")
    assert name_categories(NUSCENES)[4] == "LARGE_VEHICLE"
