"""A composed frame: boxes hold the points that they count, and sweeps line up."""

from __future__ import annotations

import numpy as np

from calico.data.sim.lidar import scan_world
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.raycast import cast_rays
from calico.data.sim.world import World
from calico.frame import Frame
from calico.geometry.boxes import points_in_boxes, transform_boxes
from calico.geometry.frames import invert_transform, transform_points
from calico.seeds import make_generator
from tests.calico.data.sim.small import frame_of


def test_boxes_hold_the_points_they_count(frame: Frame) -> None:
    inside = points_in_boxes(frame.points, frame.boxes.boxes).sum(axis=1)
    assert (frame.boxes.num_points <= inside).all()
    assert frame.boxes.num_points.max() > 100
    assert (frame.boxes.num_points > 0).mean() > 0.3


def test_points_of_an_object_lie_in_its_box(world: World, frame: Frame) -> None:
    sweep = scan_world(
        world.solids(KEYFRAME_S), world.ground, frame.global_T_lidar, make_generator(1, "x")
    )
    names = list(frame.boxes.instances)
    for number in np.unique(sweep.owner[sweep.owner >= 0]):
        actor = world.actors[number]
        xyz = sweep.xyz[sweep.owner == number]
        name = f"{actor.kind}-{number:03d}"
        if name in names and len(xyz) > 20:
            box = frame.boxes.boxes[names.index(name)][None]
            assert points_in_boxes(xyz, box, margin_m=0.03).mean() > 0.9, name


def test_velocity_is_the_displacement_between_keyframes(world: World, frame: Frame) -> None:
    before, after = frame_of(world, 0), frame_of(world, 2)
    there = transform_boxes(
        invert_transform(frame.global_T_lidar) @ before.global_T_lidar,
        before.boxes.boxes.astype(np.float64),
    )
    then = transform_boxes(
        invert_transform(frame.global_T_lidar) @ after.global_T_lidar,
        after.boxes.boxes.astype(np.float64),
    )
    moved = 0
    for row, name in enumerate(frame.boxes.instances):
        if name in before.boxes.instances and name in after.boxes.instances:
            start, end = (
                there[before.boxes.instances.index(name)],
                then[after.boxes.instances.index(name)],
            )
            velocity = (end[:2] - start[:2]) / (2 * KEYFRAME_S)
            np.testing.assert_allclose(frame.boxes.boxes[row, 7:9], velocity, atol=0.05)
            moved += np.hypot(*velocity) > 1
    assert moved >= 2


def test_older_sweeps_line_up(world: World) -> None:
    """Static surfaces of an older sweep, compensated, lie on the keyframe's world: cast rays from
    the keyframe at them."""
    sweeps = 4
    frame = frame_of(world, 1, sweeps)
    assert frame.sweep_T.shape == (sweeps, 4, 4)
    np.testing.assert_allclose(frame.sweep_T[0], np.eye(4))
    np.testing.assert_allclose(frame.points[:, 4], frame.sweep_index * 0.05, atol=1e-6)
    travelled = -frame.sweep_T[3][0, 3]
    assert travelled > 0.3
    old = frame.points[frame.sweep_index == 3]
    origin = transform_points(frame.global_T_lidar, frame.sweep_T[3][None, :3, 3])
    target = transform_points(frame.global_T_lidar, old[:, :3].astype(np.float64))
    rays = target - origin
    distance = np.linalg.norm(rays, axis=1)
    rays = (rays / distance[:, None]).astype(np.float32)
    hits = cast_rays((world.fixed,), np.tile(origin.astype(np.float32), (len(rays), 1)), rays)
    error = np.abs(hits.distance_m - distance)
    assert np.median(error) < 0.03
    assert (error < 0.1).mean() > 0.75
