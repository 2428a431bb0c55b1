"""Written files, looked at with plain pyarrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.v2.writer import write_segment
from calico.errors import CalicoError
from tests.calico.data.waymo.v2.samples import CONTEXT, FIRST_US, make_records
from tests.calico.data.waymo.v2.test_schema import list_expected

Records = tuple[WaymoRecord, ...]
WRITTEN = (
    "camera_calibration",
    "camera_image",
    "lidar",
    "lidar_box",
    "lidar_calibration",
    "lidar_camera_synced_box",
    "lidar_pose",
    "stats",
    "vehicle_pose",
)


def open_file(root: Path, tag: str) -> pq.ParquetFile:
    return pq.ParquetFile(root / "training" / tag / f"{CONTEXT}.parquet")


def rows(root: Path, tag: str) -> list[dict[str, Any]]:
    """Rows with the names of columns without their class."""
    found = open_file(root, tag).read().to_pylist()
    return [{name.split("].")[-1]: value for name, value in row.items()} for row in found]


def test_a_file_of_each_component_and_nothing_else(written: Path) -> None:
    found = sorted(str(p.relative_to(written)) for p in written.rglob("*") if p.is_file())
    assert found == [f"training/{tag}/{CONTEXT}.parquet" for tag in WRITTEN]
    assert sorted(p.name for p in (written / "training").iterdir()) == list(WRITTEN)


@pytest.mark.parametrize("tag", WRITTEN)
def test_names_types_and_compression(tag: str, written: Path) -> None:
    file = open_file(written, tag)
    schema = file.schema_arrow
    assert [(field.name, str(field.type)) for field in schema] == list_expected(tag)
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    codecs = {group.column(n).compression for group in groups for n in range(group.num_columns)}
    assert codecs == {"BROTLI"}


def test_row_groups_of_four_frames(written: Path) -> None:
    sizes = {}
    for tag in WRITTEN:
        metadata = open_file(written, tag).metadata
        sizes[tag] = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    assert sizes["vehicle_pose"] == sizes["stats"] == sizes["lidar_pose"] == [4, 4, 3]
    assert sizes["lidar"] == sizes["camera_image"] == [20, 20, 15]
    assert sizes["lidar_calibration"] == sizes["camera_calibration"] == [5]
    assert len(sizes["lidar_box"]) == 3


def test_range_images_and_poses(written: Path, made: Records) -> None:
    found = rows(written, "lidar")
    poses = rows(written, "lidar_pose")
    assert [row["key.laser_name"] for row in poses] == [1] * 11
    for number, record in enumerate(made):
        for laser, scan in record.scans.items():
            row = found[number * 5 + laser - 1]
            assert (row["key.laser_name"], row["key.frame_timestamp_micros"]) == (
                laser, record.timestamp_us)  # fmt: skip
            assert row["range_image_return1.values"] == scan.returns[0].ravel().tolist()
            assert row["range_image_return1.shape"] == list(scan.returns[0].shape)
            if len(scan.returns) == 1:
                assert row["range_image_return2.values"] is None
                assert row["range_image_return2.shape"] is None
            else:
                assert row["range_image_return2.values"] == scan.returns[1].ravel().tolist()
        pose = record.scans[1].pixel_pose
        assert pose is not None
        assert poses[number]["range_image_return1.values"] == pose.ravel().tolist()
        assert poses[number]["range_image_return1.shape"] == [8, 37, 6]


def test_open_values_are_null(written: Path, made: Records) -> None:
    found = rows(written, "lidar_box")
    labels = [(r.timestamp_us, r.labels, n) for r in made for n in range(len(r.labels.ids))]
    assert len(found) == len(labels)
    nulls = 0
    for row, (timestamp, label, n) in zip(found, labels, strict=True):
        assert (row["key.frame_timestamp_micros"], row["key.laser_object_id"]) == (
            timestamp, label.ids[n])  # fmt: skip
        assert row["box.size.y"] == label.boxes[n, 4]
        assert row["box.heading"] == label.boxes[n, 6]
        speed = None if math.isnan(label.speed[n, 2]) else label.speed[n, 2]
        points = None if label.num_points[n] == -1 else label.num_points[n]
        level = label.tracking_difficulty[n] or None
        assert row["speed.z"] == speed
        assert row["num_lidar_points_in_box"] == points
        assert row["difficulty_level.tracking"] == level
        nulls += (speed is None) + (points is None) + (level is None)
    assert nulls > 10
    synced = rows(written, "lidar_camera_synced_box")
    assert len(synced) == sum(
        int((~np.isnan(record.labels.camera_synced[:, 0])).sum()) for record in made
    )


def test_calibrations(written: Path, made: Records) -> None:
    lidars = rows(written, "lidar_calibration")
    beams = made[0].lidar_calibrations[1].inclinations
    assert beams is not None
    assert [row["beam_inclination.values"] for row in lidars] == [beams.tolist(), *[None] * 4]
    assert lidars[2]["extrinsic.transform"] == (
        made[0].lidar_calibrations[3].vehicle_T_lidar.ravel().tolist()
    )
    camera = rows(written, "camera_calibration")[3]
    expected = made[0].camera_calibrations[4]
    assert (camera["key.camera_name"], camera["width"], camera["height"]) == (4, 1920, 886)
    assert camera["intrinsic.k3"] == expected.intrinsic[8]


def test_stats_count_objects(written: Path, made: Records) -> None:
    for row, record in zip(rows(written, "stats"), made, strict=True):
        types, counts = np.unique(record.labels.types, return_counts=True)
        assert row["lidar_object_counts.types"] == types.tolist()
        assert row["lidar_object_counts.counts"] == counts.tolist()
        assert row["camera_object_counts.types"] is None
        assert row["weather"] == (record.conditions.weather or None)


def test_old_types(made: Records, tmp_path: Path) -> None:
    write_segment(tmp_path, "training", CONTEXT, made[:1], old_types=True)
    box = open_file(tmp_path, "lidar_box").read()
    assert str(box.schema.field("[LiDARBoxComponent].box.heading").type) == "float"
    assert set(box["[LiDARBoxComponent].type"].to_pylist()) <= {
        "TYPE_VEHICLE", "TYPE_PEDESTRIAN", "TYPE_SIGN", "TYPE_CYCLIST",
    }  # fmt: skip
    pose = open_file(tmp_path, "vehicle_pose").read()
    name = "[VehiclePoseComponent].world_from_vehicle.transform"
    assert pose.schema.field(name).type.value_type == pa.float32()
    lidar = open_file(tmp_path, "lidar").read(["key.laser_name"])
    assert lidar["key.laser_name"].to_pylist() == [
        "TOP", "FRONT", "SIDE_LEFT", "SIDE_RIGHT", "REAR",
    ]  # fmt: skip


def test_the_same_records_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_segment(tmp_path, "training", CONTEXT, make_records(11), frames_per_group=4)
    for tag in WRITTEN:
        path = Path("training") / tag / f"{CONTEXT}.parquet"
        assert (tmp_path / path).read_bytes() == (written / path).read_bytes()


def test_records_are_taken_one_after_another(tmp_path: Path) -> None:
    """No record is needed any more when the one after the next is made."""
    import weakref

    alive: list[weakref.ref[WaymoRecord]] = []

    def watched() -> Iterator[WaymoRecord]:
        for record in make_records(8):
            assert sum(one() is not None for one in alive) <= 1
            alive.append(weakref.ref(record))
            yield record
            del record

    write_segment(tmp_path, "training", CONTEXT, watched(), frames_per_group=3)
    assert len(alive) == 8


def fail_at(count: int) -> Iterator[WaymoRecord]:
    yield from make_records(count)
    raise RuntimeError("no more records")


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no more records"):
        write_segment(tmp_path, "training", CONTEXT, fail_at(5), frames_per_group=2)
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == []
    assert [p.name for p in (tmp_path / "training").iterdir() if p.name[0] == "."] == []


def test_an_error_leaves_the_files_of_before(tmp_path: Path) -> None:
    write_segment(tmp_path, "training", CONTEXT, make_records(2))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(RuntimeError, match="no more records"):
        write_segment(tmp_path, "training", CONTEXT, fail_at(5), frames_per_group=2)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def change_first(records: list[WaymoRecord], **values: Any) -> list[WaymoRecord]:
    return [replace(records[0], **values), *records[1:]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: [], "has no record, expected one or more"),
        (lambda r: [r[1], r[0]], f"record {FIRST_US}: follows {FIRST_US + 100_000}"),
        (lambda r: [r[0], r[0]], "expected a later one"),
        (lambda r: change_first(r, context="other"), "is of the segment other"),
        (lambda r: change_first(r, camera_calibrations={}), "other calibrations than the first"),
        (lambda r: change_first(r, labels=replace(r[0].labels, types=r[0].labels.types + 1000)),
         "cannot hold a value of a record"),
    ],
)  # fmt: skip
def test_records_that_do_not_belong_together_are_refused(
    change: Callable[[list[WaymoRecord]], list[WaymoRecord]], said: str, tmp_path: Path
) -> None:
    with pytest.raises(CalicoError, match=said):
        write_segment(tmp_path, "training", CONTEXT, change(list(make_records(2))))
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == []


def test_names_and_numbers_that_make_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"'\.\./x': cannot be the name of a file"):
        write_segment(tmp_path, "training", "../x", [])
    with pytest.raises(CalicoError, match="frames_per_group is 0, expected 1 or more"):
        write_segment(tmp_path, "training", CONTEXT, [], frames_per_group=0)
