from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.v1.reader import TfRecordSegment, open_segments
from calico.data.waymo.v1.tfrecord import list_records, read_record, write_record
from calico.data.waymo.v1.writer import write_segment
from calico.errors import CalicoError
from tests.calico.data.waymo.v1.making import make_map, make_record
from tests.calico.data.waymo.v1.plain import to_plain
from tests.calico.data.waymo.v1.protos import official

NAME = "segment-segment-a_with_camera_labels.tfrecord"


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def write_three(root: Path) -> list[WaymoRecord]:
    features = make_map(np.random.default_rng(9))
    records = [make_record(seed, map_features=features) for seed in (1, 2, 3)]
    write_segment(root, "training", "segment-a", records)
    return records


def rewrite(path: Path, change: Callable[[Any], None], record: int = 0) -> None:
    """Change one frame of a file by the official protos."""
    frame_pb2 = official("dataset_pb2").Frame
    with path.open("rb") as stream:
        found = list(list_records(stream, "f"))
        contents = [read_record(stream, offset, "f") for offset, _ in found]
    frame = frame_pb2.FromString(contents[record])
    change(frame)
    contents[record] = frame.SerializeToString()
    with path.open("wb") as stream:
        for content in contents:
            write_record(stream, content)


def test_frames_come_back_bit_for_bit(tmp_path: Path) -> None:
    records = write_three(tmp_path)
    (segment,) = open_segments(tmp_path, "training")
    assert segment.context == "segment-a"
    assert segment.timestamps_us.tolist() == [one.timestamp_us for one in records]
    for record in reversed(records):
        assert to_plain(segment.read(record.timestamp_us)) == to_plain(record)


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    records = write_three(tmp_path)
    (segment,) = open_segments(tmp_path, "training")
    found = segment.read(records[0].timestamp_us, lasers=(1, 4), returns=(2,), cameras=(3,))
    assert list(found.images) == [3]
    # In this frame the LiDARs 1, 3 and 5 have one return only.
    assert list(found.scans) == [4]
    assert to_plain(found.scans[4].returns) == to_plain(records[0].scans[4].returns[1:])
    none = segment.read(records[0].timestamp_us, lasers=(), cameras=())
    assert (none.scans, none.images) == ({}, {})
    assert to_plain(none.labels) == to_plain(records[0].labels)


def test_the_second_return_has_the_poses_of_the_first(tmp_path: Path) -> None:
    records = write_three(tmp_path)
    (segment,) = open_segments(tmp_path, "training")
    found = segment.read(records[1].timestamp_us, lasers=(1,), returns=(2,), cameras=())
    assert to_plain(found.scans[1].returns) == to_plain(records[1].scans[1].returns[1:])
    assert to_plain(found.scans[1].pixel_pose) == to_plain(records[1].scans[1].pixel_pose)


def test_labels_are_read_without_the_sensors(tmp_path: Path) -> None:
    record = write_three(tmp_path)[0]
    path = tmp_path / "training" / NAME
    content = path.read_bytes()
    place = content.index(record.images[2].jpeg)
    path.write_bytes(content[:place] + b"?" + content[place + 1 :])
    (segment,) = open_segments(tmp_path, "training")
    found = segment.read(record.timestamp_us, lasers=(), cameras=())
    assert to_plain(found.labels) == to_plain(record.labels)
    with pytest.raises(CalicoError, match=f"frame {record.timestamp_us}: the content of .* check"):
        segment.read(record.timestamp_us, lasers=(1,), cameras=())


def test_damaged_parts_that_are_not_asked_for_do_not_matter(tmp_path: Path) -> None:
    record = write_three(tmp_path)[0]

    def damage(frame: Any) -> None:
        frame.lasers[1].ri_return1.range_image_compressed = b"damaged"

    rewrite(tmp_path / "training" / NAME, damage)
    (segment,) = open_segments(tmp_path, "training")
    segment.read(record.timestamp_us, lasers=(1, 3, 4, 5))
    with pytest.raises(CalicoError, match=rf"{NAME}, frame {record.timestamp_us}: LiDAR FRONT, "):
        segment.read(record.timestamp_us, lasers=(2,))


def test_a_segment_travels_to_other_processes(tmp_path: Path) -> None:
    record = write_three(tmp_path)[1]
    (segment,) = open_segments(tmp_path, "training")
    for _ in range(2):  # before and after the first read
        other = pickle.loads(pickle.dumps(segment))
        assert to_plain(other.read(record.timestamp_us)) == to_plain(record)
        segment.read(record.timestamp_us)
    assert len(pickle.dumps(segment)) < 2000


def test_the_official_protos_read_the_same(tmp_path: Path) -> None:
    frame_pb2 = official("dataset_pb2").Frame
    records = write_three(tmp_path)
    with (tmp_path / "training" / NAME).open("rb") as stream:
        found = [read_record(stream, offset, "f") for offset, _ in list_records(stream, "f")]
    frames = [frame_pb2.FromString(one) for one in found]
    assert [len(one.map_features) for one in frames] == [8, 0, 0]
    for frame, record in zip(frames, records, strict=True):
        assert frame.IsInitialized()
        assert frame.context.name == "segment-a"
        assert frame.context.stats.weather == record.conditions.weather
        assert frame.timestamp_micros == record.timestamp_us
        assert list(frame.pose.transform) == record.world_T_vehicle.ravel().tolist()
        assert [one.image for one in frame.images] == [one.jpeg for one in record.images.values()]
        assert [one.velocity.w_z for one in frame.images] == [
            0 if one.velocity is None else one.velocity[5] for one in record.images.values()
        ]
        assert [one.camera_readout_done_time for one in frame.images] == [
            one.readout_s for one in record.images.values()
        ]
        for one, calibration in zip(
            frame.context.laser_calibrations, record.lidar_calibrations.values(), strict=True
        ):
            beams = calibration.inclinations
            assert list(one.beam_inclinations) == ([] if beams is None else beams.tolist())
            assert one.beam_inclination_max == calibration.inclination_max
        for one, calibration in zip(
            frame.context.camera_calibrations, record.camera_calibrations.values(), strict=True
        ):
            assert list(one.intrinsic) == calibration.intrinsic.tolist()
            assert (one.width, one.height) == (calibration.width, calibration.height)
            assert one.rolling_shutter_direction == calibration.shutter_direction
        assert list(frame.no_label_zones[1].y) == record.no_label_zones[1][:, 1].tolist()
        assert frame.map_pose_offset.z == record.map_offset[2]


def test_the_official_protos_read_the_same_range_images(tmp_path: Path) -> None:
    dataset_pb2 = official("dataset_pb2")
    record = write_three(tmp_path)[1]
    with (tmp_path / "training" / NAME).open("rb") as stream:
        offset = list(list_records(stream, "f"))[1][0]
        frame = dataset_pb2.Frame.FromString(read_record(stream, offset, "f"))
    import zlib

    def matrix(compressed: bytes) -> np.ndarray:
        one = dataset_pb2.MatrixFloat.FromString(zlib.decompress(compressed))
        return np.array(one.data, np.float32).reshape(list(one.shape.dims))

    for laser in frame.lasers:
        scan = record.scans[laser.name]
        np.testing.assert_array_equal(
            matrix(laser.ri_return1.range_image_compressed), scan.returns[0]
        )
        assert laser.HasField("ri_return2") == (len(scan.returns) == 2)
    np.testing.assert_array_equal(
        matrix(frame.lasers[0].ri_return1.range_image_pose_compressed),
        record.scans[1].pixel_pose,
    )


def test_the_official_protos_read_the_same_map(tmp_path: Path) -> None:
    frame_pb2 = official("dataset_pb2").Frame
    write_three(tmp_path)
    with (tmp_path / "training" / NAME).open("rb") as stream:
        frame = frame_pb2.FromString(read_record(stream, 0, "f"))
    by_id = {one.id: one for one in frame.map_features}
    for feature in make_map(np.random.default_rng(9)):
        one = by_id[feature.id]
        assert one.WhichOneof("feature_data") == feature.kind
        content = getattr(one, feature.kind)
        if feature.kind == "stop_sign":
            points, lanes = [content.position], tuple(content.lane)
            assert lanes == feature.lanes
        else:
            points = getattr(content, "polyline", None) or getattr(content, "polygon", [])
        assert [[p.x, p.y, p.z] for p in points] == feature.points.tolist()
    left = by_id[7].lane.left_boundaries[0]
    assert left.lane_end_index == 3
    assert left.boundary_feature_id == 11
    assert left.boundary_type == 1
    assert by_id[8].lane.interpolating
    assert by_id[12].road_edge.type == 1


def test_frames_of_the_official_protos_are_read(tmp_path: Path) -> None:
    records = write_three(tmp_path)
    path = tmp_path / "training" / NAME

    def add_other_fields(frame: Any) -> None:
        frame.camera_labels.add().labels.add().id = "x"
        frame.context.stats.laser_object_counts.add().count = 4
        frame.lasers[0].ri_return1.camera_projection_compressed = b"ignored"
        frame.map_features.add().id = 99  # a feature without content, as in some segments

    for number in range(3):
        rewrite(path, add_other_fields, number)
    (segment,) = open_segments(tmp_path, "training")
    for record in records:
        assert to_plain(segment.read(record.timestamp_us)) == to_plain(record)


def test_the_deprecated_matrix_is_read(tmp_path: Path) -> None:
    record = write_three(tmp_path)[0]

    def store_plainly(frame: Any) -> None:
        image = frame.lasers[1].ri_return1
        image.ClearField("range_image_compressed")
        scan = record.scans[2].returns[0]
        image.range_image.data.extend(scan.ravel().tolist())
        image.range_image.shape.dims.extend(scan.shape)

    rewrite(tmp_path / "training" / NAME, store_plainly)
    (segment,) = open_segments(tmp_path, "training")
    found = segment.read(record.timestamp_us)
    assert to_plain(found.scans[2]) == to_plain(record.scans[2])


def test_the_map_is_read_only_when_it_is_asked_for(tmp_path: Path) -> None:
    record = write_three(tmp_path)[1]
    (segment,) = open_segments(tmp_path, "training")
    plain = segment.read(record.timestamp_us, with_map=False)
    assert plain.map_features is None
    assert to_plain(plain.map_offset) == to_plain(record.map_offset)
    assert isinstance(segment, TfRecordSegment)
    assert to_plain(segment.read_map()) == to_plain(record.map_features)


def test_a_file_that_is_replaced_has_another_map(tmp_path: Path) -> None:
    write_three(tmp_path)
    (segment,) = open_segments(tmp_path, "training")
    assert isinstance(segment, TfRecordSegment)
    before = segment.map_key
    assert segment.read_map() is not None
    write_segment(tmp_path, "training", "segment-a", [make_record(1)])
    assert segment.map_key != before
    assert segment.read_map() is None


def test_a_segment_without_features_has_no_known_map(tmp_path: Path) -> None:
    write_segment(tmp_path, "testing", "a", [make_record(1, "a")])
    (segment,) = open_segments(tmp_path, "testing")
    found = segment.read(int(segment.timestamps_us[0]))
    assert found.map_features is None
    assert found.no_label_zones is not None


def test_files_of_other_names(tmp_path: Path) -> None:
    write_segment(tmp_path, "s", "b", [make_record(1, "b")])
    write_segment(tmp_path, "s", "a", [make_record(2, "a")])
    folder = tmp_path / "s"
    (folder / "segment-b_with_camera_labels.tfrecord").rename(
        folder / "training_segment-b.tfrecord"
    )
    (folder / "segment-c.tfrecord.gz").write_bytes(b"")
    assert [one.context for one in open_segments(tmp_path, "s")] == ["a", "b"]
    (folder / "segment-a.tfrecord").write_bytes(b"")
    with pytest.raises(CalicoError, match=r"holds segment a, and so does segment-a\.tfrecord"):
        open_segments(tmp_path, "s")


def test_wrong_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="validation: no such folder; expected segment-"):
        open_segments(tmp_path, "validation")
    (tmp_path / "validation").mkdir()
    with pytest.raises(CalicoError, match="validation: has no segment"):
        open_segments(tmp_path, "validation")


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    record = write_three(tmp_path)[0]
    (segment,) = open_segments(tmp_path, "training")
    for time in (0, record.timestamp_us + 1, 2**62):
        with pytest.raises(CalicoError, match=f"has no frame of the time {time}"):
            segment.read(time)
    with pytest.raises(CalicoError, match="returns: got 3"):
        segment.read(record.timestamp_us, returns=(1, 3))


def _clear_pose(frame: Any) -> None:
    frame.ClearField("pose")


def _shear(frame: Any) -> None:
    frame.pose.transform[12] = 0.5


def _rename(frame: Any) -> None:
    frame.context.name = "b"


def _double_laser(frame: Any) -> None:
    frame.lasers[1].name = 1


def _drop_lens(frame: Any) -> None:
    del frame.context.camera_calibrations[0].intrinsic[8]


def _make_infinite(frame: Any) -> None:
    frame.context.laser_calibrations[0].beam_inclination_min = float("inf")


def _lose_size(frame: Any) -> None:
    frame.context.camera_calibrations[4].width = 0


def _cut_zone(frame: Any) -> None:
    del frame.no_label_zones[0].x[0]


def _move_map(frame: Any) -> None:
    frame.map_pose_offset.x = float("nan")


def _swap_poses(frame: Any) -> None:
    one = frame.lasers[1].ri_return1
    one.range_image_pose_compressed = frame.lasers[0].ri_return1.range_image_pose_compressed


def _stop_clock(frame: Any) -> None:
    frame.images[0].shutter = float("nan")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_clear_pose, "pose has 0 numbers, expected 16"),
        (_shear, r"pose has the last row \[0\.5, "),
        (_rename, "belongs to segment 'b', expected 'segment-a'"),
        (_double_laser, "lasers: has TOP twice"),
        (_drop_lens, "calibration of camera FRONT: intrinsic has 8 numbers, expected 9"),
        (_make_infinite, "calibration of LiDAR TOP: has inclinations that are not finite"),
        (_lose_size, "calibration of camera SIDE_RIGHT: has a size of 0 x 886 pixels"),
        (_cut_zone, "no-label zone 0 has 4 x and 5 y"),
        (_move_map, r"map_pose_offset is \[nan, "),
        (_swap_poses, r"LiDAR FRONT: its matrices have the sizes \[\(5, 6\), \(8, 20\)\]"),
        (_stop_clock, "image of camera FRONT: has times or velocities that are not finite"),
    ],
)
def test_impossible_values_are_refused(
    change: Callable[[Any], None], reason: str, tmp_path: Path
) -> None:
    record = write_three(tmp_path)[0]
    rewrite(tmp_path / "training" / NAME, change)
    (segment,) = open_segments(tmp_path, "training")
    with pytest.raises(CalicoError, match=rf"{NAME}, frame {record.timestamp_us}: {reason}"):
        segment.read(record.timestamp_us)
