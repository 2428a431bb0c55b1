"""A scene: its streets, its light, what stands in it and how it moves.

Everything follows from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.data.sim.actors import Actor, Floor
from calico.data.sim.conflicts import without_conflicts
from calico.data.sim.layout import KINDS, Layout, build_layout
from calico.data.sim.light import Light, draw_light
from calico.data.sim.map_raster import GroundMap, rasterise_layout
from calico.data.sim.meshes import Mesh, merge_meshes
from calico.data.sim.motion import KEYFRAME_S, Sway, Track, list_track_times
from calico.data.sim.parked import draw_parked
from calico.data.sim.pedestrians import draw_pedestrians
from calico.data.sim.raycast import Solid
from calico.data.sim.street import draw_scenery
from calico.data.sim.traffic import EGO_SIZE, Plan, draw_traffic
from calico.data.sim.turns import turn_paths
from calico.data.sim.works import draw_works
from calico.seeds import make_generator

RARE: tuple[str, ...] = (
    "bus",
    "trailer",
    "construction_vehicle",
    "motorcycle",
    "bicycle",
    "barrier",
)
"""Kinds of which every scene is promised some, in turn, so that a small split has them all."""
RARE_PER_SCENE = 2
EGO_START_M = 85.0


@dataclass(frozen=True)
class World:
    """One scene.

    Attributes:
        fixed: The scenery and the actors that never move. The owner of a face is an index into
            `actors`.
    """

    layout: Layout
    ground: GroundMap
    light: Light
    actors: tuple[Actor, ...]
    ego: Track
    sway: Sway
    fixed: Solid

    def moving(self, time_s: float) -> Solid | None:
        """Return the actors that move, placed where they are at a time; None if there are none."""
        placed = [
            (i, self._place(actor, time_s))
            for i, actor in enumerate(self.actors)
            if not actor.static
        ]
        return _solid(placed) if placed else None

    def solids(self, time_s: float) -> tuple[Solid, ...]:
        """Return everything that rays can meet at a time."""
        moving = self.moving(time_s)
        return (self.fixed,) if moving is None else (self.fixed, moving)

    def _place(self, actor: Actor, time_s: float) -> Mesh:
        x, y, yaw = actor.track.at(time_s)
        return actor.mesh.placed(x, y, self.height(x, y), yaw)

    def height(self, x: float, y: float) -> float:
        """Return the height of the ground [m].

        Args:
            x: Place [m, world].
            y: Place [m, world].
        """
        return float(self.ground.height(np.array([x, y])))


def build_world(seed: int, split: str, scene: int, frames: int) -> World:
    """Build the scene of an index in a split, independently of every other scene.

    Args:
        seed: Seed of the run.
        split: Name of the split.
        scene: Index of the scene.
        frames: Number of keyframes.
    """

    def stream(name: str) -> np.random.Generator:
        return make_generator(seed, "sim", split, scene, name)

    plan_rng = stream("plan")
    turn = int(make_generator(seed, "sim", split).integers(1 << 16))
    wanted = tuple(
        RARE[(scene * RARE_PER_SCENE + k + turn) % len(RARE)] for k in range(RARE_PER_SCENE)
    )
    times = list_track_times(frames)
    travel = 12.0 * (frames - 1) * KEYFRAME_S
    turns_off = bool(plan_rng.random() < 0.4)
    middle = EGO_START_M + float(
        plan_rng.uniform(14, 26) if turns_off else plan_rng.uniform(6, 35 + 0.6 * travel)
    )
    kind = KINDS[(scene + turn) % len(KINDS)]
    layout = build_layout(stream("layout"), kind, EGO_START_M + travel + 95.0, middle)
    near = (EGO_START_M - 30.0, EGO_START_M + 0.7 * travel + 45.0)
    ego_lane = int(plan_rng.integers(layout.roads[0].forward))
    red = _red_lights(plan_rng, layout, ego_lane)
    floor = Floor()
    works: list[Actor] = []
    closed: frozenset[int] = frozenset()
    if "barrier" in wanted or "construction_vehicle" in wanted or plan_rng.random() < 0.3:
        works, closed = draw_works(stream("works"), layout, floor, near, ego_lane, wanted)
    turns = (
        turn_paths(layout, layout.lanes[ego_lane], EGO_START_M) if turns_off and not red[0] else []
    )
    turn_off = turns[int(plan_rng.integers(len(turns)))] if turns else None
    plan = Plan(
        times,
        ego_lane,
        EGO_START_M,
        turn_off,
        red,
        closed,
        wanted,
        float(plan_rng.uniform(0.6, 1.5)),
    )
    ego, traffic = draw_traffic(stream("traffic"), layout, plan)
    parked = draw_parked(stream("parked"), layout, floor, near, wanted, EGO_START_M)
    people = draw_pedestrians(stream("people"), layout, floor, times, red, near)
    scenery = draw_scenery(stream("scenery"), layout, floor, red)
    actors = without_conflicts([*works, *parked, *traffic, *people], ego, EGO_SIZE, times[::5])
    ground = rasterise_layout(layout)
    fixed = _fixed(scenery, actors, ground)
    return World(
        layout,
        ground,
        draw_light(stream("light")),
        tuple(actors),
        ego,
        Sway.draw(stream("sway")),
        fixed,
    )


def _fixed(scenery: Mesh, actors: list[Actor], ground: GroundMap) -> Solid:
    """Scenery and standing actors, ready for ray casting."""
    placed = [(-1, scenery)]
    for i, actor in enumerate(actors):
        if actor.static:
            x, y, yaw = actor.track.at(0.0)
            placed.append((i, actor.mesh.placed(x, y, float(ground.height(np.array([x, y]))), yaw)))
    return _solid(placed)


def _red_lights(rng: np.random.Generator, layout: Layout, ego_lane: int) -> tuple[bool, bool]:
    """Draw which arms must stop.

    The main road stops only if the ego vehicle is still before its stop line. The side road of a T
    always stops.
    """
    ahead = [
        stop - EGO_START_M for stop in layout.lanes[ego_lane].stop_m if stop - EGO_START_M > -45
    ]
    main = bool(rng.random() < 0.4) and bool(ahead) and min(ahead) > 7
    return main, not main or layout.kind == "t_junction"


def _solid(placed: list[tuple[int, Mesh]]) -> Solid:
    owner = np.repeat(
        np.array([i for i, _ in placed], np.int32), [len(mesh.faces) for _, mesh in placed]
    )
    return Solid.build(merge_meshes([mesh for _, mesh in placed]), owner)
