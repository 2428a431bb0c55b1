"""The map masks agree with the streets and with the sensors."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.data.sim.layout import build_layout
from calico.data.sim.lidar import scan_world
from calico.data.sim.map_raster import BIT, KERB_M, list_areas, rasterise_layout
from calico.data.sim.materials import Material
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.raycast import cast_rays
from calico.data.sim.world import World
from calico.frame import Frame
from calico.geometry.frames import from_yaw, transform_points
from calico.geometry.grid import Grid
from calico.seeds import make_generator
from calico.taxonomy import NUSCENES
from tests.calico.data.sim.small import GRID


def test_map_mask_agrees_with_the_ground_under_lidar_hits(world: World, frame: Frame) -> None:
    """Low ground is drivable or car park, ground at kerb height is not; the masks know it."""
    assert frame.map_masks is not None
    sweep = scan_world(
        world.solids(KEYFRAME_S), world.ground, frame.global_T_lidar, make_generator(1, "x")
    )
    hits = cast_rays(
        world.solids(KEYFRAME_S),
        np.tile(frame.global_T_lidar[:3, 3].astype(np.float32), (len(sweep.xyz), 1)),
        (sweep.xyz / np.linalg.norm(sweep.xyz, axis=1, keepdims=True))
        @ frame.global_T_lidar[:3, :3].T.astype(np.float32),
    )
    rows, columns, inside = GRID.locate_cells(sweep.xyz[:, :2])
    height = transform_points(frame.global_T_lidar, sweep.xyz.astype(np.float64))[:, 2]
    ground = (
        inside
        & (hits.material == Material.GROUND)
        & (np.linalg.norm(sweep.xyz[:, :2], axis=1) < 20)
    )
    masks = frame.map_masks[:, rows[ground], columns[ground]]
    low = (
        masks[NUSCENES.map_names.index("drivable_area")]
        | masks[NUSCENES.map_names.index("carpark_area")]
    )
    assert ground.sum() > 1000
    assert (low == (height[ground] < KERB_M / 2)).mean() > 0.95


def test_map_bits_agree_with_the_polygons() -> None:
    layout = build_layout(np.random.default_rng(3), "crossroads", 220.0, 120.0)
    ground, polygons = rasterise_layout(layout), list_areas(layout)
    rng = np.random.default_rng(0)
    xy = layout.roads[0].center.at(rng.uniform(60, 170, 4000))[0] + rng.normal(0, 12, (4000, 2))
    bits = ground.lookup(xy)
    for name, geometry in polygons.items():
        truth = shapely.contains_xy(geometry, xy)
        clear = shapely.distance(shapely.boundary(geometry), shapely.points(xy)) > 0.15
        assert (((bits & BIT[name]) > 0) == truth)[clear].all(), name
    assert (
        (ground.height(xy) == 0) == ((bits & (BIT["drivable_area"] | BIT["carpark_area"])) > 0)
    ).all()
    assert set(np.unique(ground.height(xy))) == {np.float32(0.0), np.float32(KERB_M)}


def test_masks_turn_with_the_sensor() -> None:
    """With the sensor turned to the left by 90 degrees, what was left (row) is ahead (column): b[y,
    x] = a[x, -y]."""
    layout = build_layout(np.random.default_rng(1), "straight", 220.0, 120.0)
    ground, grid = rasterise_layout(layout), Grid(-20, 20, -20, 20, 0.5)
    straight = ground.masks(grid, from_yaw(0.0, (110.0, 0.0, 1.84)), NUSCENES)
    turned = ground.masks(grid, from_yaw(np.pi / 2, (110.0, 0.0, 1.84)), NUSCENES)
    assert (np.rot90(straight, 1, axes=(1, 2)) == turned).mean() > 0.99
    assert straight[NUSCENES.map_names.index("drivable_area")].any()


def test_dividers_are_as_wide_as_a_cell() -> None:
    layout = build_layout(np.random.default_rng(1), "straight", 220.0, 120.0)
    divider = list_areas(layout)["divider"]
    for part in shapely.get_parts(divider):
        if part.geom_type == "Polygon" and part.length > 20:
            assert part.area / (part.length / 2) == pytest.approx(0.6, abs=0.08)


def test_outside_the_map_nothing_is_known() -> None:
    ground = rasterise_layout(build_layout(np.random.default_rng(1), "straight", 220.0, 120.0))
    assert ground.lookup(np.array([[-5000.0, 0.0], [0.0, 1e5]])).tolist() == [0, 0]
