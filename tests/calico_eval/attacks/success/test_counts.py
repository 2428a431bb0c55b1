"""Successes and trials, counted by hand on a frame with a car at (8, 1) and a pedestrian at (4,
6)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico_eval.attacks.success.counts import (
    count_created,
    count_created_at_target,
    count_flipped,
    count_hidden,
    count_map_created,
    count_map_erased,
    count_moved,
    count_new_false_boxes,
)
from calico_eval.metrics.false_target import CLEAR_M, false_target
from calico_eval.metrics.nuscenes import class_ranges

CAR, PEDESTRIAN = 0, 5
RANGES = class_ranges()
Row = tuple[int, float, float, float]
"""Class, x, y, score."""
FOUND: list[Row] = [(CAR, 8.0, 1.0, 0.9), (PEDESTRIAN, 4.0, 6.0, 0.8)]


def predicted(frame: Frame, rows: list[Row], map_probs: np.ndarray | None = None) -> Predictions:
    """Boxes of the true size and heading of their class, at other places."""
    boxes = np.array(
        [frame.boxes.boxes[0 if label == CAR else 1] for label, *_ in rows], np.float32
    ).reshape(-1, 9)
    boxes[:, :2] = np.array([row[1:3] for row in rows], np.float32).reshape(-1, 2)
    boxes[:, 7:] = 0.0
    return Predictions(
        boxes,
        np.array([row[3] for row in rows], np.float32),
        np.array([row[0] for row in rows], np.int64),
        map_probs,
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (FOUND, FOUND, (0, 2)),
        (FOUND, [], (2, 2)),
        (
            FOUND,
            [(CAR, 8.0, 1.0, 0.19), (PEDESTRIAN, 4.0, 6.0, 0.201)],
            (1, 2),
        ),  # a low score is not found
        (FOUND, [(CAR, 8.0, 3.1, 0.9), (CAR, 4.0, 6.0, 0.9)], (2, 2)),  # 2.1 m off; another class
        (FOUND[:1], FOUND, (0, 1)),  # what was not found before is no trial
        ([], FOUND, (0, 0)),
    ],
)
def test_hidden(
    frame: Frame, before: list[Row], after: list[Row], expected: tuple[int, int]
) -> None:
    assert (
        count_hidden(frame, predicted(frame, before), predicted(frame, after), RANGES) == expected
    )


def test_one_box_finds_one_object(frame: Frame) -> None:
    two = frame.replace(boxes=frame.boxes.select(np.array([0, 0])))
    both = predicted(frame, [(CAR, 8.0, 1.0, 0.9), (CAR, 8.5, 1.0, 0.5)])
    assert count_hidden(two, both, predicted(frame, FOUND[:1]), RANGES) == (1, 2)


def test_objects_without_points_or_out_of_range_do_not_count(frame: Frame) -> None:
    unseen = frame.replace(boxes=replace(frame.boxes, num_points=np.array([0, 3])))
    found, nothing = predicted(frame, FOUND), predicted(frame, [])
    assert count_hidden(unseen, found, nothing, RANGES) == (1, 1)
    assert count_hidden(frame, found, nothing, RANGES | {"car": 8.0}) == (1, 1)
    empty = frame.replace(boxes=Boxes.empty())
    for measure in (count_hidden, count_moved, count_flipped):
        assert measure(empty, found, nothing, RANGES) == (0, 0)


@pytest.mark.parametrize(
    ("after", "boxes", "success"),
    [
        ([*FOUND, (CAR, -9.0, -9.0, 0.3)], 1, 1),
        ([*FOUND, (CAR, -9.0, -9.0, 0.3), (PEDESTRIAN, -9.0, -9.0, 0.3)], 2, 1),
        ([*FOUND, (CAR, -9.0, -9.0, 0.1)], 0, 0),  # a low score
        ([*FOUND, (CAR, 4.0, 7.9, 0.9)], 0, 0),  # a wrong class, but at an object
        ([*FOUND, (CAR, -12.0, 0.0, 0.9)], 0, 0),  # it was there before, 1 m off
        ([*FOUND, (PEDESTRIAN, -12.0, 0.0, 0.9)], 1, 1),  # another class was
        ([], 0, 0),
    ],
)
def test_created(frame: Frame, after: list[Row], boxes: int, success: int) -> None:
    before = predicted(frame, [*FOUND, (CAR, -13.0, 0.0, 0.9)])
    assert count_new_false_boxes(frame, before, predicted(frame, after), RANGES) == boxes
    assert count_created(frame, before, predicted(frame, after), RANGES) == (success, 1)


@pytest.mark.parametrize(("overlap", "expected"), [(0.55, (0, 1)), (0.45, (1, 1))])
def test_moved_within_two_metres_is_an_overlap_below_one_half(
    overlap: float, expected: tuple[int, int], frame: Frame
) -> None:
    """A box of the car's size and heading, moved along its length L by d: the overlap is (L - d) /
    (L + d)."""
    box = frame.boxes.boxes[0]
    d = box[3] * (1 - overlap) / (1 + overlap)
    before = predicted(frame, [(CAR, box[0], box[1], 0.9)])
    after = predicted(frame, [(CAR, box[0] + d * np.cos(box[6]), box[1] + d * np.sin(box[6]), 0.9)])
    assert count_moved(frame, before, after, RANGES) == expected


def test_the_target_is_the_nearest_free_place_to_ten_metres_ahead(frame: Frame) -> None:
    assert false_target(np.zeros((0, 2))) == (9.5, -0.5)
    rng = np.random.default_rng(3)
    for count in (1, 5, 20):
        xy = rng.uniform(-16, 16, (count, 2))
        best = None
        for y in np.arange(-15.5, 16):
            for x in np.arange(-15.5, 16):
                if all((x - a) ** 2 + (y - b) ** 2 >= CLEAR_M**2 for a, b in xy):
                    gap = (x - 10) ** 2 + y**2
                    if best is None or gap < best[0]:
                        best = (gap, (x, y))
        assert false_target(xy) == (best[1] if best else None)
    line = np.arange(-16.0, 17.0, 4.0)
    assert false_target(np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)) is None


def test_created_at_the_target(frame: Frame) -> None:
    """The nearest place to (10, 0) that is 5 m from (8, 1) and (4, 6)."""
    place = false_target(frame.boxes.boxes[:, :2])
    assert place == (12.5, -1.5)
    before = predicted(frame, FOUND)
    for row, success in (
        ((CAR, 12.5, -3.4, 0.3), 1),
        ((CAR, 12.5, -3.6, 0.3), 0),
        ((PEDESTRIAN, 12.5, -1.5, 0.9), 0),
        ((CAR, 12.5, -1.5, 0.1), 0),
    ):
        after = predicted(frame, [*FOUND, row])
        assert count_created_at_target(frame, before, after, RANGES) == (success, 1)
        assert count_created_at_target(frame, after, after, RANGES) == (
            0,
            1 - success,
        )  # it was there before: no trial


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (FOUND, (0, 2)),
        ([(CAR, 8.0, 3.5, 0.9), FOUND[1]], (1, 2)),  # 2.5 m off
        ([(CAR, 8.0, 5.5, 0.9), FOUND[1]], (0, 2)),  # 4.5 m off: hidden
        ([(CAR, 9.5, 1.0, 0.9), FOUND[1]], (1, 2)),  # 1.5 m off, along a 4.5 m car: IoU below 0.5
        ([(CAR, 8.3, 1.0, 0.9), FOUND[1]], (0, 2)),
        ([FOUND[0], (PEDESTRIAN, 4.0, 6.5, 0.9)], (1, 2)),
    ],
)
def test_moved(frame: Frame, after: list[Row], expected: tuple[int, int]) -> None:
    assert count_moved(frame, predicted(frame, FOUND), predicted(frame, after), RANGES) == expected


def test_a_box_whose_iou_was_low_before_has_not_moved(frame: Frame) -> None:
    before = predicted(frame, [(CAR, 9.5, 1.0, 0.9)])
    assert count_moved(frame, before, predicted(frame, [(CAR, 9.6, 1.0, 0.9)]), RANGES) == (0, 1)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([(PEDESTRIAN, 8.0, 1.0, 0.9), FOUND[1]], (1, 2)),
        ([(PEDESTRIAN, 8.0, 1.0, 0.5), *FOUND], (0, 2)),  # the best box is still the car
        ([(PEDESTRIAN, 8.0, 1.0, 0.95), *FOUND], (1, 2)),
        ([(PEDESTRIAN, 8.0, 3.1, 0.9), FOUND[1]], (0, 2)),  # too far: hidden
        ([], (0, 2)),
    ],
)
def test_flipped(frame: Frame, after: list[Row], expected: tuple[int, int]) -> None:
    assert (
        count_flipped(frame, predicted(frame, FOUND), predicted(frame, after), RANGES) == expected
    )


def test_a_neighbour_is_no_flip(frame: Frame) -> None:
    boxes = frame.boxes.boxes.copy()
    boxes[1, :2] = 8.0, 2.5
    near = frame.replace(boxes=replace(frame.boxes, boxes=boxes))
    before = predicted(near, [(CAR, 8.0, 1.0, 0.6), (PEDESTRIAN, 8.0, 2.5, 0.9)])
    assert count_flipped(near, before, before, RANGES) == (0, 2)
    assert count_flipped(near, before, predicted(near, [(PEDESTRIAN, 8.0, 2.5, 0.9)]), RANGES) == (
        0,
        2,
    )


def test_map_cells(frame: Frame) -> None:
    masks = np.zeros((6, 64, 64), np.bool_)
    masks[0, 0, :10] = True
    known = np.ones((64, 64), np.bool_)
    known[:, 9], known[0, 30] = False, False
    mapped = frame.replace(map_masks=masks, map_known=known)
    before, after = np.zeros((2, 6, 64, 64), np.float32)
    before[0, 0, :8], after[0, 0, :8] = 0.5, 0.5  # 8 of 9 known true cells are right
    after[0, 0, :3] = 0.49
    before[1, 5, 5], after[1, 5, :7] = 0.9, 0.9
    after[2, 0, 30] = 0.9  # unknown
    after[0, 0, 8] = 0.9  # true, and missed before
    one, two = predicted(frame, [], before), predicted(frame, [], after)
    assert count_map_erased(mapped, one, two, RANGES) == (3, 8)
    assert count_map_created(mapped, one, two, RANGES) == (6, 6 * (64 * 64 - 65) - 9 - 1)
    for without in (frame.replace(map_masks=None), mapped):
        other = one if without is not mapped else predicted(frame, [])
        assert (
            count_map_erased(without, other, two, RANGES)
            == count_map_created(without, other, two, RANGES)
            == (0, 0)
        )
