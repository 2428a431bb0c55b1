"""Frames of a log that is written from known geometry, in Argoverse 2's own types."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import feather

from calico.data.argoverse import ArgoverseSource
from calico.data.argoverse.tables import list_stamps
from calico.errors import CalicoError
from calico.geometry.camera import project_points

STAMPS = (315968867659956000, 315968867759956000)
UP, DOWN = (1.35, 0.0, 1.64), (1.355, 0.0, 1.565)
CAR, STEP = (11.35, 3.0, 0.5), 1.5
HALF = 0.5**0.5


def pose_row(key: str, value: Any, quaternion: tuple[float, ...], t: tuple[float, ...]) -> Any:
    return {key: value, **dict(zip(("qw", "qx", "qy", "qz"), quaternion, strict=True))} | dict(
        zip(("tx_m", "ty_m", "tz_m"), t, strict=True)
    )


def save(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    feather.write_feather(pa.Table.from_pylist(rows), str(path))


def write_log(log: Path) -> Path:
    """A vehicle that drives 1 m along the city's y axis between two sweeps 0.1 s apart. Its heading
    is along y, too. A car ahead drives 1.5 m further from it."""
    level, turned = (1.0, 0.0, 0.0, 0.0), (HALF, 0.0, 0.0, HALF)
    images = [stamp + 20_000_000 for stamp in STAMPS]
    poses = [
        pose_row("timestamp_ns", stamp, turned, (100.0, 200.0 + (stamp - STAMPS[0]) * 1e-8, 5.0))
        for stamp in sorted([*STAMPS, *images])
    ]
    save(log / "city_SE3_egovehicle.feather", poses)
    mounts = [
        pose_row("sensor_name", "ring_front_center", (0.5, -0.5, 0.5, -0.5), (1.6, 0.0, 1.4)),
        pose_row("sensor_name", "stereo_front_left", (0.5, -0.5, 0.5, -0.5), (1.6, 0.2, 1.2)),
        pose_row("sensor_name", "up_lidar", level, UP),
        pose_row("sensor_name", "down_lidar", (0.0, 1.0, 0.0, 0.0), DOWN),
    ]
    save(log / "calibration" / "egovehicle_SE3_sensor.feather", mounts)
    lens = {"fx_px": 100.0, "fy_px": 100.0, "cx_px": 31.5, "cy_px": 15.5, "k1": -0.2, "k2": 0.0}
    sizes = {"k3": 0.0, "height_px": 32, "width_px": 64}
    names = ("ring_front_center", "stereo_front_left")
    save(
        log / "calibration" / "intrinsics.feather",
        [{"sensor_name": name, **lens, **sizes} for name in names],
    )
    boxes = []
    for number, stamp in enumerate(STAMPS):
        columns = {
            "x": np.array([11.35, 6.0, 1.355], np.float16),
            "y": np.array([3.0, 0.0, 4.0], np.float16),
            "z": np.array([0.5, 1.64, 1.565], np.float16),
            "intensity": np.array([255, 51, 0], np.uint8),
            "laser_number": np.array([31, 40, 0], np.uint8),
            "offset_ns": np.array([0, 100, 200], np.int32),
        }
        (log / "sensors" / "lidar").mkdir(parents=True, exist_ok=True)
        feather.write_feather(
            pa.table(columns), str(log / "sensors" / "lidar" / f"{stamp}.feather")
        )
        for name in names:
            place = log / "sensors" / "cameras" / name
            place.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 32), (200, 0, 0)).save(place / f"{images[number]}.jpg")
        t = (CAR[0] + number * STEP, CAR[1], CAR[2])
        sides = {"length_m": 4.0, "width_m": 2.0, "height_m": 1.5, "num_interior_pts": 7}
        for track, category in (("car-1", "REGULAR_VEHICLE"), ("post-1", "BOLLARD")):
            who = {"track_uuid": track, "category": category}
            boxes.append(pose_row("timestamp_ns", stamp, turned, t) | who | sides)
    save(log / "annotations.feather", boxes)
    return log


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_log(tmp_path / "av2" / "val" / "log-a")
    return tmp_path / "av2"


def test_frame_of_the_upper_lidar(root: Path) -> None:
    source = ArgoverseSource(root, "val")
    assert len(source) == 2
    assert source.cameras == ("ring_front_center",)  # without the stereo pair
    frame = source[0]
    np.testing.assert_allclose(frame.ego_T_lidar[:3, 3], (1.35, 0.0, 1.97))  # 0.33 m below the axle
    # Its place in the city: forward is the city's y axis.
    np.testing.assert_allclose(frame.global_T_lidar[:3, 3], (100.0, 201.35, 6.64), atol=1e-6)
    assert frame.timestamp_s == pytest.approx(STAMPS[0] * 1e-9)


def test_points_of_both_lidars(root: Path) -> None:
    """Float16 in the files; upper returns come first. Laser 31 is the lowest of the upper LiDAR."""
    frame = ArgoverseSource(root)[0]
    np.testing.assert_allclose(
        frame.points[:, :3], [(10, 3, -1.14), (0.005, 4, -0.075), (4.65, 0, 0)], atol=0.006
    )
    np.testing.assert_allclose(frame.points[:, 3], [1.0, 0.0, 0.2])
    assert not frame.points[:, 4].any()
    assert frame.ring.tolist() == [0, 31, 40]
    assert frame.lidar_index is not None
    assert frame.lidar_index.tolist() == [0, 0, 1]
    assert frame.lidar_T is not None
    np.testing.assert_allclose(frame.lidar_T[0], np.eye(4), atol=1e-12)
    np.testing.assert_allclose(frame.ray_origins[2], (0.005, 0, -0.075), atol=1e-9)


def test_boxes_and_velocities(root: Path) -> None:
    """The car moves 1 m with the vehicle and 1.5 m ahead of it, in 0.1 s."""
    source = ArgoverseSource(root)
    for index in range(2):
        boxes = source[index].boxes
        center = (10.0 + index * STEP, 3.0, -1.14)
        np.testing.assert_allclose(boxes.boxes[0, :3], center, atol=1e-5)
        np.testing.assert_allclose(boxes.boxes[0, 3:7], (4, 2, 1.5, np.pi / 2), atol=1e-5)
        np.testing.assert_allclose(boxes.boxes[0, 7:], (25.0, 0.0), atol=1e-3)
        assert boxes.num_points.tolist() == [7, 7]
        assert boxes.instances == ("car-1", "post-1")
        assert [source.taxonomy.names[k] for k in boxes.labels] == ["REGULAR_VEHICLE", "BOLLARD"]
        np.testing.assert_array_equal(source.annotations(index).boxes.boxes, boxes.boxes)


def test_the_camera_saw_it_later(root: Path) -> None:
    """At the exposure, 20 ms later, the vehicle was 0.2 m further ahead."""
    frame = ArgoverseSource(root)[0]
    point = np.array([[10.0, 0.0, 0.0, 0.0, 0.0]])
    pixels, depth, _ = project_points(frame.image_from_lidar[0], point, (32, 64))
    ahead = 10.0 + 1.35 - 1.6 - 0.2
    assert depth[0] == pytest.approx(ahead, abs=1e-5)
    # The point is at the height of the LiDAR, 0.24 m above the camera.
    np.testing.assert_allclose(pixels[0], (31.5, 15.5 - 100 * 0.24 / ahead), atol=1e-3)
    assert frame.camera_time_s[0] - frame.timestamp_s == pytest.approx(0.02, abs=1e-6)


def test_previous_and_scenes(root: Path) -> None:
    write_log(root / "val" / "log-b")
    source = ArgoverseSource(root, "val")
    assert [source.info(k).scene for k in range(4)] == ["log-a", "log-a", "log-b", "log-b"]
    assert source[2].previous is None
    before = source[1].previous
    assert before is not None
    frame = before()
    assert frame is not None
    assert frame.token == source.info(0).token
    assert len(ArgoverseSource(root, "log-b")) == 2


def test_a_pickled_source_reads_the_same(root: Path) -> None:
    source = ArgoverseSource(root, "val", ("ring_front_center",))
    again = pickle.loads(pickle.dumps(source))
    assert len(again) == len(source)
    assert again.cameras == source.cameras
    np.testing.assert_array_equal(again[1].points, source[1].points)


def test_times_since_1970_are_read(tmp_path: Path) -> None:
    for name in ("1530000000500000000", "1530000000400000000", "9"):
        (tmp_path / f"{name}.jpg").touch()
    found = list_stamps(tmp_path, ".jpg").tolist()
    assert found == [9, 1530000000400000000, 1530000000500000000]
    (tmp_path / f"{1 << 63}.jpg").touch()
    with pytest.raises(CalicoError, match=r"'9223372036854775808'\.jpg is not named after a time"):
        list_stamps(tmp_path, ".jpg")


def test_broken_logs(root: Path) -> None:
    log = root / "val" / "log-a"
    with pytest.raises(CalicoError, match="no log of split 'train'; expected one of val, all"):
        ArgoverseSource(root, "train")
    mounts = log / "calibration" / "egovehicle_SE3_sensor.feather"
    content = mounts.read_bytes()
    mounts.write_bytes(content[: len(content) // 2])
    with pytest.raises(CalicoError, match=r"egovehicle_SE3_sensor.feather: no readable Feather"):
        ArgoverseSource(root)
    save(mounts, [pose_row("sensor_name", "up_lidar", (2.0, 0.0, 0.0, 0.0), UP)])
    with pytest.raises(CalicoError, match="row 0 has a quaternion of length 2"):
        ArgoverseSource(root)
    mounts.write_bytes(content)
    image = next((log / "sensors" / "cameras" / "ring_front_center").iterdir())
    image.rename(image.with_name("1.jpg"))
    with pytest.raises(CalicoError, match="no image of ring_front_center near the sweep"):
        [ArgoverseSource(root)[k] for k in range(2)]


def test_a_point_that_is_not_finite(root: Path) -> None:
    path = root / "val" / "log-a" / "sensors" / "lidar" / f"{STAMPS[0]}.feather"
    table = feather.read_table(str(path))
    x = pa.array(np.array([np.nan, 0, 0], np.float16))
    feather.write_feather(table.set_column(0, "x", x), str(path))
    with pytest.raises(CalicoError, match="column x holds values that are not finite"):
        ArgoverseSource(root)[0]
    feather.write_feather(table.drop_columns(["z"]), str(path))
    with pytest.raises(CalicoError, match="has no column z"):
        ArgoverseSource(root)[0]
