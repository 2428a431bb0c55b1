"""Answers, submissions and attacks in other classes than nuScenes'."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.config.load import load_config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico.taxonomy import KITTI, NUSCENES, WAYMO, MapClass, ObjectClass, Taxonomy
from calico_eval.attacks import AttackSpec, Threat, attack_frames
from calico_eval.attacks.lidar.vehicle_shapes import traces_of
from calico_eval.attacks.success.counts import count_created_at_target, count_moved
from calico_eval.engines.base import check_taxonomy
from calico_eval.engines.network.objectives import check_model
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.infer import run_inference
from calico_eval.metrics.false_target import false_target
from calico_eval.submission import (
    predictions_from_submission,
    read_submission,
    write_submission,
)

CAR_LAST = Taxonomy(
    "car_last",
    (ObjectClass("walker", group="pedestrian", sources=("pedestrian",)), ObjectClass("auto")),
    (MapClass("road"),),
)
"""Its second class is of no group: nothing in it is a vehicle."""
WITH_VEHICLE = replace(
    CAR_LAST,
    name="with_vehicle",
    classes=(CAR_LAST.classes[0], ObjectClass("auto", group="vehicle", sources=("car",))),
)
BOX = [10.0, -1.0, -1.0, 4.6, 1.9, 1.7, 0.0, 0.0, 0.0]


def labelled(
    taxonomy: Taxonomy, labels: list[int], boxes: list[list[float]] | None = None
) -> Frame:
    rows = np.array(boxes or [BOX] * len(labels), np.float32).reshape(-1, 9)
    none = np.full(len(labels), -1)
    truth = Boxes(rows, np.array(labels, np.int64), none, np.full(len(labels), 9))
    return Frame.of_labels("a", "s", 0.0, np.eye(4), np.eye(4), truth, taxonomy)


def answer(label: int, box: list[float] = BOX, **more: Any) -> Predictions:
    boxes = np.array([box], np.float32)
    return Predictions(boxes, np.array([0.9], np.float32), np.array([label]), **more)


class Says:
    """A user's model that always answers one label."""

    def __init__(self, label: int, channels: int = 0) -> None:
        self.label, self.channels = label, channels

    def predict(self, frames: list[Frame]) -> list[dict[str, Any]]:
        one: dict[str, Any] = {"boxes": [BOX], "scores": [0.5], "labels": [self.label]}
        if self.channels:
            one["map_probs"] = np.full((self.channels, 4, 4), 0.5)
        return [one for _ in frames]


def test_a_users_answers_are_checked_against_the_classes_of_the_frames() -> None:
    frame = labelled(KITTI, [0])
    (found,) = UserEngine(Says(2), "mine", ("lidar",), "x").predict([frame])
    assert found.labels.tolist() == [2]
    with pytest.raises(CalicoError, match=r"labels: got 3 .* expected 0\.\.2 \(Car, Pedestrian"):
        UserEngine(Says(3), "mine", ("lidar",), "x").predict([frame])
    with pytest.raises(
        CalicoError, match=r"map_probs have shape \(6, 4, 4\); expected \(1, Y, X\)"
    ):
        UserEngine(Says(0, 6), "mine", ("lidar",), "x").predict([labelled(CAR_LAST, [0])])
    UserEngine(Says(0, 1), "mine", ("lidar",), "x").predict([labelled(CAR_LAST, [0])])


def test_models_of_ours_must_know_the_classes_of_the_data(street: FrameSource) -> None:
    class Ours:
        model_name, config = "ours", load_config("tiny", None, ["taxonomy=waymo"])

    class Theirs:
        model_name = "theirs"

    check_taxonomy([Theirs()], street)  # type: ignore[list-item]
    with pytest.raises(
        CalicoError, match=r"model ours knows the classes vehicle, .* data street have"
    ):
        check_taxonomy([Ours()], street)  # type: ignore[list-item]


def test_a_submission_holds_nuscenes_names(tmp_path: Path) -> None:
    path = tmp_path / "kitti.json"
    write_submission(path, [(labelled(KITTI, [0]), answer(2))], ["lidar"])
    (record,) = json.loads(path.read_text())["results"]["a"]
    assert (record["detection_name"], record["attribute_name"]) == ("bicycle", "")
    again = predictions_from_submission([record], labelled(KITTI, [0]))
    assert again.labels.tolist() == [2]
    np.testing.assert_allclose(again.boxes, [BOX], atol=1e-5)
    with pytest.raises(CalicoError, match=r"a nuScenes submission holds .* merges car, truck"):
        write_submission(tmp_path / "w.json", [(labelled(WAYMO, [0]), answer(0))], ["lidar"])


def test_a_submission_is_read_in_the_classes_of_the_frame(tmp_path: Path) -> None:
    """Trucks and cars are vehicles there; traffic cones are none of its classes."""
    frame = labelled(NUSCENES, [])
    path = tmp_path / "ten.json"
    boxes = np.array([BOX] * 3, np.float32)
    three = Predictions(boxes, np.array([0.9, 0.8, 0.7], np.float32), np.array([0, 1, 8]))
    write_submission(path, [(frame, three)], ["lidar"])
    found = json.loads(path.read_text())["results"]["a"]
    read = predictions_from_submission(found, labelled(WAYMO, []))
    assert read.labels.tolist() == [0, 0]
    np.testing.assert_allclose(read.scores, [0.9, 0.8])
    assert read.attributes is not None
    assert read.attributes.tolist() == [-1, -1]


def test_spoofers_copy_what_is_a_vehicle_in_the_taxonomy(frame: Frame) -> None:
    """The hand-built frame has a car (label 0) and a pedestrian (label 5)."""
    assert [trace.label for trace in traces_of(frame)] == [0]
    swapped = replace(frame.boxes, labels=np.array([1, 0]))
    assert [
        one.label for one in traces_of(frame.replace(boxes=swapped, taxonomy=WITH_VEHICLE))
    ] == [1]
    assert traces_of(frame.replace(boxes=swapped, taxonomy=CAR_LAST)) == []


def test_a_false_object_is_the_first_vehicle() -> None:
    """A success is a box of that class at the place, whatever the label's number."""
    place = false_target(np.zeros((0, 2)))
    assert place is not None
    box = [*place, *BOX[2:]]
    empty = Predictions(
        np.zeros((0, 9), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    )
    for taxonomy, label, expected in (
        (WITH_VEHICLE, 1, (1, 1)),
        (WITH_VEHICLE, 0, (0, 1)),
        (CAR_LAST, 1, (0, 0)),
    ):
        frame = labelled(taxonomy, [])
        assert (
            count_created_at_target(frame, empty, answer(label, box), taxonomy.ranges()) == expected
        )


def test_a_box_is_moved_where_it_falls_below_the_overlap_of_its_class() -> None:
    """A shift by 1 m along a length of 4.6 m leaves an IoU of 3.6 / 5.6 = 0.64: too little at
    0.7."""
    shifted = [BOX[0] + 1.0, *BOX[1:]]
    classes = (replace(KITTI.classes[0], min_overlap=0.5), *KITTI.classes[1:])
    loose = replace(KITTI, name="loose", classes=classes)
    for taxonomy, expected in ((KITTI, (1, 1)), (loose, (0, 1))):
        frame = labelled(taxonomy, [0])
        assert count_moved(frame, answer(0), answer(0, shifted), taxonomy.ranges()) == expected


def test_objectives_name_the_class_that_a_model_lacks() -> None:
    walkers = ["taxonomy={classes: [walker], sources: {walker: [pedestrian]}}"]
    with pytest.raises(
        CalicoError, match=r"expected a class of the group 'vehicle', .* own has none"
    ):
        check_model("create_at", load_config("tiny", None, walkers))
    some = ["taxonomy=kitti", "model.detection.tasks=[[Pedestrian]]"]
    with pytest.raises(CalicoError, match="the model does not know Car; it knows Pedestrian"):
        check_model("create_at", load_config("tiny", None, some))
    check_model("create_at", load_config("tiny", None, ["taxonomy=kitti"]))


def test_attacks_and_submissions_refuse_frames_in_other_classes(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    other = street[0].replace(taxonomy=WAYMO, boxes=Boxes.empty())
    spec = AttackSpec("noise", Threat(camera_levels=4))
    with pytest.raises(CalicoError, match=r"knows the classes .*taxonomy waymo"):
        attack_frames(small_engine, [other], spec, 0)

    class Other:
        """The street under another taxonomy."""

        taxonomy = WAYMO

        def __getattr__(self, name: str) -> Any:
            return getattr(street, name)

        def __len__(self) -> int:
            return len(street)

    with pytest.raises(CalicoError, match=r"knows the classes .*taxonomy waymo"):
        run_inference(small_engine, Other(), tmp_path)  # type: ignore[arg-type]


def test_infer_takes_classes_that_nuscenes_does_not_have(tmp_path: Path) -> None:
    """The file has the same form, and its records have the names of the classes."""

    class Segments:
        name, taxonomy, map_grid, cameras = "segments", WAYMO, None, ()

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Frame:
            return labelled(WAYMO, [1])

    engine = UserEngine(Says(2), "says", ("lidar",), "abc")
    path = run_inference(engine, Segments(), tmp_path, pictures=False)  # type: ignore[arg-type]
    (record,) = read_submission(path)["a"]
    assert record["detection_name"] == "cyclist"
    assert predictions_from_submission([record], labelled(WAYMO, [])).labels.tolist() == [2]
