"""Parked vehicles and cycles: at the kerb, in car parks, in racks."""

from __future__ import annotations

import numpy as np

from calico.data.sim.actors import Actor, Floor
from calico.data.sim.layout import PARKING_M, Layout
from calico.data.sim.motion import Track
from calico.data.sim.people import build_bicycle, build_motorcycle
from calico.data.sim.sizes import Size, draw_size
from calico.data.sim.vehicles import BUILDERS

KERB_MIX: dict[str, float] = {
    "car": 0.78,
    "truck": 0.09,
    "motorcycle": 0.05,
    "trailer": 0.04,
    "bus": 0.02,
    "construction_vehicle": 0.01,
    "": 0.02,
}
ROADSIDE: tuple[str, ...] = ("bus", "trailer", "motorcycle", "bicycle")
"""Wanted kinds that are put at the roadside."""
LOT_MIX: dict[str, float] = {
    "car": 0.89,
    "truck": 0.03,
    "motorcycle": 0.04,
    "bus": 0.0,
    "trailer": 0.0,
    "": 0.04,
}


def draw_parked(
    rng: np.random.Generator,
    layout: Layout,
    floor: Floor,
    near: tuple[float, float],
    wanted: tuple[str, ...],
    ego_m: float,
) -> list[Actor]:
    """Draw all parked vehicles and cycles.

    Args:
        rng: Generator.
        layout: The streets.
        floor: Footprints that are taken; those of the new things are added.
        near: Stations of the main road where wanted kinds are put first [m].
        wanted: Kinds that the scene must have.
        ego_m: Station of the ego vehicle at the start [m].
    """
    actors = _wanted(rng, layout, floor, near, wanted)
    for index in range(len(layout.roads)):
        actors += _kerb(rng, layout, index, floor)
    for park in layout.carparks:
        share = float(rng.uniform(0.25, 0.85))
        for x, y, yaw in park.slots:
            if rng.random() < share:
                actors += _put(
                    rng,
                    _pick(rng, LOT_MIX),
                    x,
                    y,
                    yaw + float(rng.normal(0, 0.03)),
                    floor,
                    longest=5.3,
                )
    for _ in range(int(rng.poisson(1.6))):
        actors += _rack(rng, layout, floor, ego_m)
    return actors


def _pick(rng: np.random.Generator, mix: dict[str, float]) -> str:
    shares = np.asarray(list(mix.values()))
    return str(rng.choice(list(mix), p=shares / shares.sum()))


def _put(
    rng: np.random.Generator,
    kind: str,
    x: float,
    y: float,
    yaw: float,
    floor: Floor,
    longest: float = 99.0,
) -> list[Actor]:
    """A parked object of a kind, unless its place is taken."""
    if kind == "":
        return []
    size: Size = draw_size(rng, kind)
    size = (min(size[0], longest), size[1], size[2])
    if not floor.claim(x, y, yaw, size[0], size[1], 0.25):
        return []
    track = Track.still(x, y, yaw)
    if kind == "motorcycle":
        return [Actor(kind, size, build_motorcycle(rng, size, False), track, "empty")]
    if kind == "bicycle":
        return [Actor(kind, size, build_bicycle(rng, size, False), track, "empty")]
    return [Actor(kind, size, BUILDERS[kind](rng, size, False), track, "parked")]


def _kerb(rng: np.random.Generator, layout: Layout, index: int, floor: Floor) -> list[Actor]:
    """Fills the parking lanes of a road, with gaps."""
    road = layout.roads[index]
    actors: list[Actor] = []
    for side, has in ((-1, road.parking[0]), (1, road.parking[1])):
        share = float(rng.uniform(0.35, 0.9))
        station = float(rng.uniform(3, 9))
        while has and station < road.center.length:
            kind = _pick(rng, KERB_MIX)
            room = {"trailer": 15.0, "bus": 13.5, "truck": 9.0, "motorcycle": 3.0}.get(kind, 6.2)
            middle = station + room / 2
            if rng.random() < share and layout.free_of_junctions(index, middle, room / 2 + 4):
                edge = (road.right_m if side < 0 else road.left_m) - PARKING_M / 2 + 0.1
                x, y, yaw = road.center.beside(middle, side * edge)
                turned = yaw + (np.pi if side > 0 else 0.0) + float(rng.normal(0, 0.025))
                actors += _put(rng, kind, x, y, turned, floor)
            station += room + float(rng.exponential(0.8))
    return actors


def _wanted(
    rng: np.random.Generator,
    layout: Layout,
    floor: Floor,
    near: tuple[float, float],
    wanted: tuple[str, ...],
) -> list[Actor]:
    """Put each wanted kind at the roadside, where it fits on parking lane or verge."""
    road = layout.roads[0]
    actors: list[Actor] = []
    for kind in (kind for kind in wanted if kind in ROADSIDE):
        for _ in range(12):
            station = float(rng.uniform(*near))
            side = int(rng.choice([-1, 1]))
            has = road.parking[0 if side < 0 else 1]
            if not layout.free_of_junctions(0, station, 13):
                continue
            kerb = road.right_m if side < 0 else road.left_m
            offset = (
                kerb - PARKING_M / 2 + 0.1
                if has and kind != "bicycle"
                else kerb + road.walkway_m + 2.2
            )
            if kind == "bicycle":
                offset = kerb + 0.5
            x, y, yaw = road.center.beside(station, side * offset)
            found = _put(rng, kind, x, y, yaw + (np.pi if side > 0 else 0.0), floor)
            if found:
                actors += found
                break
    return actors


def _rack(rng: np.random.Generator, layout: Layout, floor: Floor, ego_m: float) -> list[Actor]:
    """Some bicycles or motorcycles side by side on the walkway."""
    road = layout.roads[0]
    side = int(rng.choice([-1, 1]))
    start = ego_m + float(rng.uniform(-20, 50))
    kerb = road.right_m if side < 0 else road.left_m
    kind = "bicycle" if rng.random() < 0.7 else "motorcycle"
    actors: list[Actor] = []
    for k in range(int(rng.integers(1, 5))):
        station = start + 0.75 * k
        if layout.free_of_junctions(0, station, 6):
            x, y, yaw = road.center.beside(station, side * (kerb + road.walkway_m - 1.0))
            actors += _put(rng, kind, x, y, yaw + np.pi / 2 + float(rng.normal(0, 0.1)), floor)
    return actors
