"""People on foot: along the walkways, over the crossings, in groups, on benches."""

from __future__ import annotations

import numpy as np
import shapely

from calico.data.sim.actors import Actor, Floor
from calico.data.sim.layout import Layout
from calico.data.sim.motion import Track
from calico.data.sim.paths import Path
from calico.data.sim.people import Pose, build_pedestrian
from calico.data.sim.sizes import draw_size
from calico.frame import Float64


def draw_pedestrians(
    rng: np.random.Generator,
    layout: Layout,
    floor: Floor,
    times: Float64,
    red: tuple[bool, bool],
    near: tuple[float, float],
) -> list[Actor]:
    """Draw everyone on foot.

    Args:
        rng: Generator.
        layout: The streets.
        floor: Footprints that are taken; those of people who stand are added.
        times: (T,) times of the tracks [s].
        red: Which arms of the junction must stop.
        near: Stretch of the main road around the ego vehicle where people are [m].
    """
    actors: list[Actor] = []
    busy = float(rng.uniform(0.5, 1.6))
    for _ in range(int(rng.poisson(9 * busy))):
        actors += _walker(rng, layout, times, red, near)
    for _ in range(int(rng.poisson(2.2 * busy))):
        actors += _group(rng, layout, floor, near)
    for crossing in layout.crossings:
        if red[crossing.arm]:
            for _ in range(int(rng.poisson(1.6 * busy))):
                actors.append(
                    _crosser(rng, layout, crossing.road, (crossing.start, crossing.stop), times)
                )
    return actors


def _person(rng: np.random.Generator, pose: Pose, track: Track) -> Actor:
    length, width, height = draw_size(rng, "pedestrian")
    if rng.random() < 0.1:
        length, width, height = length * 0.75, width * 0.75, height * float(rng.uniform(0.6, 0.75))
    if pose == "sitting":
        length, height = length + 0.1, height * 0.75
    size = (length, width, height)
    return Actor(
        "pedestrian",
        size,
        build_pedestrian(rng, size, pose),
        track,
        "sitting" if pose == "sitting" else "upright",
    )


def _walker(
    rng: np.random.Generator,
    layout: Layout,
    times: Float64,
    red: tuple[bool, bool],
    near: tuple[float, float],
) -> list[Actor]:
    """Draw one or two people side by side on a walkway.

    They enter the carriageway only if its traffic has the red light.
    """
    index = 0 if len(layout.roads) == 1 or rng.random() < 0.65 else 1
    road = layout.roads[index]
    side = int(rng.choice([-1, 1]))
    kerb = road.right_m if side < 0 else road.left_m
    path = road.center.offset(
        side * (kerb + float(rng.uniform(1.0, max(road.walkway_m - 0.5, 1.2))))
    )
    center = (
        float(rng.uniform(*near)) if index == 0 else float(rng.uniform(0.15, 0.85)) * path.length
    )
    direction = int(rng.choice([-1, 1]))
    walked = float(np.clip(rng.normal(1.35, 0.3), 0.6, 2.4)) * (times - times.mean())
    walked = walked * (2.2 if rng.random() < 0.06 else 1.0)
    if direction < 0:
        center, path = path.length - center, path.reversed()
    xy, _ = path.at(center + walked)
    if shapely.LineString(xy).intersects(layout.drivable) and not red[1 - index]:
        return []
    people = [_person(rng, "walking", Track.along(path, times, center + walked))]
    if rng.random() < 0.25:
        people.append(
            _person(
                rng,
                "walking",
                Track.along(
                    path.offset(0.75), times, center + walked + float(rng.uniform(-0.2, 0.2))
                ),
            )
        )
    return people


def _crosser(
    rng: np.random.Generator, layout: Layout, road: int, span: tuple[float, float], times: Float64
) -> Actor:
    """Someone on a crossing, or about to step on it or just past it."""
    street = layout.roads[road]
    station = float(rng.uniform(span[0] + 0.4, span[1] - 0.4))
    ends = [
        street.center.beside(station, offset)[:2]
        for offset in (-street.right_m - 2.0, street.left_m + 2.0)
    ]
    path = Path.of(ends if rng.random() < 0.5 else ends[::-1])
    pace = float(np.clip(rng.normal(1.4, 0.25), 0.7, 2.2))
    stations = float(rng.uniform(-0.2, 0.9)) * path.length + pace * (times - times[0])
    return _person(rng, "walking", Track.along(path, times, np.clip(stations, 0.0, path.length)))


def _group(
    rng: np.random.Generator, layout: Layout, floor: Floor, near: tuple[float, float]
) -> list[Actor]:
    """One to four people who stand together on the walkway or in a car park; some sit."""
    if layout.carparks and rng.random() < 0.2:
        park = layout.carparks[int(rng.integers(len(layout.carparks)))]
        middle = park.area.centroid
        x, y = middle.x + float(rng.normal(0, 5)), middle.y + float(rng.normal(0, 2))
    else:
        road = layout.roads[0]
        side = int(rng.choice([-1, 1]))
        kerb = road.right_m if side < 0 else road.left_m
        station = float(rng.uniform(*near))
        x, y, _ = road.center.beside(
            station, side * (kerb + float(rng.uniform(0.6, road.walkway_m + 1.5)))
        )
        if shapely.Point(x, y).distance(layout.drivable) < 0.3:
            return []
    actors = []
    for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.45, 0.3, 0.15, 0.1]))):
        dx, dy = (float(v) for v in rng.normal(0, 0.7, 2))
        if shapely.Point(x + dx, y + dy).distance(layout.drivable) > 0.35 and floor.claim(
            x + dx, y + dy, 0.0, 0.7, 0.7, 0.05
        ):
            pose: Pose = "sitting" if rng.random() < 0.08 else "standing"
            actors.append(
                _person(rng, pose, Track.still(x + dx, y + dy, float(rng.uniform(-np.pi, np.pi))))
            )
    return actors
