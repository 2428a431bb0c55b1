"""What the user is told when something of a data set is missing or broken, and what is legal though
it looks empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calico.data.nuscenes import NuScenesSource
from calico.errors import CalicoError
from calico.geometry.grid import Grid

Edit = Callable[[str, Callable[[list[dict]], object]], None]
CLOUD = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"
SWEEP = "sweeps/LIDAR_TOP/LIDAR_TOP-0-1.pcd.bin"
IMAGE = "samples/CAM_BACK/CAM_BACK-0-0.jpg"
GRID = Grid(-8, 8, -8, 8, 1)


def complaint(root: Path, index: int = 0, **settings: object) -> str:
    """The message of loading a frame."""
    options = {"version": "v1.0-mini", "split": "train", "map_grid": GRID, **settings}
    with pytest.raises(CalicoError) as error:
        _ = NuScenesSource(root, **options)[index]  # type: ignore[arg-type]
    return str(error.value)


def test_missing_point_cloud(tiny: Path) -> None:
    (tiny / CLOUD).unlink()
    assert complaint(tiny) == (
        f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): point cloud missing; fetch it again, or see "
        "`calico data check`"
    )


def test_truncated_point_cloud(tiny: Path) -> None:
    content = (tiny / CLOUD).read_bytes()
    (tiny / CLOUD).write_bytes(content[:-7])
    assert complaint(tiny) == (
        f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): truncated point cloud; got 1293 bytes, "
        "expected a multiple of 20 "
        "(float32 x, y, z, intensity, ring)"
    )


def test_nan_points(tiny: Path) -> None:
    cloud = np.fromfile(tiny / CLOUD, "<f4").reshape(-1, 5)
    cloud[[4, 9], [0, 3]] = np.nan, np.inf
    cloud.tofile(tiny / CLOUD)
    assert complaint(tiny) == (
        f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): 2 of 65 points have NaN or infinite values "
        "(first: point 4); "
        "expected finite x, y, z, intensity, ring"
    )


def test_impossible_ring(tiny: Path) -> None:
    cloud = np.fromfile(tiny / CLOUD, "<f4").reshape(-1, 5)
    cloud[0, 4] = 1e6
    cloud.tofile(tiny / CLOUD)
    assert (
        "(sample_data LIDAR_TOP-0-0): ring numbers from 0 to 1e+06, expected whole numbers from 0 "
        "to 32767" in complaint(tiny)
    )


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (4, 0.5, "ring numbers from 0 to 31, expected whole numbers"),
        (4, -2, "ring numbers from -2 to 31, expected whole numbers"),
        (2, 1e30, "a point is 1e+30 m away, expected metres of at most 100000"),
        (0, -2e5, "a point is 200000 m away"),
    ],
)
def test_impossible_points(tiny: Path, column: int, value: float, expected: str) -> None:
    cloud = np.fromfile(tiny / CLOUD, "<f4").reshape(-1, 5)
    cloud[7, column] = value
    cloud.tofile(tiny / CLOUD)
    assert f"(sample_data LIDAR_TOP-0-0): {expected}" in complaint(tiny)


def test_missing_image(tiny: Path) -> None:
    (tiny / IMAGE).unlink()
    assert complaint(tiny) == (
        f"image (sample_data CAM_BACK-0-0) {tiny / IMAGE}: missing; fetch it again, or see `calico "
        "data check`"
    )


@pytest.mark.parametrize("damage", ["cut", "not an image", "empty"])
def test_corrupt_jpeg(tiny: Path, damage: str) -> None:
    content = (tiny / IMAGE).read_bytes()
    (tiny / IMAGE).write_bytes(
        {"cut": content[: len(content) // 2], "not an image": b"hello", "empty": b""}[damage]
    )
    fault = (
        "damaged image (OSError: "
        if damage == "cut"
        else "no JPEG or PNG image; other formats are not read"
    )
    assert complaint(tiny).startswith(f"image (sample_data CAM_BACK-0-0) {tiny / IMAGE}: {fault}")


def test_image_of_another_size(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: [row.update(width=1600) for row in rows if row["token"] == "CAM_BACK-0-0"],
    )
    assert complaint(tiny) == (
        f"image (sample_data CAM_BACK-0-0) {tiny / IMAGE}: image of 64 x 32 px, expected 1600 x 32"
    )


def test_empty_sweep_file(tiny: Path) -> None:
    (tiny / SWEEP).write_bytes(b"")
    message = complaint(tiny, 1, sweeps=2)
    assert message.startswith(
        f"{tiny / SWEEP} (sample_data LIDAR_TOP-0-1): the sweep's file is empty"
    )


def test_a_keyframe_without_points_is_a_frame(tiny: Path) -> None:
    (tiny / CLOUD).write_bytes(b"")
    source = NuScenesSource(tiny, "v1.0-mini", "train", GRID, sweeps=3)
    assert source[0].points.shape == (0, 5)
    assert source[0].map_masks is not None
    assert np.bincount(source[1].sweep_index, minlength=3).tolist() == [64, 64, 0]


def test_a_keyframe_without_boxes_is_a_frame(tiny: Path, edit: Edit) -> None:
    edit("sample_annotation", lambda rows: rows.clear())
    frame = NuScenesSource(tiny, "v1.0-mini", "train", GRID)[0]
    assert frame.boxes.boxes.shape == (0, 9)
    assert frame.boxes.boxes.dtype == np.float32
    assert frame.boxes.labels.dtype == np.int64


def test_missing_camera(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: rows.remove(next(row for row in rows if row["token"] == "CAM_BACK-0-2")),
    )
    assert complaint(tiny) == (
        f"{tiny}/v1.0-mini/sample_data.json: sample sample-0-2 has no keyframe of CAM_BACK; it has "
        "CAM_BACK_LEFT, "
        "CAM_BACK_RIGHT, CAM_FRONT, CAM_FRONT_LEFT, CAM_FRONT_RIGHT, LIDAR_TOP. Set data.cameras "
        "to the cameras that are there."
    )


def test_missing_table(tiny: Path) -> None:
    (tiny / "v1.0-mini" / "ego_pose.json").unlink()
    assert complaint(tiny).startswith(
        f"{tiny}/v1.0-mini/ego_pose.json: missing; the tables need scene.json, sample.json"
    )


def test_damaged_table(tiny: Path) -> None:
    path = tiny / "v1.0-mini" / "sample.json"
    path.write_text(path.read_text()[:-5])
    assert complaint(tiny).startswith(f"table {path}: no valid JSON, line 1 column ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{}", "got dict, expected a list of rows"),
        ("[3]", "row 0 is int, expected an object"),
        (
            '[{"token": "a", "scene_token": "b"}]',
            "row 0 (token 'a') has nothing in 'timestamp', expected int",
        ),
        (
            '[{"token": "a", "scene_token": 4, "timestamp": 1}]',
            "row 0 (token 'a') has int in 'scene_token', expected str",
        ),
    ],
)
def test_table_of_another_shape(tiny: Path, content: str, expected: str) -> None:
    path = tiny / "v1.0-mini" / "sample.json"
    path.write_text(content)
    assert complaint(tiny) == f"{path}: {expected}"


@pytest.mark.parametrize(
    ("table", "field", "target", "referrer"),
    [
        (
            "sample_data",
            "calibrated_sensor_token",
            "calibrated_sensor",
            "sample_data LIDAR_TOP-0-0",
        ),
        ("sample_data", "ego_pose_token", "ego_pose", "sample_data LIDAR_TOP-0-0"),
        ("calibrated_sensor", "sensor_token", "sensor", "calibrated_sensor mount-LIDAR_TOP"),
        ("scene", "log_token", "log", "scene scene-0"),
        ("sample_annotation", "next", "sample_annotation", "sample_annotation box-0-0-0 (next)"),
        ("instance", "category_token", "category", "instance object-0-0"),
    ],
)
def test_unknown_reference(
    tiny: Path, edit: Edit, table: str, field: str, target: str, referrer: str
) -> None:
    edit(table, lambda rows: rows[0].update({field: "nowhere"}))
    assert complaint(tiny) == (
        f"{tiny}/v1.0-mini/{target}.json: has no row with token 'nowhere', to which {referrer} "
        "refers"
    )


def test_unknown_older_sweep(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: [row.update(prev="gone") for row in rows if row["token"] == "LIDAR_TOP-0-2"],
    )
    assert complaint(tiny, sweeps=2).endswith(
        "'gone', to which sample_data LIDAR_TOP-0-2 (prev) refers"
    )


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.bin", "samples/../../secret.bin", "C:/x.bin", "a\\b.bin", ""]
)
def test_files_stay_inside_the_data_set(tiny: Path, edit: Edit, name: str) -> None:
    edit("sample_data", lambda rows: rows[0].update(filename=name))
    assert complaint(tiny) == (
        f"{tiny}/v1.0-mini/sample_data.json: row with token 'LIDAR_TOP-0-0' has filename '{name}', "
        "expected a path inside "
        "the data set's folder"
    )


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        ("ego_pose", {"translation": [1, 2]}, "has translation [1, 2], expected 3 finite numbers"),
        (
            "ego_pose",
            {"translation": [1, 2, float("nan")]},
            "holds NaN; an undefined number is written as null",
        ),
        (
            "ego_pose",
            {"translation": [1, 2, None]},
            "has translation [1, 2, None], expected 3 finite numbers",
        ),
        (
            "ego_pose",
            {"translation": [1, 2, "3"]},
            "has translation [1, 2, '3'], expected 3 finite numbers",
        ),
        (
            "ego_pose",
            {"translation": [1, 2, True]},
            "has translation [1, 2, True], expected 3 finite numbers",
        ),
        ("ego_pose", {"translation": [1, 2, 10**310]}, "expected 3 finite numbers"),
        (
            "ego_pose",
            {"rotation": [2, 0, 0, 0]},
            "has rotation [2.0, 0.0, 0.0, 0.0] of length 2, not a unit quaternion",
        ),
        (
            "calibrated_sensor",
            {"rotation": [1, 0, 0.3, 0]},
            "of length 1.044, not a unit quaternion",
        ),
        (
            "sample_annotation",
            {"rotation": [1, 1, 0, 0]},
            "row 'box-0-0-0' has rotation [1.0, 1.0, 0.0, 0.0] of length",
        ),
        (
            "sample_annotation",
            {"size": [1, -2, 1]},
            "row 'box-0-0-0' has size [1, -2, 1], expected above 0 and at most 1000 m",
        ),
        (
            "sample_annotation",
            {"num_lidar_pts": -1},
            "row 'box-0-0-0' has num_lidar_pts -1, expected 0 or more",
        ),
        (
            "sample_annotation",
            {"num_radar_pts": -5},
            "row 'box-0-0-0' has num_radar_pts -5, expected 0 or more",
        ),
        ("sample_annotation", {"num_lidar_pts": 10**30}, "expected 0 or more"),
        (
            "sample_annotation",
            {"size": [1, 2, 1e6]},
            "has size [1, 2, 1000000.0], expected above 0 and at most 1000 m",
        ),
        (
            "sample_annotation",
            {"translation": [0, 1e200, 0]},
            "has translation [0, 1e+200, 0], expected 3 finite numbers within 1e+09",
        ),
        (
            "ego_pose",
            {"translation": [1e30, 0, 0]},
            "has translation [1e+30, 0, 0], expected 3 finite numbers within 1e+09",
        ),
        ("sample_annotation", {"num_lidar_pts": True}, "has bool in 'num_lidar_pts', expected int"),
        (
            "sample_annotation",
            {"attribute_tokens": [["a"]]},
            "refers to ['a'], expected a token (text)",
        ),
        ("sample_annotation", {"attribute_tokens": [{}]}, "refers to {}, expected a token (text)"),
        ("ego_pose", {"rotation": [0, 0, 0, 0]}, "not a unit quaternion"),
        (
            "sample_annotation",
            {"size": [1, 0, 1]},
            "row 'box-0-0-0' has size [1, 0, 1], expected above 0 and at most 1000 m",
        ),
        (
            "sample_annotation",
            {"attribute_tokens": ["attribute-0"] * 2},
            "row 'box-0-0-0' has 2 attributes",
        ),
    ],
)
def test_impossible_numbers(
    tiny: Path, edit: Edit, table: str, change: dict[str, object], expected: str
) -> None:
    edit(table, lambda rows: rows[0].update(change))
    assert expected in complaint(tiny)


def test_intrinsics_of_another_shape(tiny: Path, edit: Edit) -> None:
    edit("calibrated_sensor", lambda rows: rows[1].update(camera_intrinsic=[[1, 2], [3, 4]]))
    assert (
        "row 'mount-CAM_FRONT' has a camera_intrinsic of shape (2, 2), expected (3, 3)"
        in complaint(tiny)
    )


def test_unknown_version(tiny: Path) -> None:
    assert complaint(tiny, version="v1.0-trainval") == (
        f"{tiny}/v1.0-trainval: no such folder of nuScenes tables; found v1.0-mini. Set data.root, "
        "data.version."
    )


def test_unknown_split(tiny: Path) -> None:
    message = complaint(tiny, split="trian")
    assert message.startswith(
        f"{tiny}/v1.0-mini: unknown split 'trian'; expected one of train, val, test, mini_train"
    )
    assert "scene-0061, scene-0103" in message


def test_split_without_scenes(tiny: Path) -> None:
    assert "split 'test' has none of the 2 scenes there (scene-0061, scene-0103)" in complaint(
        tiny, split="test"
    )


@pytest.mark.parametrize("content", ["[1]", "3", '{"a": "scene-0061"}', '{"a": [1]}'])
def test_damaged_splits_file(tiny: Path, content: str) -> None:
    (tiny / "v1.0-mini" / "splits.json").write_text(content)
    assert (
        "splits.json: expected an object of split names, each with a list of scene names"
        in complaint(tiny)
    )


def test_some_maps_missing(tiny: Path, edit: Edit) -> None:
    edit("log", lambda rows: rows.append({"token": "log-1", "location": "singapore-queenstown"}))
    edit("scene", lambda rows: rows[1].update(log_token="log-1"))
    message = complaint(tiny, split="all")
    assert message.startswith(
        f"{tiny}/maps/expansion/singapore-queenstown.json: missing, while 1 of 2 maps"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"p"]', '"q"]', "refers to 'q', which the map does not have"),
        (
            '"node_tokens": ["8", "9"]',
            '"node_tokens": ["8", "99"]',
            "refers to '99', which the map does not have",
        ),
        ('"x": 980', '"x": "west"', "not a nuScenes map expansion"),
        ('"x": 980', '"x": [980]', "not a nuScenes map expansion"),
        (
            '"x": 980',
            '"x": NaN',
            "holds NaN; an undefined number is written as null with a reason, line 1",
        ),
        ('"x": 980', '"x": 1e400', "number 1e400 is larger than any float64, line 1"),
        ('"x": 980', '"x": 1' + "0" * 330, "not a nuScenes map expansion (the node '0' has x "),
        (
            '"x": 980',
            '"x": "980"',
            "not a nuScenes map expansion (the node '0' has x '980', expected metres)",
        ),
        (
            '"token": "1"',
            '"token": "0"',
            "not a nuScenes map expansion (the node '0' is there twice, and differs)",
        ),
        ('"walkway": [', '"walkway": [[', "no valid JSON, line 1 column "),
        ('"walkway": []', '"walkway": [[1]]', "not a nuScenes map expansion"),
        ('"walkway": []', '"walkway": 3', "not a nuScenes map expansion"),
        ('"walkway": []', '"walkway": [{"polygon_token": {}}]', "not a nuScenes map expansion"),
        (
            '"walkway": []',
            '"walkway": [], "walkway": []',
            'key "walkway" appears twice in one object, line 1',
        ),
    ],
)
def test_damaged_map(tiny: Path, old: str, new: str, expected: str) -> None:
    path = tiny / "maps" / "expansion" / "boston-seaport.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert complaint(tiny).removeprefix("map ").startswith(f"{path}: {expected}")
