"""Puts scenery along the streets."""

from __future__ import annotations

import numpy as np
import shapely
import shapely.affinity

from calico.data.sim import props, scenery
from calico.data.sim.actors import Floor
from calico.data.sim.layout import Layout, Road
from calico.data.sim.map_raster import KERB_M
from calico.data.sim.materials import Material
from calico.data.sim.meshes import Mesh, make_surface, merge_meshes


def ground_mesh(layout: Layout, reach_m: float = 160.0) -> Mesh:
    """Build the ground: the carriageway at z = 0, all else KERB_M higher, the kerb's face between.

    Args:
        layout: The streets.
        reach_m: How far the ground goes beyond the streets [m].
    """
    xy = np.concatenate([road.center.xy for road in layout.roads])
    low, high = xy.min(axis=0) - reach_m, xy.max(axis=0) + reach_m
    outline = shapely.box(*low, *high)
    raised = outline.difference(shapely.union_all([layout.drivable, layout.carpark]))
    grey = (0.2, 0.2, 0.2)
    corners = shapely.get_coordinates(outline.exterior)[:4]
    flat = np.concatenate([corners, np.zeros((4, 1))], axis=1)
    parts = [make_surface(flat, [(0, 1, 2), (0, 2, 3)], Material.GROUND, grey)]
    triangles = (
        shapely.get_coordinates(shapely.constrained_delaunay_triangles(raised))
        .reshape(-1, 4, 2)[:, :3]
        .reshape(-1, 2)
    )
    top = np.concatenate([triangles, np.full((len(triangles), 1), KERB_M)], axis=1)
    parts.append(make_surface(top, np.arange(len(top)), Material.GROUND, grey))
    for polygon in shapely.get_parts(raised):
        for ring in (polygon.exterior, *polygon.interiors):
            line = shapely.get_coordinates(ring)
            n = len(line) - 1
            both = np.concatenate(
                [
                    np.column_stack([line[:-1], np.zeros(n)]),
                    np.column_stack([line[:-1], np.full(n, KERB_M)]),
                ]
            )
            i, j = np.arange(n), (np.arange(n) + 1) % n
            faces = np.concatenate([np.stack([i, j, j + n], 1), np.stack([i, j + n, i + n], 1)])
            parts.append(make_surface(both, faces, Material.CONCRETE, (0.42, 0.41, 0.39)))
    return merge_meshes(parts)


def draw_scenery(
    rng: np.random.Generator, layout: Layout, floor: Floor, red: tuple[bool, bool]
) -> Mesh:
    """Draw ground, buildings, vegetation, street furniture and clutter.

    Args:
        rng: Generator.
        layout: The streets.
        floor: Footprints that are taken; those of the new things are added.
        red: Which arms of the junction must stop.
    """
    paved = shapely.union_all([layout.drivable, layout.walkway, layout.carpark])
    parts = [ground_mesh(layout)]
    parts += _buildings(rng, layout, paved.buffer(0.4))
    for road in layout.roads:
        parts += _furniture(rng, layout, road, paved)
    parts += _greenery(rng, layout, floor, paved)
    parts += _clutter(rng, layout, floor)
    parts += _lights(rng, layout, red)
    return merge_meshes(parts)


def _buildings(rng: np.random.Generator, layout: Layout, kept_free: shapely.Geometry) -> list[Mesh]:
    taken: list[shapely.Geometry] = []
    parts = []
    places: list[tuple[float, float, float, float, float]] = []
    urban = float(rng.uniform(0.3, 1.0))
    for road in layout.roads:
        for side in (-1, 1):
            station = float(rng.uniform(-10, 10))
            setback = float(rng.choice([0.6, 3.0, 7.0]))
            while station < road.center.length + 10:
                length, depth = float(rng.uniform(9, 26)), float(rng.uniform(9, 16))
                offset = (
                    (road.left_m if side > 0 else road.right_m)
                    + road.walkway_m
                    + setback
                    + depth / 2
                    + float(rng.uniform(0, 1.5))
                )
                x, y, yaw = road.center.beside(station + length / 2, side * offset)
                if rng.random() < urban:
                    places.append((x, y, yaw + (0.0 if side > 0 else np.pi), length, depth))
                station += length + float(rng.choice([0.3, 4.0, 9.0]))
    middle = layout.roads[0].center.at(layout.roads[0].center.length / 2)[0]
    for _ in range(30):
        dx, dy = (float(v) for v in rng.uniform(-110, 110, 2))
        places.append(
            (
                float(middle[0]) + dx,
                float(middle[1]) + dy,
                float(rng.uniform(0, np.pi)),
                float(rng.uniform(12, 30)),
                float(rng.uniform(10, 18)),
            )
        )
    for x, y, yaw, length, depth in places:
        footprint = shapely.affinity.translate(
            shapely.affinity.rotate(
                shapely.box(-length / 2, -depth / 2, length / 2, depth / 2), yaw, use_radians=True
            ),
            x,
            y,
        )
        if footprint.intersects(kept_free) or any(footprint.intersects(other) for other in taken):
            continue
        taken.append(footprint)
        parts.append(scenery.build_house(rng, length, depth).placed(x, y, KERB_M, yaw))
    layout_taken = shapely.union_all(taken) if taken else shapely.Polygon()
    return [*parts, *_plots(rng, layout, shapely.union_all([kept_free, layout_taken.buffer(0.5)]))]


def _plots(rng: np.random.Generator, layout: Layout, kept_free: shapely.Geometry) -> list[Mesh]:
    """Walls, fences and hedges where a plot meets the walkway."""
    parts = []
    for road in layout.roads:
        for side in (-1, 1):
            for station in np.arange(4.0, road.center.length, 9.0):
                length = float(rng.uniform(4, 8.5))
                offset = (road.left_m if side > 0 else road.right_m) + road.walkway_m + 1.0
                x, y, yaw = road.center.beside(float(station), side * offset)
                line = road.center.strip(
                    station - length / 2,
                    station + length / 2,
                    side * offset - 0.1,
                    side * offset + 0.1,
                )
                if rng.random() < 0.45 and not line.intersects(kept_free):
                    mesh = (
                        scenery.build_hedge(rng, length)
                        if rng.random() < 0.5
                        else scenery.build_wall(rng, length)
                    )
                    parts.append(mesh.placed(x, y, KERB_M, yaw))
    return parts


def _furniture(
    rng: np.random.Generator, layout: Layout, road: Road, paved: shapely.Geometry
) -> list[Mesh]:
    """Lamp posts, signs, trees, benches, shelters in a row behind the kerb."""
    parts = []
    for side in (-1, 1):
        kerb = (road.left_m if side > 0 else road.right_m) + 0.55
        trees = rng.random() < 0.55
        for station in np.arange(
            float(rng.uniform(0, 8)), road.center.length, float(rng.uniform(7, 11))
        ):
            x, y, yaw = road.center.beside(float(station), side * kerb)
            if shapely.Point(x, y).distance(layout.drivable) < 0.3 or layout.carpark.contains(
                shapely.Point(x, y)
            ):
                continue
            facing = yaw + (0.0 if side > 0 else np.pi)
            roll = rng.random()
            if roll < 0.22:
                mesh = scenery.lamp_post(rng)
            elif roll < 0.36:
                mesh, facing = scenery.build_sign(rng), yaw + (0.0 if side < 0 else np.pi)
            elif roll < 0.72 and trees:
                mesh = scenery.build_tree(rng)
            elif roll < 0.78:
                mesh, facing = scenery.build_bench(rng), facing - np.pi / 2
            elif roll < 0.80 and road.walkway_m > 3:
                mesh = scenery.bus_shelter(rng)
            else:
                continue
            parts.append(mesh.placed(x, y, KERB_M, facing))
    return parts


def _greenery(
    rng: np.random.Generator, layout: Layout, floor: Floor, paved: shapely.Geometry
) -> list[Mesh]:
    """Trees and bushes off the pavement."""
    parts = []
    road = layout.roads[0]
    for _ in range(int(rng.integers(25, 80))):
        station, side = float(rng.uniform(0, road.center.length)), int(rng.choice([-1, 1]))
        offset = (
            (road.left_m if side > 0 else road.right_m)
            + road.walkway_m
            + float(rng.uniform(1.0, 45.0))
        )
        x, y, yaw = road.center.beside(station, side * offset)
        if shapely.Point(x, y).distance(paved) > 1.0 and floor.claim(x, y, 0.0, 1.5, 1.5):
            mesh = scenery.build_tree(rng) if rng.random() < 0.6 else scenery.build_bush(rng)
            parts.append(mesh.placed(x, y, KERB_M, yaw))
    return parts


def _clutter(rng: np.random.Generator, layout: Layout, floor: Floor) -> list[Mesh]:
    """Things that resemble labelled ones."""
    parts = []
    for road in layout.roads:
        for _ in range(int(road.center.length / 7)):
            station, side = float(rng.uniform(0, road.center.length)), int(rng.choice([-1, 1]))
            kerb = road.left_m if side > 0 else road.right_m
            roll = rng.random()
            length, width = 0.6, 0.6
            offset = kerb + float(rng.uniform(0.5, road.walkway_m))
            if roll < 0.25:
                mesh, length = props.car_like(rng)
                width, offset = 2.3, kerb + road.walkway_m + float(rng.uniform(1.5, 8))
            elif roll < 0.65:
                mesh = props.pedestrian_like(rng)
            elif roll < 0.92:
                mesh = props.cone_like(rng)
            else:
                mesh = props.build_mailbox(rng)
            x, y, yaw = road.center.beside(station, side * offset)
            place = shapely.Point(x, y)
            far = (
                place.distance(layout.drivable) > width / 2 + 0.1
                and place.distance(layout.carpark) > width / 2
            )
            if far and floor.claim(x, y, yaw, length, width):
                parts.append(mesh.placed(x, y, KERB_M, yaw + float(rng.normal(0, 0.1))))
    return parts


def _lights(rng: np.random.Generator, layout: Layout, red: tuple[bool, bool]) -> list[Mesh]:
    """A traffic light to the right of every stop line."""
    parts = []
    for crossing in layout.crossings:
        road = layout.roads[crossing.road]
        for sign, station in crossing.stops:
            lanes = road.forward if sign == 1 else road.backward
            if lanes:
                offset = -(road.right_m + 0.8) if sign == 1 else road.left_m + 0.8
                x, y, yaw = road.center.beside(station, offset)
                parts.append(
                    scenery.traffic_light(rng, not red[crossing.arm]).placed(
                        x, y, KERB_M, yaw + (0.0 if sign == 1 else np.pi)
                    )
                )
    return parts
