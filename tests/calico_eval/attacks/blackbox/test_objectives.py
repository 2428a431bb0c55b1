"""The loss of attacks by queries, against sums by hand."""

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico_eval.attacks.blackbox.objectives import (
    choose_query_loss,
    create,
    hide,
    map_create,
    map_erase,
)
from calico_eval.metrics.detected_objects import CREATE_CELLS, KAPPA

CAR, PEDESTRIAN = 0, 5


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


def found(
    *rows: tuple[float, float, int, float], map_probs: np.ndarray | None = None
) -> Predictions:
    """Boxes at x, y of a class with a score."""
    boxes = np.zeros((len(rows), 9), np.float32)
    boxes[:, :2] = [row[:2] for row in rows] or np.zeros((0, 2))
    boxes[:, 3:6] = 1.0
    scores = np.array([row[3] for row in rows], np.float32)
    return Predictions(boxes, scores, np.array([row[2] for row in rows], np.int64), map_probs)


@pytest.fixture
def scene(street_frame: Frame) -> Frame:
    """A car at (10, 0), a pedestrian at (0, 5), and a car at (-10, 0) that no LiDAR point hits."""
    boxes = np.zeros((3, 9), np.float32)
    boxes[:, :2], boxes[:, 3:6] = [[10, 0], [0, 5], [-10, 0]], 1.0
    labels = np.array([CAR, PEDESTRIAN, CAR])
    return street_frame.replace(boxes=Boxes(boxes, labels, np.full(3, -1), np.array([4, 2, 0])))


def test_hide_takes_the_best_box_of_the_class_within_two_metres(scene: Frame) -> None:
    seen = found(
        (11.0, 1.0, CAR, 0.6),
        (10.5, 0.0, CAR, 0.3),  # 1.4 and 0.5 m: the better one counts
        (10.0, 0.0, PEDESTRIAN, 0.9),
        (12.1, 0.0, CAR, 0.9),  # another class; 2.1 m
        (0.0, 5.0, PEDESTRIAN, 0.2),
        (-10.0, 0.0, CAR, 0.95),  # an object without points is not attacked
    )
    assert hide(scene, seen) == pytest.approx(-(logit(0.6) + logit(0.2)), abs=1e-6)


def test_missing_boxes_and_boxes_below_the_floor_are_at_the_floor(scene: Frame) -> None:
    assert hide(scene, found()) == 2 * KAPPA
    assert hide(scene, found((10.0, 0.0, CAR, 0.001))) == 2 * KAPPA
    assert hide(scene, found((10.0, 0.0, CAR, 0.5))) == KAPPA
    assert hide(scene, found((10.0, 0.0, CAR, 1.0), (0.0, 5.0, PEDESTRIAN, 1.0))) == -2 * KAPPA


def test_create_counts_boxes_that_belong_to_nothing(scene: Frame) -> None:
    one = (logit(0.7) - (CREATE_CELLS - 1) * KAPPA) / CREATE_CELLS
    assert create(
        scene, found((10.0, 0.0, CAR, 0.9), (-10.0, 0.0, CAR, 0.8), (5.0, 5.0, CAR, 0.7))
    ) == pytest.approx(one)
    assert create(scene, found()) == -KAPPA
    many = found(*[(5.0, 5.0, CAR, 0.5)] * (CREATE_CELLS + 7), (5.0, 5.0, CAR, 0.6))
    assert create(scene, many) == pytest.approx(logit(0.6) / CREATE_CELLS, abs=1e-6)


def test_map_objectives_look_at_known_cells(scene: Frame) -> None:
    there = np.array([[[True, False], [True, False]]])
    frame = scene.replace(map_masks=there, map_known=np.array([[True, True], [False, True]]))
    probs = np.array([[[0.8, 0.3], [0.9, 0.1]]], np.float32)
    assert map_erase(frame, found(map_probs=probs)) == pytest.approx(-logit(0.8), abs=1e-6)
    assert map_create(frame, found(map_probs=probs)) == pytest.approx(
        (logit(0.3) + logit(0.1)) / 2, abs=1e-6
    )
    with pytest.raises(CalicoError, match="the engine predicts no map"):
        map_erase(frame, found())
    with pytest.raises(CalicoError, match=r"the engine's map is \(1, 1, 2\), expected \(1, 2, 2\)"):
        map_create(frame, found(map_probs=probs[:, :1]))


def test_objectives_that_need_the_inside_are_refused_and_empty_frames_get_false_alarms(
    scene: Frame,
) -> None:
    assert choose_query_loss("hide", scene) == ("hide", "")
    name, note = choose_query_loss("hide", scene.replace(boxes=Boxes.empty()))
    assert name == "create"
    assert "instead of 'hide'" in note
    with pytest.raises(
        CalicoError, match=r"'det' needs the inside of the model.*expected one of hide, create"
    ):
        choose_query_loss("det", scene)
