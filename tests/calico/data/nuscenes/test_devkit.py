"""Real frames (PandaSet in the nuScenes format) against nuscenes-devkit, an independent reader of
the same files."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.nuscenes import NuScenesSource
from calico.data.nuscenes.maps import map_path, read_map
from calico.geometry.camera import project_points
from calico.geometry.frames import from_yaw, yaw_of
from calico.geometry.grid import Grid
from calico.taxonomy import CAMERAS, NUSCENES

REPOSITORY = Path(__file__).parents[4]
ROOT = (
    Path(os.environ.get("CALICO_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    / "pandaset_nuscenes"
)
RAW_FROM_OURS = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
GRID = Grid(-32, 32, -32, 32, 0.5)

pytestmark = pytest.mark.skipif(
    not ROOT.is_dir(), reason="needs ../shared/data/pandaset_nuscenes or CALICO_SHARED_DATA"
)


@pytest.fixture(scope="module")
def devkit() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip(
            "nuscenes.nuscenes", reason="needs nuscenes-devkit", exc_type=ImportError
        )
        return module.NuScenes("v1.0-mini", str(ROOT), verbose=False)


@pytest.fixture(scope="module")
def source() -> NuScenesSource:
    return NuScenesSource(ROOT, "v1.0-mini", "all", GRID, sweeps=4)


@pytest.mark.parametrize("index", [0, 7, 19])
def test_points_of_aggregated_sweeps(devkit: Any, source: NuScenesSource, index: int) -> None:
    from nuscenes.utils.data_classes import LidarPointCloud

    frame = source[index]
    sample = devkit.get("sample", frame.token)
    cloud, age_s = LidarPointCloud.from_file_multisweep(
        devkit, sample, "LIDAR_TOP", "LIDAR_TOP", nsweeps=4
    )
    raw = frame.points[:, :3].astype(np.float64) @ RAW_FROM_OURS.T
    np.testing.assert_allclose(raw, cloud.points[:3].T, atol=3e-5)
    np.testing.assert_allclose(frame.points[:, 3], np.clip(cloud.points[3] / 255, 0, 1), atol=1e-6)
    np.testing.assert_allclose(frame.points[:, 4], age_s[0], atol=1e-6)


@pytest.mark.parametrize("index", range(0, 20, 3))
def test_boxes_in_the_sensor_frame(devkit: Any, source: NuScenesSource, index: int) -> None:
    from nuscenes.eval.common.utils import quaternion_yaw
    from nuscenes.eval.detection.utils import category_to_detection_name
    from pyquaternion import Quaternion

    sample = source.record(index)
    row = devkit.get("sample", sample.token)
    _, boxes, _ = devkit.get_sample_data(row["data"]["LIDAR_TOP"])
    heading = yaw_of(sample.lidar[0].global_T_sensor())
    expected, labels, counts = [], [], []
    for box in boxes:
        name = category_to_detection_name(box.name)
        if name is None:
            continue
        annotation = devkit.get("sample_annotation", box.token)
        width, length, height = box.wlh
        # As the official metric sees them: from above, in the global frame.
        yaw = quaternion_yaw(Quaternion(annotation["rotation"]))
        velocity = devkit.box_velocity(box.token)[:2]
        expected.append([*(RAW_FROM_OURS.T @ box.center), length, width, height, yaw, *velocity])
        labels.append(NUSCENES.names.index(name))
        counts.append(annotation["num_lidar_pts"] + annotation["num_radar_pts"])
    assert len(expected) > 50
    got = sample.boxes.boxes.astype(np.float64)
    got[:, 6] += heading
    got[:, 7:9] = got[:, 7:9] @ from_yaw(heading)[:2, :2].T
    turn = np.angle(np.exp(1j * (got[:, 6] - np.array(expected)[:, 6])))
    np.testing.assert_allclose(turn, 0, atol=1e-6)
    keep = [0, 1, 2, 3, 4, 5, 7, 8]
    np.testing.assert_allclose(got[:, keep], np.array(expected)[:, keep], atol=1e-5)
    np.testing.assert_allclose(got[:, 7:9], np.array(expected)[:, 7:9], rtol=1e-6, atol=1e-6)
    assert sample.boxes.labels.tolist() == labels
    assert sample.boxes.num_points.tolist() == counts


def test_projection_into_every_camera(devkit: Any, source: NuScenesSource) -> None:
    """Pixels of LiDAR points by the devkit's own chain of frames (LiDAR, ego, global, ego,
    camera)."""
    from nuscenes.utils.data_classes import LidarPointCloud
    from nuscenes.utils.geometry_utils import view_points
    from pyquaternion import Quaternion

    frame = NuScenesSource(ROOT, "v1.0-mini", "train", None)[5]
    sample = devkit.get("sample", frame.token)
    for view, camera in enumerate(CAMERAS):
        raw = np.concatenate([frame.points[:, :3] @ RAW_FROM_OURS.T, frame.points[:, 3:4]], axis=1)
        cloud = LidarPointCloud(raw.T.astype(np.float64))
        data = [
            devkit.get("sample_data", sample["data"][channel]) for channel in ("LIDAR_TOP", camera)
        ]
        poses = [devkit.get("ego_pose", row["ego_pose_token"]) for row in data]
        mounts = [devkit.get("calibrated_sensor", row["calibrated_sensor_token"]) for row in data]
        for step in (mounts[0], poses[0]):
            cloud.rotate(Quaternion(step["rotation"]).rotation_matrix)
            cloud.translate(np.array(step["translation"]))
        for step in (poses[1], mounts[1]):
            cloud.translate(-np.array(step["translation"]))
            cloud.rotate(Quaternion(step["rotation"]).rotation_matrix.T)
        expected = view_points(
            cloud.points[:3], np.array(mounts[1]["camera_intrinsic"]), normalize=True
        )
        pixels, depth, visible = project_points(
            frame.image_from_lidar[view], frame.points, frame.images[view].shape[:2]
        )
        assert visible.sum() > 1000
        np.testing.assert_allclose(depth, cloud.points[2], atol=1e-6)
        np.testing.assert_allclose(pixels[visible], expected[:2].T[visible], atol=1e-4)


def test_counted_points_lie_in_the_boxes(source: NuScenesSource) -> None:
    """The tables' counts of LiDAR points were made by others; our points in our boxes must come to
    the same."""
    from calico.geometry.boxes import points_in_boxes

    frame = source[4]
    mine = frame.points[frame.sweep_index == 0]
    got = points_in_boxes(mine, frame.boxes.boxes).sum(axis=1)
    expected = frame.boxes.num_points
    assert expected.sum() > 10_000
    assert abs(got - expected).sum() < 0.01 * expected.sum()


def test_map_masks_against_the_devkits(devkit: Any) -> None:
    """The devkit paints with OpenCV, whose polygons include their border pixels: equal but for the
    edges."""
    api = pytest.importorskip(
        "nuscenes.map_expansion.map_api", reason="needs descartes", exc_type=ImportError
    )
    reference = api.NuScenesMap(str(ROOT), "boston-seaport")
    ours = read_map(map_path(ROOT, "boston-seaport")).masks(
        from_yaw(0.4, (100.0, 105.0, 1.8)), GRID, NUSCENES
    )
    layers = ["drivable_area", "ped_crossing", "walkway", "stop_line", "carpark_area"]
    degrees = float(np.degrees(0.4))
    theirs = reference.get_map_mask((100.0, 105.0, 64.0, 64.0), degrees, layers, GRID.shape)
    for name, mine, other in zip(layers, ours, theirs.astype(bool), strict=False):
        edge = _border(other)
        wrong = mine != other
        assert not (wrong & ~edge).any(), name
        assert mine.sum() == 0 or (mine & other).sum() / (mine | other).sum() > 0.75, name
    assert ours[0].mean() > 0.2


def _border(mask: np.ndarray) -> np.ndarray:
    """Cells within two cells of a change."""
    from scipy.ndimage import binary_dilation, binary_erosion

    square = np.ones((5, 5), bool)
    result: np.ndarray = binary_dilation(mask, square) & ~binary_erosion(
        mask, square, border_value=1
    )
    return result
