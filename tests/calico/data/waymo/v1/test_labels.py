from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calico.data.waymo.records import CAMERA_NAMES, Labels
from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.labels import decode_labels, encode_labels, join_labels
from calico.data.waymo.v1.messages import LABEL
from calico.data.waymo.v1.wire import decode_message
from calico.errors import CalicoError
from tests.calico.data.waymo.v1.making import make_labels
from tests.calico.data.waymo.v1.protos import official


def assert_same(found: Labels, expected: Labels) -> None:
    for name, value in vars(expected).items():
        if name == "ids":
            assert found.ids == value
        else:
            np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)
            assert getattr(found, name).dtype == value.dtype, name


@pytest.mark.parametrize("count", [0, 1, 40])
def test_labels_come_back(count: int) -> None:
    labels = make_labels(np.random.default_rng(count), count)
    stored = [encode_message(one, LABEL) for one in encode_labels(labels)]
    assert_same(decode_labels([decode_message(one, LABEL, "x") for one in stored], "x"), labels)


def test_the_official_proto_reads_the_same() -> None:
    label_pb2 = official("label_pb2")
    labels = make_labels(np.random.default_rng(1), 50)
    for index, message in enumerate(encode_labels(labels)):
        one = label_pb2.Label.FromString(encode_message(message, LABEL))
        box = one.box
        assert labels.boxes[index].tolist() == [
            box.center_x, box.center_y, box.center_z, box.length, box.width, box.height, box.heading
        ]  # fmt: skip
        assert one.id == labels.ids[index]
        assert one.type == labels.types[index]
        assert one.HasField("num_lidar_points_in_box") == (labels.num_points[index] >= 0)
        assert one.num_top_lidar_points_in_box == max(labels.num_top_points[index], 0)
        assert one.detection_difficulty_level == labels.detection_difficulty[index]
        assert one.tracking_difficulty_level == labels.tracking_difficulty[index]
        assert one.HasField("camera_synced_box") == bool(labels.most_visible_camera[index])
        assert one.most_visible_camera_name == CAMERA_NAMES.get(
            labels.most_visible_camera[index], ""
        )
        if not np.isnan(labels.speed[index]).any():
            speed = one.metadata.speed_x, one.metadata.speed_y, one.metadata.speed_z
            assert labels.speed[index].tolist() == list(speed)


def test_empty_fields_of_real_files_mean_none() -> None:
    # The published example of the metrics has labels with an empty box and an empty name.
    one = {"box": {"center_x": 1.0}, "type": 2, "camera_synced_box": {}}
    labels = decode_labels([one | {"most_visible_camera_name": ""}], "x")
    assert np.isnan(labels.camera_synced).all()
    assert labels.most_visible_camera.tolist() == [0]
    assert labels.boxes.tolist() == [[1, 0, 0, 0, 0, 0, 0]]
    assert labels.num_points.tolist() == [-1]


def test_labels_are_joined() -> None:
    whole = make_labels(np.random.default_rng(2), 7)
    fields = vars(whole)
    parts = [
        Labels(**{name: value[part] for name, value in fields.items()})
        for part in (slice(0, 3), slice(3, 3), slice(3, 7))
    ]
    assert_same(join_labels(parts), whole)
    assert join_labels([]).boxes.shape == (0, 7)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"box": None}, "label 0 has no box"),
        ({"type": 0}, r"label 0 has type 0, expected one of \[1, 2, 3, 4\]"),
        ({"type": 5}, "label 0 has type 5"),
        ({"box": {"heading": np.nan}}, "label 0 has boxes .* expected finite numbers"),
        ({"metadata": {"speed_x": np.inf}}, r"label 0 has speed \[inf, nan, nan\], expected"),
        ({"most_visible_camera_name": "BACK"}, "'BACK', expected one of FRONT, "),
        ({"detection_difficulty_level": 3}, "expected 0, 1 or 2"),
    ],
)
def test_impossible_labels_are_refused(change: dict[str, Any], reason: str) -> None:
    one = {"box": {}, "type": 1} | change
    with pytest.raises(CalicoError, match=f"file f: .*{reason}"):
        decode_labels([{key: value for key, value in one.items() if value is not None}], "file f")
