"""Traffic is on the road, and people walk beside it."""

from __future__ import annotations

import shapely

from calico.data.sim.world import World


def test_traffic_is_on_the_road_and_people_walk_beside_it(worlds: list[World]) -> None:
    for world in worlds:
        for actor in world.actors:
            place = shapely.Point(actor.track.at(1.0)[:2])
            if actor.state == "traffic" and world.layout.drivable.envelope.contains(place):
                assert world.layout.drivable.distance(place) < 0.5, actor.kind
