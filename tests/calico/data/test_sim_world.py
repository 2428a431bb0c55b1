"""Scenes: variety, all classes, nobody inside anybody else, everything from the seed."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.config.data import SimConfig
from calico.data.sim.actors import Floor
from calico.data.sim.compose import annotate_actors, global_T_ego
from calico.data.sim.conflicts import without_conflicts
from calico.data.sim.lidar import EGO_T_LIDAR, scan_world
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.traffic import EGO_SIZE
from calico.data.sim.world import World, build_world
from calico.geometry.boxes import box_corners
from calico.geometry.grid import Grid
from calico.seeds import make_generator
from calico.taxonomy import NUSCENES

DEFAULT = SimConfig()


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    """The default validation split."""
    return [
        build_world(DEFAULT.seed, "val", scene, DEFAULT.frames_per_scene)
        for scene in range(DEFAULT.val_scenes)
    ]


def test_default_validation_split_has_every_class_and_map_class(worlds: list[World]) -> None:
    """Counting only objects within 40 m that the LiDAR hits, in two frames of every scene."""
    seen = np.zeros(len(NUSCENES.names), np.int64)
    cells = np.zeros(len(NUSCENES.map_names), np.int64)
    for number, world in enumerate(worlds):
        for key in (1, 6):
            pose = global_T_ego(world, key * KEYFRAME_S) @ EGO_T_LIDAR
            sweep = scan_world(
                world.solids(key * KEYFRAME_S), world.ground, pose, make_generator(number, "x", key)
            )
            boxes = annotate_actors(world, key * KEYFRAME_S, pose, sweep, NUSCENES)
            near = (np.hypot(*boxes.boxes[:, :2].T) < 40) & (boxes.num_points > 0)
            seen += np.bincount(boxes.labels[near], minlength=len(seen))
            cells += world.ground.masks(Grid(-32, 32, -32, 32, 0.5), pose, NUSCENES).sum(
                axis=(1, 2)
            )
            assert near.sum() >= 8
    assert (seen >= 2).all(), dict(zip(NUSCENES.names, seen.tolist(), strict=True))
    assert (cells >= 50).all(), dict(zip(NUSCENES.map_names, cells.tolist(), strict=True))
    assert seen[0] == seen.max()


def test_layouts_vary(worlds: list[World]) -> None:
    assert len({world.layout.kind for world in worlds}) == 4
    assert (
        len({(world.layout.roads[0].forward, world.layout.roads[0].backward) for world in worlds})
        >= 3
    )


def test_a_scene_follows_from_its_seed_alone() -> None:
    first, again, other = (
        build_world(4, "train", 1, 2),
        build_world(4, "train", 1, 2),
        build_world(4, "train", 2, 2),
    )
    assert [a.kind for a in first.actors] == [a.kind for a in again.actors]
    assert np.array_equal(first.ground.bits, again.ground.bits)
    assert np.array_equal(first.fixed.normal, again.fixed.normal)
    assert first.fixed.normal.shape != other.fixed.normal.shape


def test_nobody_stands_in_anybody_else(worlds: list[World]) -> None:
    for world in worlds:
        for time_s in (0.0, 1.5, 3.5):
            rows = [
                [*actor.track.at(time_s)[:2], 0, *actor.size, actor.track.at(time_s)[2]]
                for actor in world.actors
            ]
            x, y, yaw = world.ego.at(time_s)
            outlines = shapely.polygons(
                box_corners(np.array([[x, y, 0, *EGO_SIZE, yaw], *rows]))[:, :4, :2]
            ).tolist()
            overlap = [
                (i, j)
                for i, a in enumerate(outlines)
                for j, b in enumerate(outlines[:i])
                if a.intersection(b).area > 0.15
            ]
            assert overlap == [], (world.layout.kind, time_s, overlap)


def test_conflicts_spare_the_one_that_stands(worlds: list[World]) -> None:
    world = worlds[0]
    standing = next(actor for actor in world.actors if actor.static)
    doubled = without_conflicts([*world.actors, standing], world.ego, EGO_SIZE, np.array([0.0]))
    assert len(doubled) == len(world.actors)
    on_ego = [actor for actor in world.actors if not actor.static][:1]
    assert without_conflicts(on_ego, on_ego[0].track, EGO_SIZE, np.array([0.0])) == []


def test_traffic_is_on_the_road_and_people_walk_beside_it(worlds: list[World]) -> None:
    for world in worlds:
        for actor in world.actors:
            place = shapely.Point(actor.track.at(1.0)[:2])
            if actor.state == "traffic" and world.layout.drivable.envelope.contains(place):
                assert world.layout.drivable.distance(place) < 0.5, actor.kind


def test_floor_refuses_what_is_taken() -> None:
    floor = Floor()
    assert floor.claim(0, 0, 0, 4.6, 2.0)
    assert not floor.claim(2.5, 0, 0, 1.0, 1.0)
    assert not floor.claim(0, 1.2, np.pi / 2, 1.0, 1.0)
    assert floor.claim(0, 3.0, 0, 4.6, 2.0)
    assert floor.claim(4.5, 0, np.pi / 2, 4.6, 2.0)
