"""Waymo's files of predictions, read by the official protos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calico.data.waymo.v1.objects import read_objects
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.frames import from_yaw
from calico.predictions import Predictions
from calico.taxonomy import KITTI, WAYMO, MapClass, ObjectClass, Taxonomy
from calico_eval.waymo_submission import (
    SubmissionDetails,
    make_objects,
    read_details,
    write_waymo_objects,
    write_waymo_submission,
)
from tests.calico.data.waymo.v1.protos import official

TIME_US = 1_558_017_621_622_379
DETAILS = SubmissionDetails(
    "me@example.org", "calico", ("A", "B"), "LIDAR_ALL", description="x", latency_s=0.25
)


@pytest.fixture
def waymo_frame(frame: Frame) -> Frame:
    mount = from_yaw(0.0, (1.5, 0.0, 2.0))
    boxes = replace(frame.boxes, labels=np.array([0, 1]), attributes=np.array([-1, -1]))
    return frame.replace(
        token=f"seg_{TIME_US}",
        scene="seg",
        timestamp_s=TIME_US * 1e-6,
        taxonomy=WAYMO,
        ego_T_lidar=mount,
        global_T_lidar=mount,
        boxes=boxes,
        map_masks=None,
    )


def predicted(**changes: np.ndarray) -> Predictions:
    boxes = np.array(
        [[1, 2, 3, 4, 1.75, 1.5, 0.5, 3, 4], [-5, 0, 0.5, 1, 1, 2, -3, np.nan, np.nan]], np.float32
    )
    values = {
        "boxes": boxes,
        "scores": np.array([0.25, 0.75], np.float32),
        "labels": np.array([0, 2]),
    }
    return Predictions(**values | changes)


def test_boxes_are_in_the_vehicle_frame(waymo_frame: Frame) -> None:
    found = make_objects(waymo_frame, predicted())
    np.testing.assert_allclose(
        found.labels.boxes, [[-3.5, 0, 2.5, 1, 1, 2, -3], [2.5, 2, 5, 4, 1.75, 1.5, 0.5]]
    )
    assert found.labels.types.tolist() == [4, 1]
    assert found.timestamps_us.tolist() == [TIME_US] * 2
    assert found.contexts == ("seg", "seg")
    assert found.scores.tolist() == [0.75, 0.25]
    np.testing.assert_array_equal(found.labels.speed[1, :2], [3, 4])
    assert np.isnan(found.labels.speed[0]).all()


def test_a_turned_lidar_turns_headings_and_velocities(waymo_frame: Frame) -> None:
    pose = from_yaw(np.pi / 2, (0.0, 0.0, 1.0))
    turned = waymo_frame.replace(ego_T_lidar=pose, global_T_lidar=pose)
    found = make_objects(turned, predicted())
    np.testing.assert_allclose(found.labels.boxes[1, :3], [-2, 1, 4], atol=1e-9)
    assert found.labels.boxes[1, 6] == pytest.approx(0.5 + np.pi / 2)
    np.testing.assert_allclose(found.labels.speed[1, :2], [-4, 3], atol=1e-9)


def test_velocities_are_in_the_axes_of_the_world(waymo_frame: Frame) -> None:
    pose = from_yaw(np.pi / 2, (50.0, 20.0, 1.0))
    found = make_objects(waymo_frame.replace(global_T_lidar=pose), predicted())
    np.testing.assert_allclose(found.labels.speed[1, :2], [-4, 3], atol=1e-9)
    np.testing.assert_allclose(found.labels.boxes[1, :3], [2.5, 2, 5])


def test_every_microsecond_of_a_waymo_frame_survives(waymo_frame: Frame) -> None:
    for time in (TIME_US + np.random.default_rng(0).integers(0, 10**15, 200)).tolist():
        one = waymo_frame.replace(token=f"seg_{time}", timestamp_s=time * 1e-6)
        assert make_objects(one, predicted()).timestamps_us[0] == time
        other = one.replace(token="other")
        assert abs(make_objects(other, predicted()).timestamps_us[0] - time) <= 1


def test_the_official_proto_reads_the_objects(waymo_frame: Frame, tmp_path: Path) -> None:
    later = waymo_frame.replace(token="seg_later", timestamp_s=TIME_US * 1e-6 + 0.1)
    path = tmp_path / "new" / "objects.bin"
    pairs = [(waymo_frame, predicted()), (later, predicted())]
    assert write_waymo_objects(path, pairs) == 2
    parsed = official("protos.metrics_pb2").Objects.FromString(path.read_bytes())
    assert [one.frame_timestamp_micros - TIME_US for one in parsed.objects] == [0, 0, 10**5, 10**5]
    one = parsed.objects[1]
    assert one.context_name == "seg"
    assert one.score == 0.25
    assert (one.object.type, one.object.box.length, one.object.box.width) == (1, 4.0, 1.75)
    assert (one.object.metadata.speed_x, one.object.metadata.speed_y) == (3.0, 4.0)
    assert not parsed.objects[0].object.HasField("metadata")
    assert not one.object.HasField("id")
    assert len(read_objects(path)) == 4


def test_the_official_proto_reads_the_submission(waymo_frame: Frame, tmp_path: Path) -> None:
    later = waymo_frame.replace(token="seg_later")
    path = tmp_path / "submission.bin"
    pairs = [(waymo_frame, predicted()), (later, predicted())]
    assert write_waymo_submission(path, pairs, DETAILS) == 2
    submission_pb2 = official("protos.submission_pb2")
    parsed = submission_pb2.Submission.FromString(path.read_bytes())
    assert parsed.task == submission_pb2.Submission.DETECTION_3D
    assert parsed.sensor_type == submission_pb2.Submission.LIDAR_ALL
    assert parsed.account_name == "me@example.org"
    assert list(parsed.authors) == ["A", "B"]
    assert parsed.latency_second == 0.25
    assert parsed.HasField("number_past_frames_exclude_current")
    assert not parsed.HasField("affiliation")
    assert list(parsed.object_types) == [1, 4]
    assert len(parsed.inference_results.objects) == 4


def test_all_enums_are_those_of_the_proto() -> None:
    submission = official("protos.submission_pb2").Submission
    from calico_eval import waymo_submission as ours

    for name, number in (*ours._TASKS.items(), *ours._SENSOR_TYPES.items()):
        assert getattr(submission, name) == number


def test_a_frame_without_predictions_is_no_error(waymo_frame: Frame, tmp_path: Path) -> None:
    none = predicted(
        boxes=np.zeros((0, 9), np.float32), scores=np.zeros(0, np.float32), labels=np.zeros(0, int)
    )
    assert write_waymo_objects(tmp_path / "a.bin", [(waymo_frame, none)]) == 1
    assert len(read_objects(tmp_path / "a.bin")) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"boxes": np.full((2, 9), np.nan, np.float32)}, "are not finite"),
        ({"scores": np.array([np.inf, 0], np.float32)}, "are not finite"),
        ({"boxes": np.zeros((2, 9), np.float32)}, "sizes are not all above 0"),
        ({"labels": np.array([0, 3])}, r"predicted labels \[0, 3\], expected 0 to 2"),
        ({"labels": np.array([-1, 0])}, r"predicted labels \[-1, 0\], expected 0 to 2"),
    ],
)
def test_impossible_predictions_are_refused(
    changes: dict[str, np.ndarray], reason: str, waymo_frame: Frame, tmp_path: Path
) -> None:
    with pytest.raises(CalicoError, match=f"frame seg_{TIME_US}: .*{reason}"):
        write_waymo_objects(tmp_path / "a.bin", [(waymo_frame, predicted(**changes))])
    assert not list(tmp_path.iterdir())


def test_frames_come_once_and_classes_are_those_of_waymo(
    waymo_frame: Frame, tmp_path: Path
) -> None:
    pair = waymo_frame, predicted()
    with pytest.raises(CalicoError, match="comes twice"):
        write_waymo_objects(tmp_path / "a.bin", [pair, pair])
    kitti = waymo_frame.replace(taxonomy=KITTI)
    with pytest.raises(CalicoError, match="a Waymo submission holds the classes vehicle, "):
        write_waymo_objects(tmp_path / "a.bin", [(kitti, predicted())])
    own = Taxonomy("own", (ObjectClass("car", sources=("vehicle",)),), (MapClass("road"),))
    found = make_objects(waymo_frame.replace(taxonomy=own), predicted(labels=np.array([0, 0])))
    assert found.labels.types.tolist() == [1, 1]


def test_details_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "details.yaml"
    path.write_text(
        "account_name: me@example.org\nunique_method_name: calico\nauthors: [A, B]\n"
        "sensor_type: LIDAR_ALL\ndescription: x\nlatency_s: 0.25\n"
    )
    assert read_details(path) == DETAILS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "expected some of account_name, "),
        ("{a: 1}", "expected some of account_name, "),
        ("{account_name: a}", "unique_method_name is missing"),
        ("unique_method_name: ''", r"unique_method_name: got '', expected 1 to 25"),
        ("unique_method_name: 5", "unique_method_name: got 5, expected a text"),
        ("authors: A", "authors is 'A', expected a list"),
        ("authors: []", "expected at least one name"),
        ("sensor_type: RADAR", "sensor_type: got 'RADAR', expected one of LIDAR_ALL, "),
        ("sensor_type: [1]", r"sensor_type: got \[1\]"),
        ("task: TRACKING_3D", "task: got 'TRACKING_3D', expected one of DETECTION_3D, "),
        ("past_frames: -1", "past_frames: got -1"),
        ("latency_s: soon", "latency_s: got 'soon', expected seconds"),
    ],
)
def test_wrong_details_are_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "details.yaml"
    rest = {
        "account_name": "a", "unique_method_name": "b", "authors": "[c]",
        "sensor_type": "LIDAR_TOP",
    }  # fmt: skip
    lines = [f"{key}: {value}" for key, value in rest.items() if not text.startswith(key)]
    path.write_text(text if text[0] in "[{" else "\n".join([text, *lines]))
    with pytest.raises(CalicoError, match=rf"details\.yaml: .*{reason}"):
        read_details(path)
