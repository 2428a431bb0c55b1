"""No two things stand in the same place."""

from __future__ import annotations

import numpy as np
import shapely

from calico.data.sim.conflicts import without_conflicts
from calico.data.sim.traffic import EGO_SIZE
from calico.data.sim.world import World
from calico.geometry.boxes import box_corners


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
