"""Ground-truth paste: places, heights, collisions and points, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from calico.config.training import PasteConfig
from calico.data.paste import PasteObjects, height_of_ground, paste_objects
from calico.data.paste_database import cut_objects
from calico.frame import Boxes, Frame
from calico.geometry.boxes import bev_iou, points_in_boxes
from calico.taxonomy import NUSCENES

ONE_CAR = PasteConfig(objects=0, counts={"car": 1})


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bare(frame: Frame, ground: float = -1.8) -> Frame:
    """The frame without objects, on flat ground at a height."""
    plane = np.stack(np.meshgrid(np.linspace(-15, 15, 61), np.linspace(-15, 15, 61)), -1)
    points = np.zeros((61 * 61, 5), np.float32)
    points[:, :2], points[:, 2] = plane.reshape(-1, 2), ground
    return frame.replace(
        points=points,
        ring=np.zeros(len(points), np.int16),
        sweep_index=np.zeros(len(points), np.int16),
        boxes=Boxes.empty(),
    )


def test_an_object_keeps_place_points_and_labels(frame: Frame) -> None:
    objects = cut_objects(frame, [0])
    found = paste_objects(bare(frame), objects, ONE_CAR, rng())
    assert len(found.boxes) == 1
    np.testing.assert_array_equal(found.boxes.boxes[0, [0, 1, 3, 4, 5, 6, 7, 8]],
                                  frame.boxes.boxes[0, [0, 1, 3, 4, 5, 6, 7, 8]])  # fmt: skip
    assert found.boxes.boxes[0, 2] == pytest.approx(frame.boxes.boxes[0, 2], abs=1e-5)
    assert (found.boxes.labels[0], found.boxes.attributes[0]) == (0, 0)
    inside = points_in_boxes(frame.points, frame.boxes.boxes[:1])[0]
    assert found.boxes.num_points[0] == inside.sum() >= 40
    np.testing.assert_allclose(found.points[-inside.sum() :], frame.points[inside], atol=1e-5)
    np.testing.assert_array_equal(found.ring[-inside.sum() :], frame.ring[inside])
    assert len(found.points) == len(found.ring) == len(found.sweep_index)


def test_the_height_above_the_ground_is_kept(frame: Frame) -> None:
    """The ground of the hand-built frame is at -1.8 m; this one lies 1.3 m higher."""
    objects = cut_objects(frame, [0])
    bottom = frame.boxes.boxes[0, 2] - frame.boxes.boxes[0, 5] / 2
    assert objects.above_ground[0] == pytest.approx(bottom + 1.8, abs=1e-5)
    low, high = (paste_objects(bare(frame, z), objects, ONE_CAR, rng()) for z in (-1.8, -0.5))
    assert high.boxes.boxes[0, 2] - low.boxes.boxes[0, 2] == pytest.approx(1.3, abs=1e-5)
    count = int(low.boxes.num_points[0])
    np.testing.assert_allclose(high.points[-count:, 2] - low.points[-count:, 2], 1.3, atol=1e-5)


def test_without_ground_the_height_stays(frame: Frame) -> None:
    objects = cut_objects(frame, [0])
    empty = bare(frame).replace(points=np.zeros((0, 5), np.float32), ring=np.zeros(0, np.int16),
                                sweep_index=np.zeros(0, np.int16))  # fmt: skip
    assert np.isnan(height_of_ground(empty.points, objects.boxes[0]))
    found = paste_objects(empty, objects, ONE_CAR, rng())
    assert found.boxes.boxes[0].tolist() == frame.boxes.boxes[0].tolist()


def test_the_own_points_inside_the_box_go_away(frame: Frame) -> None:
    objects = cut_objects(frame, [0])
    before = bare(frame)
    clutter = before.points[:500].copy()
    clutter[:, :3] = rng().uniform(-0.4, 0.4, (500, 3)) + frame.boxes.boxes[0, :3]
    filled = before.replace(
        points=np.concatenate([before.points, clutter]),
        ring=np.repeat(np.array([7, 99], np.int16), [len(before.points), 500]),
        sweep_index=np.zeros(len(before.points) + 500, np.int16),
    )
    found = paste_objects(filled, objects, ONE_CAR, rng())
    inside = points_in_boxes(found.points, found.boxes.boxes)[0]
    assert inside.sum() <= found.boxes.num_points[0]
    assert 99 in filled.ring
    assert 99 not in found.ring


def test_nothing_is_pasted_onto_another_object(frame: Frame) -> None:
    objects = cut_objects(frame, [0])
    moved = frame.boxes.boxes[1:].copy()
    moved[0, :2] = frame.boxes.boxes[0, :2] + 0.5
    blocked = bare(frame).replace(
        boxes=Boxes(moved, *(np.array([5], np.int64) for _ in range(3)), ("walker",))
    )
    assert paste_objects(blocked, objects, ONE_CAR, rng()) is blocked
    twice = PasteObjects(
        boxes=np.repeat(objects.boxes, 2, axis=0),
        labels=np.array([0, 0]),
        attributes=np.array([0, 0]),
        above_ground=np.repeat(objects.above_ground, 2),
        start=np.array([0, 1, len(objects.points)]),
        points=objects.points,
        ring=objects.ring,
        sweep_index=objects.sweep_index,
        lidar_index=objects.lidar_index,
    )
    many = PasteConfig(objects=0, counts={"car": 5})
    assert len(paste_objects(bare(frame), twice, many, rng()).boxes) == 1


def test_a_frame_is_filled_up_to_the_number_of_its_class(frame: Frame) -> None:
    objects = cut_objects(frame, [0, 1])
    assert objects.start.tolist()[-1] == len(objects.points)
    assert paste_objects(frame, objects, ONE_CAR, rng()) is frame  # it has its car
    full = paste_objects(bare(frame), objects, PasteConfig(objects=2), rng())
    assert sorted(full.boxes.labels.tolist()) == [0, 5]
    assert full.boxes.instances == ("pasted-0", "pasted-1")
    assert bev_iou(full.boxes.boxes[:1], full.boxes.boxes[1:])[0, 0] == 0
    none = paste_objects(bare(frame), objects, PasteConfig(objects=0), rng())
    assert len(none.boxes) == 0


def test_the_same_stream_pastes_the_same(frame: Frame) -> None:
    objects = cut_objects(frame, [0, 1])
    config = PasteConfig(objects=1)
    first, again = (paste_objects(bare(frame), objects, config, rng(3)) for _ in range(2))
    assert first.points.tobytes() == again.points.tobytes()
    assert first.boxes.boxes.tobytes() == again.boxes.boxes.tobytes()


def test_points_of_sweeps_that_the_frame_lacks_are_left_out(frame: Frame) -> None:
    sweeps = np.arange(len(frame.points)).astype(np.int16) % 2
    objects = cut_objects(
        frame.replace(sweep_index=sweeps, sweep_T=np.tile(np.eye(4), (2, 1, 1))), [0]
    )
    found = paste_objects(bare(frame), objects, ONE_CAR, rng())
    assert found.boxes.num_points[0] == (objects.sweep_index == 0).sum() < len(objects.points)
    assert found.sweep_index.max() == 0


def test_points_of_several_lidars_keep_theirs(frame: Frame) -> None:
    """The second LiDAR sees one point of the car, and not every frame has the third one."""
    inside = np.flatnonzero(points_in_boxes(frame.points, frame.boxes.boxes[:1])[0])
    index = np.zeros(len(frame.points), np.int16)
    index[inside[0]], index[inside[1]] = 1, 2
    several = frame.replace(lidar_index=index, lidar_T=np.tile(np.eye(4), (3, 1, 1)))
    objects = cut_objects(several, [0])
    before = bare(frame)
    none = np.zeros(len(before.points), np.int16)
    target = before.replace(
        lidar_index=none, lidar_T=np.tile(np.eye(4), (2, 1, 1)), unlabelled=none == 0
    )
    found = paste_objects(target, objects, ONE_CAR, rng())
    count = int(found.boxes.num_points[0])
    assert count == len(inside) - 1
    assert found.lidar_index is not None
    assert found.unlabelled is not None
    assert found.lidar_index[-count:].tolist() == [1] + [0] * (count - 1)
    assert not found.unlabelled[-count:].any()
    assert found.unlabelled[:-count].all()
    np.testing.assert_array_equal(found.points[-count, :2], frame.points[inside[0], :2])


def test_elongation_and_names_stay_in_step(frame: Frame) -> None:
    objects = cut_objects(frame, [0])
    before = bare(frame)
    with_elongation = before.replace(elongation=np.ones(len(before.points), np.float32))
    found = paste_objects(with_elongation, objects, ONE_CAR, rng())
    assert found.elongation is not None
    assert len(found.elongation) == len(found.points)
    assert found.elongation[-1] == 0
    assert found.taxonomy == NUSCENES
