"""What a simulated frame says is consistent: points, boxes, images, map and motion agree."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.compose import compose_frame
from calico.data.sim.lidar import EGO_T_LIDAR, scan_world
from calico.data.sim.map_raster import BIT, KERB_M
from calico.data.sim.materials import Material
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.raycast import cast_rays
from calico.data.sim.rig import ego_T_camera, pixel_rays
from calico.data.sim.world import World, build_world
from calico.frame import Frame
from calico.geometry.boxes import points_in_boxes, transform_boxes
from calico.geometry.camera import project_points
from calico.geometry.frames import invert_transform, transform_points
from calico.geometry.grid import Grid
from calico.seeds import make_generator
from calico.taxonomy import CAMERAS, NUSCENES

GRID = Grid(-32, 32, -32, 32, 0.5)
SIZE = (48, 128)


def frame_of(world: World, key: int, sweeps: int = 1) -> Frame:
    return compose_frame(world, (f"t{key}", "s"), key, 5, GRID, CAMERAS, SIZE, sweeps, NUSCENES)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(3, "train", 0, 4)


@pytest.fixture(scope="module")
def frame(world: World) -> Frame:
    return frame_of(world, 1)


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


def test_camera_rays_meet_the_lidar_points(world: World, frame: Frame) -> None:
    """A pixel's ray and the LiDAR point that falls on it are equally deep, but for edges, parallax and noise."""
    ego = frame.global_T_lidar @ invert_transform(EGO_T_LIDAR)
    for view, camera in enumerate(CAMERAS):
        pixels, depth, visible = project_points(frame.image_from_lidar[view], frame.points, SIZE)
        rounded = np.round(pixels[visible]).astype(np.int64)
        pose = (ego @ ego_T_camera(camera)).astype(np.float32)
        rays = pixel_rays(camera, SIZE).reshape(*SIZE, 3)[rounded[:, 1], rounded[:, 0]]
        hits = cast_rays(
            world.solids(KEYFRAME_S), np.tile(pose[:3, 3], (len(rays), 1)), rays @ pose[:3, :3].T
        )
        along = hits.distance_m * rays[:, 2]
        error = np.abs(along - depth[visible]) / depth[visible]
        assert len(error) > 200
        assert np.median(error) < 0.03, camera
        assert (error < 0.15).mean() > 0.7, camera


def test_paint_is_white_in_the_image_where_the_map_says_so(world: World, frame: Frame) -> None:
    xyz = transform_points(frame.global_T_lidar, frame.points[:, :3].astype(np.float64))
    road = xyz[:, 2] < 0.05
    bits = world.ground.lookup(xyz[:, :2])
    bright, dark = [], []
    for view in range(len(CAMERAS)):
        pixels, depth, visible = project_points(frame.image_from_lidar[view], frame.points, SIZE)
        near = visible & road & (depth < 15)
        for chosen, found in (
            ((bits & BIT["white"]) > 0, bright),
            ((bits & (BIT["white"] | BIT["yellow"])) == 0, dark),
        ):
            uv = np.round(pixels[near & chosen]).astype(np.int64)
            found += frame.images[view][uv[:, 1], uv[:, 0]].mean(axis=1).tolist()
    assert len(bright) > 5
    assert np.mean(bright) > np.mean(dark) + 20


def test_map_mask_agrees_with_the_ground_under_lidar_hits(world: World, frame: Frame) -> None:
    """Low ground is drivable or car park, ground at kerb height is not; the masks know it."""
    assert frame.map_masks is not None
    sweep = scan_world(
        world.solids(KEYFRAME_S), world.ground, frame.global_T_lidar, make_generator(1, "x")
    )
    hits = cast_rays(
        world.solids(KEYFRAME_S),
        np.tile(frame.global_T_lidar[:3, 3].astype(np.float32), (len(sweep.xyz), 1)),
        (sweep.xyz / np.linalg.norm(sweep.xyz, axis=1, keepdims=True))
        @ frame.global_T_lidar[:3, :3].T.astype(np.float32),
    )
    rows, columns, inside = GRID.locate_cells(sweep.xyz[:, :2])
    height = transform_points(frame.global_T_lidar, sweep.xyz.astype(np.float64))[:, 2]
    ground = (
        inside
        & (hits.material == Material.GROUND)
        & (np.linalg.norm(sweep.xyz[:, :2], axis=1) < 20)
    )
    masks = frame.map_masks[:, rows[ground], columns[ground]]
    low = (
        masks[NUSCENES.map_names.index("drivable_area")]
        | masks[NUSCENES.map_names.index("carpark_area")]
    )
    assert ground.sum() > 1000
    assert (low == (height[ground] < KERB_M / 2)).mean() > 0.95


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


def test_attributes_fit_class_and_speed(frame: Frame) -> None:
    families = {"pedestrian": "pedestrian", "bicycle": "cycle", "motorcycle": "cycle"}
    speed = np.hypot(*frame.boxes.boxes[:, 7:9].T)
    for label, attribute, v in zip(frame.boxes.labels, frame.boxes.attributes, speed, strict=True):
        kind = NUSCENES.names[label]
        if kind in ("barrier", "traffic_cone"):
            assert attribute == -1
            continue
        family, state = NUSCENES.attributes[attribute].split(".")
        assert family == families.get(kind, "vehicle")
        if state in ("parked", "stopped", "standing"):
            assert v < 0.3
        if state == "moving":
            assert v > 0.3


def test_older_sweeps_line_up(world: World) -> None:
    """Static surfaces of an older sweep, compensated, lie on the keyframe's world: cast rays from the keyframe at them."""
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


def test_intensity_range_and_rings(frame: Frame) -> None:
    assert frame.points[:, 3].min() >= 0
    assert frame.points[:, 3].max() <= 1
    assert set(np.unique(frame.ring)) <= set(range(32))
    distance = np.linalg.norm(frame.points[:, :3], axis=1)
    elevation = np.rad2deg(np.arcsin(frame.points[:, 2] / distance))
    np.testing.assert_allclose(elevation, -30.67 + frame.ring * (41.34 / 31), atol=0.02)
