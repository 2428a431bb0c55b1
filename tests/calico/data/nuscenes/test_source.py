"""Frames of the tiny data set, whose geometry is known."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyquaternion import Quaternion

from calico.data.nuscenes import NuScenesSource
from calico.frame import Frame
from calico.geometry.frames import transform_points
from calico.geometry.grid import Grid

GRID = Grid(-32, 32, -32, 32, 0.5)


def static_points() -> np.ndarray:
    """(64, 3) the world's points, as conftest makes them."""
    return np.random.default_rng(3).uniform([985, 480, 0], [1030, 520, 4], (64, 3))


def load(root: Path, index: int = 0, sweeps: int = 1, split: str = "train") -> Frame:
    return NuScenesSource(root, "v1.0-mini", split, GRID, sweeps=sweeps)[index]


def test_order_and_names(tiny: Path) -> None:
    source = NuScenesSource(tiny, "v1.0-mini", "all", GRID)
    infos = [source.info(index) for index in range(len(source))]
    assert [(info.scene, info.token) for info in infos] == [
        ("scene-0061", "sample-0-0"),
        ("scene-0061", "sample-0-2"),
        ("scene-0103", "sample-1-0"),
        ("scene-0103", "sample-1-2"),
    ]
    assert source[3].token == "sample-1-2"
    assert source.name == "nuscenes v1.0-mini all"


@pytest.mark.parametrize("sweeps", [1, 3])
def test_points_of_all_sweeps_fall_on_the_static_world(tiny: Path, sweeps: int) -> None:
    frame = load(tiny, 1, sweeps)
    assert np.bincount(frame.sweep_index).tolist() == [64] * sweeps
    for sweep in range(sweeps):
        mine = frame.points[frame.sweep_index == sweep]
        world = transform_points(frame.global_T_lidar, mine[:, :3].astype(np.float64))
        np.testing.assert_allclose(world, static_points(), atol=2e-5)
        np.testing.assert_allclose(mine[:, 4], 0.25 * sweep, atol=1e-6)


def test_sweep_pose_is_the_sensor_then_in_the_sensor_now(tiny: Path) -> None:
    frames = NuScenesSource(tiny, "v1.0-mini", "train", None, sweeps=3)
    then, now = frames[0], frames[1]
    np.testing.assert_allclose(now.global_T_lidar @ now.sweep_T[2], then.global_T_lidar, atol=1e-9)
    np.testing.assert_array_equal(now.sweep_T[0], np.eye(4))
    assert frames[0].sweep_T.shape == (1, 4, 4)  # the scene begins: no older sweep


def test_lidar_axes_are_turned_and_own_returns_removed(tiny: Path) -> None:
    frame = load(tiny)
    forward = (frame.ego_T_lidar @ [1, 0, 0, 0])[:3]
    np.testing.assert_allclose(
        forward, [np.cos(np.deg2rad(1.5)), 0, np.sin(np.deg2rad(1.5))], atol=0.03
    )
    assert len(frame.points) == 64  # 65 in the file
    assert (abs(frame.points[:, :2]) >= 1).any(axis=1).all()


def test_intensity_ring_and_time(tiny: Path) -> None:
    frame = load(tiny)
    np.testing.assert_allclose(frame.points[:, 3], np.linspace(0, 1, 64), atol=1e-6)
    assert frame.ring.tolist() == [i % 32 for i in range(64)]
    assert frame.timestamp_s == pytest.approx(1_500_000_000.0)
    np.testing.assert_allclose(frame.camera_time_s, frame.timestamp_s - 0.02, atol=1e-6)


def test_camera_goes_through_both_ego_poses(
    tiny: Path, edit: Callable[[str, Callable[[list[dict]], object]], None]
) -> None:
    """Moves the vehicle between LiDAR and camera, and compares with a chain of quaternions."""
    position, turn = np.array([1001.0, 501.0, 0.3]), Quaternion(axis=[0.1, 0, 1], degrees=50)

    def move(rows: list[dict]) -> None:
        for row in rows:
            if row["token"] == "CAM_BACK-0-0":
                row.update(translation=list(position), rotation=list(turn))

    edit("ego_pose", move)
    frame = load(tiny)
    view = NuScenesSource(tiny, "v1.0-mini", "train", None).cameras.index("CAM_BACK")
    mount = Quaternion(axis=[0, 0, 1], degrees=180) * Quaternion(0.5, -0.5, 0.5, -0.5)
    ego = np.array([turn.inverse.rotate(point - position) for point in static_points()])
    expected = np.array([mount.inverse.rotate(point - [1.5, 0, 1.5]) for point in ego])
    got = transform_points(frame.camera_T_lidar[view], frame.points[:, :3].astype(np.float64))
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert frame.camera_K[view].tolist() == [[30, 0, 31.5], [0, 30, 15.5], [0, 0, 1]]


def test_labels_need_no_files(tiny: Path) -> None:
    source = NuScenesSource(tiny, "v1.0-mini", "train", GRID)
    expected = [source[index].boxes.labels.tolist() for index in range(2)]
    for path in [*tiny.glob("samples/*/*"), *tiny.glob("sweeps/*/*")]:
        path.unlink()
    assert [source.labels(index).tolist() for index in range(2)] == expected == [[0, 5], [0]]


def test_previous_goes_back_to_the_start_of_the_scene(tiny: Path) -> None:
    frame = load(tiny, 1)
    assert frame.previous is not None
    before = pickle.loads(pickle.dumps(frame)).previous()
    assert before.token == "sample-0-0"
    assert before.previous is None


def test_pickled_source_gives_the_same_frame(tiny: Path) -> None:
    source = NuScenesSource(tiny, "v1.0-mini", "train", GRID, sweeps=2)
    _ = source[0]
    copy = pickle.loads(pickle.dumps(source))[1]
    frame = source[1]
    assert copy.points.tobytes() == frame.points.tobytes()
    assert copy.map_masks is not None
    assert copy.map_masks.tobytes() == frame.map_masks.tobytes()  # type: ignore[union-attr]


def test_some_cameras_only(tiny: Path) -> None:
    source = NuScenesSource(tiny, "v1.0-mini", "train", None, cameras=("CAM_BACK", "CAM_FRONT"))
    frame = source[0]
    assert len(frame.images) == 2
    assert frame.images[0].shape == (32, 64, 3)
    everything = load(tiny)
    np.testing.assert_array_equal(frame.camera_T_lidar, everything.camera_T_lidar[[3, 0]])


def test_custom_splits_come_first(tiny: Path) -> None:
    (tiny / "v1.0-mini" / "splits.json").write_text(
        json.dumps({"train": ["scene-0103"], "mine": ["scene-0061"]})
    )
    assert {NuScenesSource(tiny, "v1.0-mini", "train", None).info(0).scene} == {"scene-0103"}
    assert {NuScenesSource(tiny, "v1.0-mini", "mine", None).info(0).scene} == {"scene-0061"}
    assert {NuScenesSource(tiny, "v1.0-mini", "mini_val", None).info(0).scene} == {"scene-0103"}
    assert {NuScenesSource(tiny, "v1.0-mini", "scene-0103", None).info(0).scene} == {"scene-0103"}


def test_content_hash_follows_the_data(
    tiny: Path, edit: Callable[[str, Callable[[list[dict]], object]], None]
) -> None:
    def digest(**settings: object) -> str:
        options: Any = settings
        source = NuScenesSource(tiny, "v1.0-mini", "train", GRID, **options)
        return source.content_hash()

    seen = {digest(), digest(sweeps=2), digest(cameras=("CAM_BACK",))}
    assert digest() in seen
    edit("sample_annotation", lambda rows: rows[0].update(num_lidar_pts=99))
    seen.add(digest())
    cloud = tiny / "samples" / "LIDAR_TOP" / "LIDAR_TOP-0-0.pcd.bin"
    cloud.write_bytes(cloud.read_bytes()[:-20])
    seen.add(digest())
    cloud.write_bytes(b"\x01" + cloud.read_bytes()[1:])  # of the same size
    seen.add(digest())
    path = tiny / "maps" / "expansion" / "boston-seaport.json"
    path.write_text(path.read_text().replace("1020", "1021"))
    seen.add(digest())
    assert len(seen) == 7


def test_annotations_are_the_frame_without_its_sensors_and_need_no_sensor_file(
    tiny: Path, edit: Callable[[str, Callable[[list[dict]], object]], None]
) -> None:
    source = NuScenesSource(tiny, "v1.0-mini", "train", GRID)
    whole = [source[index] for index in range(len(source))]
    before = source.labels_hash()
    shutil.rmtree(tiny / "samples")
    bare = NuScenesSource(tiny, "v1.0-mini", "train", GRID)
    assert len(whole) > 1
    for index, frame in enumerate(whole):
        found = bare.annotations(index)
        assert (found.token, found.scene, found.timestamp_s) == (
            frame.token,
            frame.scene,
            frame.timestamp_s,
        )
        for name in ("boxes", "labels", "attributes", "num_points"):
            assert np.array_equal(
                getattr(found.boxes, name), getattr(frame.boxes, name), equal_nan=name == "boxes"
            )
        assert np.array_equal(found.ego_T_lidar, frame.ego_T_lidar)
        assert np.array_equal(found.global_T_lidar, frame.global_T_lidar)
        assert (len(found.points), found.images, found.map_masks, found.previous) == (
            0,
            (),
            None,
            None,
        )
    assert bare.labels_hash() == before
    edit(
        "sample_annotation",
        lambda rows: rows[0]["translation"].__setitem__(0, rows[0]["translation"][0] + 1),
    )
    assert NuScenesSource(tiny, "v1.0-mini", "train", GRID).labels_hash() != before
