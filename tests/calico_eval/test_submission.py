"""Submissions: round trip, the devkit's own loader, and what is said of malformed files."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyquaternion import Quaternion

from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.frames import from_quaternion
from calico.predictions import Predictions
from calico.taxonomy import KITTI, NUSCENES, WAYMO
from calico_eval.submission import (
    find_own_names,
    predictions_from_submission,
    read_submission,
    write_submission,
)

POSE = from_quaternion(list(Quaternion(axis=[0.02, -0.03, 1], degrees=130)), (1010.0, 600.0, 1.9))


def tilted(frame: Frame, token: str = "a") -> Frame:
    return replace(frame, token=token, global_T_lidar=POSE)


def some(count: int, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    low, high = [-40, -40, -3, 0.3, 0.3, 0.5, -np.pi, -9, -9], [40, 40, 2, 9, 3, 3, np.pi, 9, 9]
    return Predictions(
        boxes=rng.uniform(low, high, (count, 9)).astype(np.float32),
        scores=np.sort(rng.uniform(0, 1, count).astype(np.float32))[::-1].copy(),
        labels=rng.integers(0, 10, count),
        attributes=rng.integers(-1, 8, count),
    )


def test_round_trip(frame: Frame, tmp_path: Path) -> None:
    frames = [tilted(frame, "a"), tilted(frame, "b")]
    predictions = [some(40), some(0)]
    path = tmp_path / "new" / "submission.json"
    assert write_submission(path, zip(frames, predictions, strict=True), ("lidar",)) == 2
    found = read_submission(path)
    assert list(found) == ["a", "b"]
    assert found["b"] == []
    back = predictions_from_submission(found["a"], frames[0])
    np.testing.assert_allclose(back.boxes, predictions[0].boxes, atol=2e-5)
    np.testing.assert_array_equal(back.scores, predictions[0].scores)
    np.testing.assert_array_equal(back.labels, predictions[0].labels)
    np.testing.assert_array_equal(back.attributes, predictions[0].attributes)
    assert predictions_from_submission(found["b"], frames[1]).boxes.shape == (0, 9)
    assert [entry.name for entry in path.parent.iterdir()] == ["submission.json"]


def test_one_box_by_hand(frame: Frame, tmp_path: Path) -> None:
    """A car 10 m ahead of a sensor that looks along global y: 10 m further along y, turned by 90
    degrees."""
    pose = from_quaternion(list(Quaternion(axis=[0, 0, 1], degrees=90)), (100.0, 200.0, 2.0))
    boxes = np.array([[10, 0, -1, 4.5, 1.9, 1.6, 0, 5, 0]], np.float32)
    predictions = Predictions(boxes, np.array([0.75], np.float32), np.array([0]))
    path = tmp_path / "s.json"
    write_submission(
        path, [(replace(frame, token="t", global_T_lidar=pose), predictions)], ("lidar", "camera")
    )
    content = json.loads(path.read_text())
    assert content["meta"] == {
        "use_camera": True,
        "use_lidar": True,
        "use_radar": False,
        "use_map": False,
        "use_external": False,
    }
    (record,) = content["results"]["t"]
    assert record["translation"] == pytest.approx([100, 210, 1])
    assert record["size"] == pytest.approx([1.9, 4.5, 1.6])
    assert record["rotation"] == pytest.approx([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    assert record["velocity"] == pytest.approx([0, 5])
    assert record["detection_name"] == "car"
    assert record["detection_score"] == 0.75
    assert record["attribute_name"] == "vehicle.moving"  # derived: faster than 0.2 m/s


def test_the_devkit_loads_it(frame: Frame, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaders = pytest.importorskip(
            "nuscenes.eval.common.loaders", reason="needs nuscenes-devkit", exc_type=ImportError
        )
        boxes = pytest.importorskip(
            "nuscenes.eval.detection.data_classes", reason="needs nuscenes-devkit"
        )
    path = tmp_path / "s.json"
    predictions = some(700)
    write_submission(path, [(tilted(frame), predictions)], ("lidar",))
    found, meta = loaders.load_prediction(str(path), 500, boxes.DetectionBox)
    assert meta["use_lidar"] is True
    assert len(found["a"]) == 500
    assert found["a"][-1].detection_score == pytest.approx(float(predictions.scores[499]))
    for i in (0, 17, 499):
        box, mine = found["a"][i], predictions.boxes[i].astype(np.float64)
        np.testing.assert_allclose(
            box.translation, POSE[:3, :3] @ mine[:3] + POSE[:3, 3], atol=1e-6
        )
        yaw = mine[6] + np.arctan2(
            POSE[1, 0], POSE[0, 0]
        )  # level: the devkit looks at headings from above
        heading = [np.cos(yaw), np.sin(yaw), 0]
        np.testing.assert_allclose(
            Quaternion(box.rotation).rotation_matrix[:, 0], heading, atol=1e-6
        )
        assert box.detection_name == NUSCENES.names[predictions.labels[i]]
        assert box.attribute_name == (
            NUSCENES.attributes[predictions.attributes[i]] if predictions.attributes[i] >= 0 else ""
        )  # type: ignore[index]


def test_the_same_predictions_give_the_same_bytes(frame: Frame, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_submission(tmp_path / name, [(tilted(frame), some(9))], ("camera",))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_classes_keep_their_names(frame: Frame, tmp_path: Path) -> None:
    waymo = replace(tilted(frame), taxonomy=WAYMO)
    predictions = replace(some(20), labels=np.arange(20) % 3, attributes=None)
    path = tmp_path / "s.json"
    write_submission(path, [(waymo, predictions)], ("lidar",), find_own_names(WAYMO))
    content = json.loads(path.read_text())
    assert content["meta"]["classes"] == ["vehicle", "pedestrian", "cyclist"]
    back = predictions_from_submission(read_submission(path)["a"], waymo)
    assert back.labels.tolist() == predictions.labels.tolist()
    np.testing.assert_allclose(back.boxes, predictions.boxes, atol=1e-4)
    assert find_own_names(NUSCENES) is None
    assert find_own_names(KITTI) is None
    content["meta"]["classes"] = ["vehicle"]
    path.write_text(json.dumps(content))
    with pytest.raises(CalicoError, match="detection_name is 'pedestrian', expected one of vehic"):
        read_submission(path)
    content["meta"]["classes"] = [3]
    path.write_text(json.dumps(content))
    with pytest.raises(CalicoError, match=r"meta\.classes is \[3\], expected a list of names"):
        read_submission(path)


def test_a_failure_leaves_the_old_file(frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("old")
    pair = (tilted(frame), some(3))
    with pytest.raises(CalicoError, match="frame a comes twice"):
        write_submission(path, [pair, pair], ("lidar",))
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_predictions_that_cannot_be_written(frame: Frame, tmp_path: Path) -> None:
    good = some(2)
    broken = good.boxes.copy()
    broken[1, 8] = np.nan
    with pytest.raises(CalicoError, match="frame a: predicted boxes or scores are not finite"):
        write_submission(
            tmp_path / "s.json", [(tilted(frame), replace(good, boxes=broken))], ("lidar",)
        )
    with pytest.raises(CalicoError, match=r"frame a: predicted labels \[3, 10\], expected 0 to 9"):
        write_submission(
            tmp_path / "s.json",
            [(tilted(frame), replace(good, labels=np.array([3, 10])))],
            ("lidar",),
        )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"translation": [1, 2]}, "record 0: translation is [1, 2], expected 3 finite numbers"),
        ({"translation": [10**300, 0, 0]}, "record 0: translation is [1000"),
        (
            {"translation": [True, 0, 0]},
            "record 0: translation is [True, 0, 0], expected 3 finite numbers",
        ),
        ({"translation": "123"}, "record 0: translation is '123', expected 3 finite numbers"),
        (
            {"translation": [1e300, 0, 0]},
            "record 0: translation is [1e+300, 0, 0], expected 3 finite numbers",
        ),
        ({"velocity": [1, None]}, "record 0: velocity is [1, None], expected 2 finite numbers"),
        ({"size": [1, -2, 3]}, "record 0: size [1, -2, 3], rotation"),
        (
            {"rotation": [2, 0, 0, 0]},
            "rotation [2, 0, 0, 0]; expected sizes above 0 and a unit quaternion",
        ),
        ({"detection_name": ["car"]}, "record 0: detection_name is ['car'], expected one of car"),
        ({"attribute_name": {}}, "record 0: attribute_name is {}, expected '' or one of"),
        ({"detection_score": True}, "record 0: detection_score is True, expected a number in 0..1"),
        (
            {"rotation": [0, 0, 0, 0]},
            "rotation [0, 0, 0, 0]; expected sizes above 0 and a unit quaternion",
        ),
        (
            {"detection_name": "tank"},
            "record 0: detection_name is 'tank', expected one of car, truck",
        ),
        (
            {"attribute_name": "flying"},
            "record 0: attribute_name is 'flying', expected '' or one of vehicle.moving",
        ),
        (
            {"detection_score": "high"},
            "record 0: detection_score is 'high', expected a number in 0..1",
        ),
        ({"detection_score": 50}, "record 0: detection_score is 50, expected a number in 0..1"),
        ({"detection_score": -0.1}, "record 0: detection_score is -0.1, expected a number in 0..1"),
        ({"sample_token": "b"}, "record 0: sample_token is 'b', expected 'a'"),
    ],
)
def test_malformed_record(
    frame: Frame, tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    path = tmp_path / "s.json"
    write_submission(path, [(tilted(frame), some(1))], ("lidar",))
    content = json.loads(path.read_text())
    content["results"]["a"][0].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(CalicoError) as error:
        read_submission(path)
    assert str(error.value).startswith(f"{path}: sample a, record 0: ")
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[]", "has no object 'results', expected a nuScenes detection submission"),
        ('{"results": []}', "has no object 'results', expected a nuScenes detection submission"),
        ('{"results": {"a": 3}}', "sample a: got int, expected a list of records"),
        ('{"results": {"a": [3]}}', "sample a, record 0: got int, expected an object"),
        ('{"results": {"a": [{}]}}', "sample a, record 0: lacks attribute_name, detection_name"),
        ('{"results": {', "no valid JSON, line 1"),
        ("[" * 100_000, "nested deeper than 100 levels"),
        ('{"results": {"a": [],\n "a": []}}', 'key "a" appears twice in one object, line 2'),
        ('{"results": {}, "results": {}}', 'key "results" appears twice in one object, line 1'),
        ('{"results": {"a": [NaN]}}', "holds NaN"),
        ('{"results": {"a": [1e400]}}', "number 1e400 is larger than any float64"),
        ('{"results": {"\\u0000": []}}', "text '\\x00' holds a NUL character"),
        ('{"meta": [], "results": {}}', "meta is of type list, expected an object"),
        (
            '{"meta": {"use_camera": "no"}, "results": {}}',
            "meta.use_camera is 'no', expected true or false",
        ),
        (json.dumps({"results": {"a": [{}] * 501}}), "sample a: 501 records, expected at most 500"),
    ],
)
def test_malformed_file(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(content)
    with pytest.raises(CalicoError) as error:
        read_submission(path)
    assert f"{path}: {expected}" in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"predictions .*s\.json: no such file"):
        read_submission(tmp_path / "s.json")
