"""Vehicles and cyclists under way, the ego vehicle among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.data.sim.actors import Actor
from calico.data.sim.layout import Lane, Layout
from calico.data.sim.motion import Track, follow_leader
from calico.data.sim.paths import Path
from calico.data.sim.people import build_bicycle, build_motorcycle
from calico.data.sim.sizes import Size, draw_size
from calico.data.sim.turns import TURN_MPS
from calico.data.sim.vehicles import BUILDERS
from calico.frame import Float64

EGO_SIZE: Size = (4.6, 1.9, 1.7)
MIX: dict[str, float] = {
    "car": 0.76,
    "truck": 0.09,
    "bus": 0.035,
    "motorcycle": 0.06,
    "construction_vehicle": 0.01,
    "trailer": 0.03,
}
"""Shares of moving traffic; "trailer" is a truck with a semi-trailer behind."""


@dataclass(frozen=True)
class Plan:
    """What a scene's traffic must respect.

    ego_turn: where the ego vehicle goes if it turns off its lane. red: arms (0 main, 1 side) that
        have the red light.
    closed: lanes without traffic. wanted: kinds that should be near. density: of the traffic, 1 is
        the average.
    """

    times: Float64
    ego_lane: int
    ego_start_m: float
    ego_turn: Path | None
    red: tuple[bool, bool]
    closed: frozenset[int]
    wanted: tuple[str, ...]
    density: float


def draw_traffic(rng: np.random.Generator, layout: Layout, plan: Plan) -> tuple[Track, list[Actor]]:
    """Draw the ego vehicle's track, and all moving vehicles and cyclists.

    Args:
        rng: Generator.
        layout: The streets.
        plan: What the scene is to hold.
    """
    actors: list[Actor] = []
    ego: Track | None = None
    wanted = [kind for kind in plan.wanted if kind in MIX]
    order = [plan.ego_lane, *(i for i in range(len(layout.lanes)) if i != plan.ego_lane)]
    for number in order:
        if number in plan.closed and number != plan.ego_lane:
            continue
        is_ego_lane = number == plan.ego_lane
        track, found = _lane_traffic(rng, layout.lanes[number], plan, is_ego_lane, wanted)
        ego = track or ego
        actors += found
    actors += _cyclists(rng, layout, plan)
    if ego is None:
        raise AssertionError("the ego lane is always driven on")
    return ego, actors


def _lane_traffic(
    rng: np.random.Generator, lane: Lane, plan: Plan, with_ego: bool, wanted: list[str]
) -> tuple[Track | None, list[Actor]]:
    stops = lane.stop_m if plan.red[lane.arm] else ()
    limit = float(rng.uniform(7, 13))
    kinds, sizes, starts = _queue(rng, lane, plan, with_ego, wanted, stops)
    if not kinds:
        return None, []
    desired = limit * rng.uniform(0.9, 1.1, len(kinds))
    if plan.ego_turn is not None and "ego" in kinds:
        desired[kinds.index("ego")] = TURN_MPS
    lengths = [size[0] for size in sizes]
    stations = follow_leader(starts, lengths, desired, stops, plan.times)
    ego = None
    actors = []
    for i, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        sway = float(rng.uniform(-0.25, 0.25))
        path = (plan.ego_turn or lane.path) if kind == "ego" else lane.path.offset(sway)
        track = Track.along(path, plan.times, stations[:, i])
        if kind == "ego":
            ego = track
        elif kind == "trailer":
            actors += _articulated(rng, lane, plan, stations[:, i], size)
        else:
            slowing = bool(
                stations[-1, i] - stations[0, i]
                < 0.55 * desired[i] * (plan.times[-1] - plan.times[0])
            )
            actors.append(_vehicle(rng, kind, size, track, slowing))
    return ego, actors


def _queue(
    rng: np.random.Generator,
    lane: Lane,
    plan: Plan,
    with_ego: bool,
    wanted: list[str],
    stops: tuple[float, ...],
) -> tuple[list[str], list[Size], list[float]]:
    """Kinds, sizes and first stations of a lane's vehicles, from its far end backwards."""
    kinds: list[str] = []
    sizes: list[Size] = []
    starts: list[float] = []
    front = lane.path.length - float(rng.uniform(0, 30))
    names, shares = list(MIX), np.asarray(list(MIX.values()))
    pending = with_ego
    nearest = 12.0 if lane.arm == 0 or lane.stop_m else 35.0
    while front > nearest or pending:
        kind = str(rng.choice(names, p=shares / shares.sum()))
        if wanted and rng.random() < 0.5 and abs(front - plan.ego_start_m - 15) < 45:
            kind = wanted.pop(0)
        size = _size(rng, kind)
        if pending and front - size[0] < plan.ego_start_m + EGO_SIZE[0] / 2 + 6:
            kind, size, pending = "ego", EGO_SIZE, False
            front = plan.ego_start_m + EGO_SIZE[0] / 2
        middle = front - size[0] / 2
        in_junction = any(stop < front < stop + 45 for stop in stops)
        if kind == "ego" or not in_junction:
            kinds.append(kind)
            sizes.append(size)
            starts.append(middle)
        queueing = any(0 < stop - front < 30 for stop in stops)
        gap = 2.5 + float(rng.exponential(3 if queueing else 22 / plan.density))
        front -= size[0] + gap
    return kinds, sizes, starts


def _size(rng: np.random.Generator, kind: str) -> Size:
    if kind == "trailer":
        length, width, height = draw_size(rng, "trailer")
        return length + 6.5, width, height
    return draw_size(rng, kind, ridden=kind == "motorcycle")


def _vehicle(rng: np.random.Generator, kind: str, size: Size, track: Track, braking: bool) -> Actor:
    if kind == "motorcycle":
        return Actor(kind, size, build_motorcycle(rng, size, True), track, "ridden")
    return Actor(kind, size, BUILDERS[kind](rng, size, braking), track, "traffic")


def _articulated(
    rng: np.random.Generator, lane: Lane, plan: Plan, stations: Float64, size: Size
) -> list[Actor]:
    """A tractor unit and the trailer behind it, on the same path."""
    tractor: Size = (6.0, min(size[1], 2.6), min(size[2], 3.2))
    semi: Size = (size[0] - 6.5, size[1], size[2])
    ahead = Track.along(lane.path, plan.times, stations + (size[0] - tractor[0]) / 2)
    behind = Track.along(lane.path, plan.times, stations - (size[0] - semi[0]) / 2)
    return [
        Actor("truck", tractor, BUILDERS["truck"](rng, tractor, False), ahead, "traffic"),
        Actor("trailer", semi, BUILDERS["trailer"](rng, semi, False), behind, "traffic"),
    ]


def _cyclists(rng: np.random.Generator, layout: Layout, plan: Plan) -> list[Actor]:
    """Cyclists at the right edge of the outermost lanes."""
    actors = []
    count = int(rng.poisson(1.3)) + 2 * ("bicycle" in plan.wanted)
    for _ in range(count):
        number = int(rng.integers(len(layout.lanes)))
        lane = layout.lanes[number]
        road = layout.roads[lane.road]
        outer = lane.index == (road.forward if lane.forward else road.backward) - 1
        if not outer or number in plan.closed:
            continue
        path = lane.path.offset(-(road.lane_m / 2 - 0.35))
        near = plan.ego_start_m if lane.arm == 0 else lane.path.length / 2
        start = (near if lane.forward else lane.path.length - near) + float(rng.uniform(-25, 35))
        size = draw_size(rng, "bicycle", ridden=True)
        stops = lane.stop_m if plan.red[lane.arm] else ()
        stations = follow_leader(
            [start], [size[0]], [float(rng.uniform(3.5, 6.0))], stops, plan.times
        )
        actors.append(
            Actor(
                "bicycle",
                size,
                build_bicycle(rng, size, True),
                Track.along(path, plan.times, stations[:, 0]),
                "ridden",
            )
        )
    return actors
