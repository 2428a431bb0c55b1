"""Tables that contradict themselves or mean something else are errors that name file, row and
field."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calico.data.nuscenes import NuScenesSource
from calico.data.nuscenes.tables import parse_rows
from calico.data.nuscenes.values import read_intrinsics
from calico.errors import CalicoError
from calico.files import parse_json

Rows = list[dict]
Edit = Callable[[str, Callable[[Rows], object]], None]
CLOUD = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"
IMAGE = "samples/CAM_BACK/CAM_BACK-0-0.jpg"


def complaint(root: Path, sweeps: int = 2) -> str:
    """The message of loading both frames of a scene."""
    with pytest.raises(CalicoError) as error:
        [frame.points for frame in NuScenesSource(root, "v1.0-mini", "train", None, sweeps=sweeps)]  # type: ignore[attr-defined]
    assert "\n" not in str(error.value)
    return str(error.value)


def copy_of(rows: Rows, number: int = 0, **changes: object) -> None:
    rows.append({**rows[number], **changes})


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        (
            "sample_annotation",
            lambda rows: copy_of(rows),
            "rows 0 and 8 have the same token 'box-0-0-0'",
        ),
        ("sample_data", lambda rows: copy_of(rows, 3), "rows 3 and 30 have the same token"),
        ("scene", lambda rows: copy_of(rows), "rows 0 and 2 have the same token 'scene-0'"),
        (
            "scene",
            lambda rows: copy_of(rows, token="x"),
            "rows 0 and 2 have the same name 'scene-0061'",
        ),
        (
            "category",
            lambda rows: copy_of(rows, token="x"),
            "rows 0 and 3 have the same name 'vehicle.car'",
        ),
        (
            "sensor",
            lambda rows: copy_of(rows, token="x"),
            "rows 0 and 7 have the same channel 'LIDAR_TOP'",
        ),
        ("log", lambda rows: rows[0].update(token=""), "row 0 has an empty token"),
        (
            "sample_annotation",
            lambda rows: copy_of(rows, token="x"),
            "rows 'box-0-0-0' and 'x' are the same object (instance 'object-0-0') in sample "
            "'sample-0-0'",
        ),
        (
            "sample_data",
            lambda rows: copy_of(rows, token="x"),
            "rows 'LIDAR_TOP-0-0' and 'x' have the same file "
            "'samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin'",
        ),
        (
            "sample_data",
            lambda rows: copy_of(rows, token="x", filename="samples/other.bin"),
            "rows 'LIDAR_TOP-0-0' and 'x' are both the keyframe of LIDAR_TOP in sample 'sample-0-0'",
        ),
        (
            "sample",
            lambda rows: rows[1].update(timestamp=rows[0]["timestamp"]),
            "rows 'sample-0-0' and 'sample-0-2' of scene 'scene-0061' have the same timestamp",
        ),
    ],
)
def test_twice(
    tiny: Path, edit: Edit, table: str, change: Callable[[Rows], object], expected: str
) -> None:
    edit(table, change)
    message = complaint(tiny)
    assert message.startswith(f"{tiny}/v1.0-mini/{table}.json: ")
    assert expected in message


@pytest.mark.parametrize(
    ("prev", "expected"),
    [
        ("LIDAR_TOP-0-2", "is not older (1500000000500000 us, after 1500000000500000 us)"),
        ("LIDAR_TOP-1-1", "is not older"),
        ("CAM_BACK-0-0", "is a file of CAM_BACK"),
    ],
)
def test_older_sweeps_lead_back_in_time(tiny: Path, edit: Edit, prev: str, expected: str) -> None:
    edit(
        "sample_data",
        lambda rows: [row.update(prev=prev) for row in rows if row["token"] == "LIDAR_TOP-0-2"],
    )
    message = complaint(tiny)
    assert f"sample_data.json: prev of row 'LIDAR_TOP-0-2' is '{prev}', which {expected}" in message


@pytest.mark.parametrize("time", [0, -(10**398), 1_499_999_989_999_999])
def test_an_older_sweep_is_not_much_older(tiny: Path, edit: Edit, time: int) -> None:
    edit(
        "sample_data",
        lambda rows: [
            row.update(timestamp=time) for row in rows if row["token"] == "LIDAR_TOP-0-1"
        ],
    )
    assert "is 'LIDAR_TOP-0-1', which is more than 10 s older" in complaint(tiny)


def test_sweeps_of_another_scene_are_refused(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: [
            row.update(prev="LIDAR_TOP-0-2") for row in rows if row["token"] == "LIDAR_TOP-1-0"
        ],
    )
    with pytest.raises(
        CalicoError,
        match=r"prev of row 'LIDAR_TOP-1-0' is 'LIDAR_TOP-0-2', which is of another scene",
    ):
        NuScenesSource(tiny, "v1.0-mini", "val", None, sweeps=2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"box-0-0-0": {"next": "box-0-0-0"}},
            "next of row 'box-0-0-0' is 'box-0-0-0', which is the row itself",
        ),
        (
            {"box-0-0-2": {"prev": "box-0-1-0"}},
            "next of row 'box-0-0-0' is 'box-0-0-2', which has 'box-0-1-0' as prev",
        ),
        (
            {"box-0-1-0": {"next": "box-0-0-2"}},
            "which is of another object (instance 'object-0-0')",
        ),
        (
            {
                "box-0-0-0": {"prev": "box-0-0-2", "next": ""},
                "box-0-0-2": {"next": "box-0-0-0", "prev": ""},
            },
            "row 'box-0-0-2' comes before row 'box-0-0-0' by prev and next, but its sample is "
            "500000 us later",
        ),
    ],
)
def test_annotations_before_and_after(
    tiny: Path, edit: Edit, change: dict[str, dict], expected: str
) -> None:
    edit(
        "sample_annotation", lambda rows: [row.update(change.get(row["token"], {})) for row in rows]
    )
    assert expected in complaint(tiny)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("vehicle.carr", "did you mean 'vehicle.car'?"),
        ("Vehicle.Car", "did you mean 'vehicle.car'?"),
        ("car", "did you mean 'vehicle.car'?"),
        ("human.pedestrian.adlut", "did you mean 'human.pedestrian.adult'?"),
        ("tram", "objects that are no class of the task go under an official one"),
    ],
)
def test_unknown_categories_do_not_vanish(tiny: Path, edit: Edit, name: str, advice: str) -> None:
    edit("category", lambda rows: rows[0].update(name=name))
    message = complaint(tiny)
    assert f"row 'category-0' is the category '{name}', which is no category of nuScenes" in message
    assert advice in message


def test_official_categories_without_a_class_are_left_out(tiny: Path, edit: Edit) -> None:
    edit("category", lambda rows: rows[0].update(name="vehicle.emergency.police"))
    assert NuScenesSource(tiny, "v1.0-mini", "train", None).labels(0).tolist() == [5]


@pytest.mark.parametrize("factor", [1000, 1e-3, 1e-6])
def test_times_in_another_unit(tiny: Path, edit: Edit, factor: float) -> None:
    for table in ("sample", "sample_data"):
        edit(
            table,
            lambda rows: [row.update(timestamp=round(row["timestamp"] * factor)) for row in rows],
        )
    message = complaint(tiny)
    assert "sample.json: " in message
    assert "expected microseconds" in message or "expected one keyframe at a time" in message


@pytest.mark.parametrize("factor", [1000, 1e-3])
def test_times_of_a_clock_of_its_own_in_another_unit(tiny: Path, edit: Edit, factor: float) -> None:
    """A simulator's clock starts at 0."""
    for table in ("sample", "sample_data"):
        edit(
            table,
            lambda rows: [
                row.update(timestamp=round((row["timestamp"] - 1.5e15 + 1e6) * factor))
                for row in rows
            ],
        )
    assert "expected microseconds" in complaint(tiny)


@pytest.mark.parametrize("table", ["sample", "sample_data"])
def test_times_of_one_table_in_another_unit(tiny: Path, edit: Edit, table: str) -> None:
    edit(
        table, lambda rows: [row.update(timestamp=row["timestamp"] + 3_600_000_000) for row in rows]
    )
    assert "expected at most 10 s between them, in microseconds" in complaint(tiny)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[30.0, 0, 31.5], [0, None, 15.5], [0, 0, 1]], "expected 3 x 3 finite numbers"),
        ([[30.0, 0, 31.5], [0, "30", 15.5], [0, 0, 1]], "expected 3 x 3 finite numbers"),
        ([[30.0, 0, float("nan")], [0, 30, 15.5], [0, 0, 1]], "expected 3 x 3 finite numbers"),
        ([[-30.0, 0, 31.5], [0, 30, 15.5], [0, 0, 1]], "fx and fy above 0"),
        ([[30.0, 0, 31.5], [0, 0, 15.5], [0, 0, 1]], "fx and fy above 0"),
        (
            [[30.0, 0, 31.5], [0, 30, 15.5], [0, 0, 2]],
            "expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]]",
        ),
        (
            [[30.0, 0, 0], [0, 30, 0], [31.5, 15.5, 1]],
            "expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]]",
        ),
        ([30.0, 0, 31.5], "of shape (3,), expected (3, 3)"),
        ([[30.0, 0], [0, 30]], "of shape (2, 2), expected (3, 3)"),
        ([], "of shape (0,), expected (3, 3)"),
    ],
)
def test_impossible_intrinsics(matrix: list, expected: str) -> None:
    with pytest.raises(CalicoError) as error:
        read_intrinsics(Path("calibrated_sensor.json"), {"token": "m", "camera_intrinsic": matrix})
    assert str(error.value).startswith("calibrated_sensor.json: row 'm' has a camera_intrinsic")
    assert expected in str(error.value)


def many_points(path: Path, intensity: np.ndarray) -> None:
    """A sweep of 200 points with these intensities."""
    cloud = np.random.default_rng(0).uniform(2, 20, (200, 5))
    cloud[:, 3], cloud[:, 4] = intensity, 0
    cloud.astype("<f4").tofile(path)


@pytest.mark.parametrize(
    ("intensity", "shown"),
    [
        (np.linspace(0, 1, 200), "from 0 to 1, 0 % of them above 255"),
        (np.linspace(0, 65535, 200), "from 0 to 65535, 100 % of them above 255"),
        (np.linspace(0, 4095, 200), "from 0 to 4095"),
        (np.linspace(-1, 200, 200), "from -1 to 200"),
    ],
)
def test_intensities_in_another_unit(tiny: Path, intensity: np.ndarray, shown: str) -> None:
    many_points(tiny / CLOUD, intensity)
    message = complaint(tiny)
    assert message.startswith(f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): intensities {shown}")
    assert "expected 0..255" in message


@pytest.mark.parametrize(
    "intensity",
    [np.zeros(200), np.ones(200), np.arange(200), np.r_[np.arange(199), 300], np.arange(200) % 2],
)
def test_legal_intensities(tiny: Path, intensity: np.ndarray) -> None:
    """None, constant, whole numbers, a stray value that is clipped."""
    many_points(tiny / CLOUD, intensity)
    values = NuScenesSource(tiny, "v1.0-mini", "train", None)[0].points[:, 3]
    np.testing.assert_allclose(values, np.clip(intensity / 255, 0, 1), atol=1e-6)


@pytest.mark.parametrize("kind", ["16 bits", "float", "turned"])
def test_images_that_would_be_read_as_others(tiny: Path, kind: str) -> None:
    path = tiny / IMAGE
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 3
        Image.new("RGB", (64, 32)).save(path, exif=exif)
    elif kind == "16 bits":
        Image.fromarray(np.full((32, 64), 5000, np.uint16)).save(path, "PNG")
    else:
        Image.fromarray(np.full((32, 64), 0.5, np.float32)).save(path, "TIFF")
    expected = {
        "16 bits": "image of mode I;16",
        "float": "no JPEG or PNG image",
        "turned": "its orientation tag is 3",
    }
    assert f"image (sample_data CAM_BACK-0-0) {path}: {expected[kind]}" in complaint(tiny)


@pytest.mark.parametrize(
    "name", [CLOUD, IMAGE, "v1.0-mini/sample.json", "maps/expansion/boston-seaport.json"]
)
def test_a_pipe_in_place_of_a_file_does_not_hang(tiny: Path, name: str) -> None:
    from calico.geometry.grid import Grid

    (tiny / name).unlink()
    os.mkfifo(tiny / name)
    with pytest.raises(
        CalicoError, match=r"is a pipe, a device or a socket, expected a regular file"
    ):
        _ = NuScenesSource(tiny, "v1.0-mini", "train", Grid(-8, 8, -8, 8, 1))[0]


def test_a_device_in_place_of_a_file_is_not_read(tiny: Path) -> None:
    (tiny / CLOUD).unlink()
    (tiny / CLOUD).symlink_to("/dev/zero")
    assert "outside the data set's folder" in complaint(tiny)
    with pytest.raises(CalicoError, match="is a pipe, a device or a socket"):
        _ = NuScenesSource(tiny, "v1.0-mini", "train", None, follow_links=True)[0]


def test_a_cloud_of_endless_size_is_not_read(tiny: Path) -> None:
    with (tiny / CLOUD).open("wb") as file:
        file.truncate(20 << 30)
    assert "has 21474836480 bytes, expected at most 536870912" in complaint(tiny)


@pytest.mark.parametrize(
    "text",
    [
        '[{"token": "a", "token": "b"}]',
        '[{"token" : "a", "x\\":": 1, "token": "b"}]',
        '[{"token": "a", "token": "b", "x"  : 1}]',
        '[{"token": "a", "token": "b", "x"\n\t: 1}]',
        '[{"token": "a", "x": {"y": 1, "y": 2}}]',
        '[{"token": "\\ud800"}]',
        '[{"token": "a\\u0000"}]',
        '[{"token": NaN}]',
        '[{"token": Infinity}]',
        "[" * 5000,
        "[" + "9" * 5000 + "]",
        '[{"token": "a"},]',
        "",
    ],
)
def test_tables_are_parsed_as_strictly_as_other_files(text: str) -> None:
    with pytest.raises(CalicoError) as expected:
        parse_json(text, "table")
    with pytest.raises(CalicoError) as error:
        parse_rows(text, "table")
    assert str(error.value) == str(expected.value)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"a": 1, "b": [1, {"c": "d"}]}],
        [{"a": '":', "b": "ü"}],
        {"a": 1},
        3,
        [[1]],
        [{"a": 0.1}, {}],
    ],
)
def test_tables_are_parsed_to_the_same_values(rows: object) -> None:
    for text in (
        json.dumps(rows),
        json.dumps(rows, indent=1, ensure_ascii=False),
        json.dumps(rows, separators=(" , ", " : ")),
    ):
        assert parse_rows(text, "table") == rows
