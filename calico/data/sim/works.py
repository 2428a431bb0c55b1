"""Road works: cones and barriers around a stretch of road, with machines and workers inside."""

from __future__ import annotations

import numpy as np

from calico.data.sim.actors import Actor, Floor
from calico.data.sim.layout import PARKING_M, Layout
from calico.data.sim.motion import Track
from calico.data.sim.people import build_pedestrian
from calico.data.sim.props import build_barrier, build_traffic_cone
from calico.data.sim.sizes import draw_size
from calico.data.sim.vehicles import build_construction_vehicle


def draw_works(
    rng: np.random.Generator,
    layout: Layout,
    floor: Floor,
    near: tuple[float, float],
    ego_lane: int,
    wanted: tuple[str, ...],
) -> tuple[list[Actor], frozenset[int]]:
    """Draw one site of road works.

    Args:
        rng: Generator.
        layout: The streets.
        floor: Footprints that are taken; those of the new things are added.
        near: Stretch of the main road where the site may be [m].
        ego_lane: Lane of the ego vehicle, which is never closed.
        wanted: Kinds that the scene must have.

    Returns:
        Cones, barriers, machines and workers, and the indices of the lanes that are closed.
    """
    road = layout.roads[0]
    side = int(rng.choice([-1, 1]))
    length = float(rng.uniform(14, 30))
    starts = rng.uniform(near[0], max(near[1] - length, near[0] + 1), 20)
    clear = [
        s for s in starts if layout.free_of_junctions(0, float(s) + length / 2, length / 2 + 2)
    ]
    if not clear:
        return [], frozenset()
    start = float(clear[0])
    lanes = road.forward if side < 0 else road.backward
    kerb = road.right_m if side < 0 else road.left_m
    closed: frozenset[int] = frozenset()
    if road.parking[0 if side < 0 else 1]:
        inner, outer = kerb - PARKING_M + 0.25, kerb - 0.2
    else:
        number = next(
            (
                i
                for i, lane in enumerate(layout.lanes)
                if lane.road == 0 and lane.forward == (side < 0) and lane.index == lanes - 1
            ),
            -1,
        )
        if lanes > 1 and number != ego_lane and rng.random() < 0.7:
            inner, outer, closed = kerb - road.lane_m + 0.3, kerb - 0.2, frozenset([number])
        else:
            inner, outer = kerb + 0.4, kerb + max(road.walkway_m, 3.0)
    actors = _machine(
        rng, layout, floor, side, start, length, (inner, outer), "construction_vehicle" in wanted
    )
    actors += _fence(rng, layout, floor, side, start, length, inner)
    for _ in range(int(rng.poisson(1.0))):
        x, y, _yaw = road.center.beside(
            start + float(rng.uniform(1, length - 1)), side * float(rng.uniform(inner + 0.5, outer))
        )
        if floor.claim(x, y, 0.0, 0.7, 0.7):
            size = draw_size(rng, "pedestrian")
            track = Track.still(x, y, float(rng.uniform(-np.pi, np.pi)))
            actors.append(
                Actor("pedestrian", size, build_pedestrian(rng, size, "standing"), track, "upright")
            )
    return actors, closed


def _machine(
    rng: np.random.Generator,
    layout: Layout,
    floor: Floor,
    side: int,
    start: float,
    length: float,
    band: tuple[float, float],
    wanted: bool,
) -> list[Actor]:
    if not wanted and rng.random() > 0.3:
        return []
    size = draw_size(rng, "construction_vehicle")
    offset = max((band[0] + band[1]) / 2, band[0] + size[1] / 2 + 0.5)
    x, y, yaw = layout.roads[0].center.beside(start + length / 2, side * offset)
    yaw += float(rng.choice([0.0, np.pi])) + float(rng.normal(0, 0.06))
    if not floor.claim(x, y, yaw, size[0], size[1]):
        return []
    return [
        Actor(
            "construction_vehicle",
            size,
            build_construction_vehicle(rng, size),
            Track.still(x, y, yaw),
            "parked",
        )
    ]


def _fence(
    rng: np.random.Generator,
    layout: Layout,
    floor: Floor,
    side: int,
    start: float,
    length: float,
    inner: float,
) -> list[Actor]:
    """Barriers or cones along the traffic's side of the site, cones across its ends."""
    center = layout.roads[0].center
    places: list[tuple[str, float, float]] = []
    barriers = rng.random() < 0.6
    step = 2.75 if barriers else float(rng.uniform(2.0, 3.5))
    for station in np.arange(start, start + length, step):
        places.append(("barrier" if barriers else "traffic_cone", float(station), inner))
    for k in range(int(rng.integers(2, 5))):
        places.append(("traffic_cone", start - 1.5 - 1.6 * k, inner + 0.45 * k))
        places.append(("traffic_cone", start + length + 1.0 + 1.6 * k, inner + 0.45 * k))
    actors = []
    for kind, station, offset in places:
        x, y, yaw = center.beside(station, side * offset)
        turn = yaw + np.pi / 2 + float(rng.normal(0, 0.05))
        size = draw_size(rng, kind)
        if floor.claim(x, y, turn, size[0], size[1], 0.02):
            build = build_barrier if kind == "barrier" else build_traffic_cone
            actors.append(Actor(kind, size, build(rng, size), Track.still(x, y, turn), "none"))
    return actors
