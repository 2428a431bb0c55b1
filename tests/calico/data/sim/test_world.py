"""Scenes: variety, all classes, nobody inside anybody else, everything from the seed."""

from __future__ import annotations

import numpy as np

from calico.data.sim.compose import annotate_actors, global_T_ego
from calico.data.sim.lidar import EGO_T_LIDAR, scan_world
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.world import World, build_world
from calico.geometry.grid import Grid
from calico.seeds import make_generator
from calico.taxonomy import NUSCENES


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
