"""Frames of a folder in KITTI's layout that is written from known geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calico.data.kitti import KittiSource
from calico.data.kitti.files import KittiObject
from calico.data.kitti.source import to_lidar_box
from calico.errors import CalicoError
from calico.geometry.camera import project_points
from tests.calico.data.kitti.test_files import CALIBRATION, LABEL

CAMERA_T_VELODYNE = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.08], [1, 0, 0, -0.27], [0, 0, 0, 1]])
IN_BOX = (20.27, -2.0, -1.0)
"""The label's centre in the LiDAR frame: x = z + 0.27, y = -x, z = -(y - h / 2) - 0.08."""
LEFT = (20.0, 5.0, 0.0)
BEHIND = (-5.0, 0.0, 0.0)


@pytest.fixture
def kitti(tmp_path: Path) -> Path:
    root = tmp_path / "kitti"
    for folder in ("velodyne", "calib", "label_2", "image_2"):
        (root / "training" / folder).mkdir(parents=True)
    (root / "ImageSets").mkdir()
    for name in ("000000", "000007"):
        cloud = np.array([(*IN_BOX, 0.25), (*LEFT, 0.5), (*BEHIND, 1.0)], "<f4")
        cloud.tofile(root / "training" / "velodyne" / f"{name}.bin")
        (root / "training" / "calib" / f"{name}.txt").write_text(CALIBRATION)
        dont_care = "DontCare -1 -1 -10 380 120 480 200 -1 -1 -1 -1000 -1000 -1000 -10\n"
        (root / "training" / "label_2" / f"{name}.txt").write_text(
            LABEL + dont_care + LABEL.replace("Car", "Van").replace("20.0", "40.0")
        )
        Image.new("RGB", (1242, 375)).save(root / "training" / "image_2" / f"{name}.png")
    (root / "ImageSets" / "val.txt").write_text("000007\n")
    return root


def test_boxes_stand_where_the_labels_say(kitti: Path) -> None:
    frame = KittiSource(kitti)[0]
    car, van = frame.boxes.boxes
    np.testing.assert_allclose(car[:3], (20.27, -2.0, -(1.7 - 0.75) - 0.08), atol=1e-5)
    np.testing.assert_allclose(car[3:6], (4.0, 1.6, 1.5))
    assert car[6] == pytest.approx(-np.pi / 2)  # along the camera's x axis, to the right
    assert np.isnan(car[7:]).all()
    assert van[0] == pytest.approx(40.27)
    assert [frame.taxonomy.names[label] for label in frame.boxes.labels] == ["Car", "Van"]
    assert frame.boxes.num_points.tolist() == [1, 0]
    assert frame.boxes.difficulty is not None
    assert frame.boxes.difficulty.tolist() == [2, 2]


def test_a_turned_label() -> None:
    """rotation_y of -90 degrees looks forward, 180 degrees to the left."""
    for turn, yaw in ((-np.pi / 2, 0.0), (np.pi, np.pi / 2), (np.pi / 2, np.pi)):
        one = KittiObject("Car", 0, 0, 0, 0, 9, 9, (1, 1, 2), (0, 1, 9), turn)
        found = to_lidar_box(one, CAMERA_T_VELODYNE)[6]
        assert np.cos(found - yaw) == pytest.approx(1.0)


def test_points_land_in_the_pixels_of_p2(kitti: Path) -> None:
    frame = KittiSource(kitti)[0]
    pixels, depth, visible = project_points(frame.image_from_lidar[0], frame.points, (375, 1242))
    # P2 x with x = (2, 0.92, 20): u = (1400 + 600 * 20 + 42) / 20, v = (644 + 170 * 20) / 20
    np.testing.assert_allclose(pixels[0], (672.1, 202.2), atol=1e-3)
    assert depth[0] == pytest.approx(20.0, abs=1e-5)
    assert visible.tolist() == [True, True, False]


def test_what_nobody_labelled_is_known(kitti: Path) -> None:
    """The second point lies in the DontCare area, the third one behind the camera."""
    frame = KittiSource(kitti)[0]
    assert frame.unlabelled is not None
    assert frame.unlabelled.tolist() == [False, True, True]
    assert frame.ring.tolist() == [-1, -1, -1]
    alone = KittiSource(kitti, cameras=())[0]
    assert alone.images == ()
    assert alone.unlabelled is not None
    assert alone.unlabelled.tolist() == [False, True, True]


def test_splits_and_classes(kitti: Path) -> None:
    source = KittiSource(kitti, "val")
    assert [source.info(k).token for k in range(len(source))] == ["000007"]
    assert len(KittiSource(kitti)) == 2
    np.testing.assert_array_equal(source.labels(0), source.annotations(0).boxes.labels)
    assert source.image_sizes() == {(375, 1242)}
    with pytest.raises(CalicoError, match=r"no list .*train.txt of the split 'train'"):
        KittiSource(kitti, "train")
    with pytest.raises(CalicoError, match="no camera 'image_3'"):
        KittiSource(kitti, cameras=("image_3",))


def test_what_changes_a_frame_changes_the_hash(kitti: Path) -> None:
    before = KittiSource(kitti).content_hash()
    assert KittiSource(kitti).content_hash() == before
    path = kitti / "training" / "label_2" / "000007.txt"
    path.write_text(path.read_text().replace("20.0", "20.1"))
    assert KittiSource(kitti).content_hash() != before


@pytest.mark.parametrize("name", ["velodyne/000007.bin", "calib/000007.txt", "label_2/000007.txt"])
def test_a_missing_file_is_said_at_once(kitti: Path, name: str) -> None:
    (kitti / "training" / name).unlink()
    with pytest.raises(CalicoError, match="missing" if "velo" not in name else "."):
        KittiSource(kitti, "val")


def test_a_split_cannot_name_files_elsewhere(kitti: Path) -> None:
    (kitti / "ImageSets" / "val.txt").write_text("../../secret\n")
    with pytest.raises(CalicoError, match=r"names .* wrongly"):
        KittiSource(kitti, "val")
