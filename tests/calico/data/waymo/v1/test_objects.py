from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from calico.data.waymo.v1 import objects
from calico.data.waymo.v1.objects import NoLabelZone, Objects, read_objects, write_objects
from calico.errors import CalicoError
from tests.calico.data.waymo.v1.making import make_labels
from tests.calico.data.waymo.v1.protos import official
from tests.calico.data.waymo.v1.test_labels import assert_same

SHARED = Path(os.environ.get("CALICO_SHARED_DATA", Path(__file__).parents[5] / "../shared/data"))
FIXTURE = SHARED / "waymo_metrics"


def make_objects(count: int) -> Objects:
    rng = np.random.default_rng(count)
    scores = rng.random(count).astype(np.float32)
    scores[::3] = np.nan
    zone = NoLabelZone("segment-1", 1_500_000_000_000_001, rng.normal(0, 9, (4, 2)))
    return Objects(
        labels=make_labels(rng, count),
        contexts=tuple(f"segment-{index % 3}" for index in range(count)),
        timestamps_us=1_500_000_000_000_000 + np.arange(count),
        scores=scores,
        in_no_label_zone=rng.random(count) < 0.3,
        cameras=rng.integers(0, 6, count),
        no_label_zones=(zone,),
    )


@pytest.mark.parametrize("count", [0, 1, 30])
def test_objects_come_back(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_CHUNK", 7)
    expected = make_objects(count)
    write_objects(tmp_path / "a.bin", expected)
    found = read_objects(tmp_path / "a.bin")
    assert len(found) == count
    assert_same(found.labels, expected.labels)
    assert found.contexts == expected.contexts
    for name in ("timestamps_us", "scores", "in_no_label_zone", "cameras"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    assert found.no_label_zones[0].context == "segment-1"
    np.testing.assert_array_equal(
        found.no_label_zones[0].polygon, expected.no_label_zones[0].polygon
    )


def test_the_official_proto_reads_and_writes_the_same(tmp_path: Path) -> None:
    metrics_pb2 = official("protos.metrics_pb2")
    expected = make_objects(40)
    write_objects(tmp_path / "a.bin", expected)
    parsed = metrics_pb2.Objects.FromString((tmp_path / "a.bin").read_bytes())
    assert [one.context_name for one in parsed.objects] == list(expected.contexts)
    for index, one in enumerate(parsed.objects):
        assert one.HasField("score") == ~np.isnan(expected.scores[index])
        assert one.score == np.nan_to_num(expected.scores[index], nan=1.0)  # 1: the proto's default
        assert one.frame_timestamp_micros == expected.timestamps_us[index]
        assert one.overlap_with_nlz == expected.in_no_label_zone[index]
        assert one.camera_name == expected.cameras[index]
        assert one.object.box.width == expected.labels.boxes[index, 4]
    assert list(parsed.no_label_zone_objects[0].zone.y) == (
        expected.no_label_zones[0].polygon[:, 1].tolist()
    )
    (tmp_path / "b.bin").write_bytes(parsed.SerializeToString())
    assert_same(read_objects(tmp_path / "b.bin").labels, expected.labels)


@pytest.mark.skipif(not FIXTURE.is_dir(), reason="needs waymo_metrics in CALICO_SHARED_DATA")
@pytest.mark.parametrize(
    ("name", "count"), [("fake_ground_truths", 1010), ("fake_predictions", 2263)]
)
def test_the_published_example_of_the_metrics(name: str, count: int) -> None:
    path = FIXTURE / f"{name}.bin"
    found = read_objects(path)
    assert len(found) == count
    parsed = official("protos.metrics_pb2").Objects.FromString(path.read_bytes())
    for index, one in enumerate(parsed.objects):
        box = one.object.box
        assert found.labels.boxes[index].tolist() == [
            box.center_x, box.center_y, box.center_z, box.length, box.width, box.height, box.heading
        ]  # fmt: skip
        assert found.labels.ids[index] == one.object.id
        assert found.labels.types[index] == one.object.type
        assert found.labels.num_points[index] == one.object.num_lidar_points_in_box
        assert found.labels.detection_difficulty[index] == one.object.detection_difficulty_level
        assert found.contexts[index] == one.context_name
        assert found.timestamps_us[index] == one.frame_timestamp_micros
    scores = np.array([one.score for one in parsed.objects], np.float32)
    np.testing.assert_array_equal(np.nan_to_num(found.scores, nan=1.0), scores)


def test_damaged_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    write_objects(path, make_objects(5))
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(CalicoError, match=r"a\.bin: Objects, part 5: states"):
        read_objects(path)
    path.write_bytes(b"\x0a\x02\x0a\x00")
    with pytest.raises(CalicoError, match=r"a\.bin: from object 0 on: label 0 has no box"):
        read_objects(path)
    path.write_bytes(content)
    monkeypatch.setattr(objects, "MAX_OBJECTS", 4)
    with pytest.raises(CalicoError, match=r"a\.bin: holds more than 4 objects"):
        read_objects(path)
    with pytest.raises(ValueError, match="no such file"):
        read_objects(tmp_path / "b.bin")
