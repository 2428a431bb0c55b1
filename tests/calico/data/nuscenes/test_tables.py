"""Tables are read strictly, and broken references name file and token."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from calico.data.nuscenes.tables import parse_rows
from calico.errors import CalicoError
from calico.files import parse_json
from tests.calico.data.nuscenes.loading import Edit, complaint, complaint_of_scene


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


def test_unknown_version(tiny: Path) -> None:
    assert complaint(tiny, version="v1.0-trainval") == (
        f"{tiny}/v1.0-trainval: no such folder of nuScenes tables; found v1.0-mini. Set data.root, "
        "data.version."
    )


Rows = list[dict]


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
            "rows 'LIDAR_TOP-0-0' and 'x' are both the keyframe of LIDAR_TOP in sample "
            "'sample-0-0'",
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
    message = complaint_of_scene(tiny)
    assert message.startswith(f"{tiny}/v1.0-mini/{table}.json: ")
    assert expected in message


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
