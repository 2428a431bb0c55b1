"""Meshes, ray casting, light."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from calico.data.sim import scenery
from calico.data.sim.camera import color_sky
from calico.data.sim.light import draw_light
from calico.data.sim.materials import Material
from calico.data.sim.meshes import Mesh, make_blob, make_block, make_tube, make_wheel, merge_meshes
from calico.data.sim.people import build_bicycle, build_motorcycle, build_pedestrian
from calico.data.sim.props import (
    build_barrier,
    build_mailbox,
    build_traffic_cone,
    car_like,
    cone_like,
    pedestrian_like,
)
from calico.data.sim.raycast import MISS_M, Solid, cast_rays, find_occluded
from calico.data.sim.sizes import MEAN, Size, body_size, draw_size
from calico.data.sim.vehicles import BUILDERS

GREY = (0.5, 0.5, 0.5)


def labelled(kind: str, rng: np.random.Generator, size: Size) -> Mesh:
    if kind in BUILDERS:
        return BUILDERS[kind](rng, size, bool(rng.random() < 0.5))
    if kind == "pedestrian":
        return build_pedestrian(rng, size, ("walking", "standing", "sitting")[int(rng.integers(3))])
    if kind in ("bicycle", "motorcycle"):
        return (build_bicycle if kind == "bicycle" else build_motorcycle)(
            rng, size, bool(rng.random() < 0.5)
        )
    return (build_traffic_cone if kind == "traffic_cone" else build_barrier)(rng, size)


@pytest.mark.parametrize("kind", sorted(MEAN))
def test_labelled_meshes_fill_their_boxes(kind: str) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        size = draw_size(rng, kind)
        mesh = labelled(kind, rng, size)
        low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
        np.testing.assert_allclose(high - low, body_size(size), atol=1e-4)
        np.testing.assert_allclose([*(low + high)[:2], low[2]], 0, atol=1e-4)
        assert len(mesh.faces) == len(mesh.material) == len(mesh.color)
        assert mesh.faces.max() < len(mesh.vertices)


@pytest.mark.parametrize("kind", sorted(MEAN))
def test_sizes_have_the_published_means(kind: str) -> None:
    rng = np.random.default_rng(0)
    cycle = kind in ("bicycle", "motorcycle")
    drawn = np.array(
        [draw_size(rng, kind, ridden=cycle and rng.random() < 0.25) for _ in range(600)]
    )
    np.testing.assert_allclose(drawn.mean(axis=0), MEAN[kind], rtol=0.03)
    assert drawn.min() > 0.2


def test_primitives_are_closed_and_face_outwards() -> None:
    rng = np.random.default_rng(0)
    for mesh in (
        make_block((1, 2, 3), Material.PAINT, GREY, (1, 1, 1)),
        make_tube((0, 0, 0), (1, 1, 1), 0.3, Material.PAINT, GREY, end_radius=0.1),
        make_tube((0, 0, 0), (0, 0, -2), 0.3, Material.PAINT, GREY),
        make_blob((0, 0, 1), (1, 2, 1), Material.FOLIAGE, GREY, rng, 0.05),
    ):
        solid = trimesh.Trimesh(mesh.vertices, mesh.faces)
        assert solid.is_watertight
        assert solid.is_winding_consistent
        assert solid.volume > 0
    assert trimesh.Trimesh(
        *_parts(make_block((1, 2, 3), Material.PAINT, GREY))
    ).volume == pytest.approx(6)


def _parts(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    return mesh.vertices, mesh.faces


def test_scenery_and_clutter_are_finite_and_stand_on_the_ground() -> None:
    rng = np.random.default_rng(1)
    for _ in range(12):
        for mesh in (
            scenery.build_house(rng, 15, 10),
            scenery.build_tree(rng),
            scenery.build_bush(rng),
            scenery.build_hedge(rng, 5),
            scenery.build_wall(rng, 5),
            scenery.lamp_post(rng),
            scenery.build_sign(rng),
            scenery.traffic_light(rng, True),
            scenery.build_bench(rng),
            scenery.bus_shelter(rng),
            car_like(rng)[0],
            pedestrian_like(rng),
            cone_like(rng),
            build_mailbox(rng),
            make_wheel(0, 0, 0.4, 0.2),
        ):
            assert np.isfinite(mesh.vertices).all()
            assert mesh.vertices[:, 2].min() < 0.36
            assert mesh.color.min() >= 0


def test_rays_meet_a_block_where_geometry_says() -> None:
    near = Solid.build(
        make_block((1, 1, 1), Material.PAINT, (1, 0, 0), (5, 0, 0)), np.full(12, 3, np.int32)
    )
    far = Solid.build(
        make_block((1, 40, 9), Material.WOOD, (0, 1, 0), (9, 0, 0)), np.full(12, 4, np.int32)
    )
    origins = np.tile(np.array([[0, 0, 0.5]], np.float32), (3, 1))
    directions = np.array([[1, 0, 0], [0.8, 0.6, 0], [-1, 0, 0]], np.float32)
    for solids in ((near, far), (far, near)):
        hits = cast_rays(solids, origins, directions)
        np.testing.assert_allclose(hits.distance_m, [4.5, 8.5 / 0.8, MISS_M], rtol=1e-5)
        assert hits.owner[:2].tolist() == [3, 4]
        assert hits.material[:2].tolist() == [Material.PAINT, Material.WOOD]
        np.testing.assert_allclose(hits.normal[0], [-1, 0, 0], atol=1e-6)
        np.testing.assert_allclose(hits.color[:2], [[1, 0, 0], [0, 1, 0]])
        assert hits.found.tolist() == [True, True, False]
        assert find_occluded(solids, origins, directions).tolist() == [True, True, False]


def test_owners_and_materials_stay_with_their_faces() -> None:
    parts = [make_block((1, 1, 1), material, GREY, (3.0 * material, 0, 0)) for material in Material]
    solid = Solid.build(merge_meshes(parts), np.repeat(np.arange(len(parts)), 12).astype(np.int32))
    above = np.array([[3.0 * material, 0.1, 5] for material in Material], np.float32)
    hits = cast_rays((solid,), above, np.tile(np.array([[0, 0, -1]], np.float32), (len(above), 1)))
    assert hits.material.tolist() == list(Material)
    assert hits.owner.tolist() == list(range(len(parts)))


def test_sky_is_brightest_by_the_sun() -> None:
    light = draw_light(np.random.default_rng(0))
    assert np.linalg.norm(light.sun) == pytest.approx(1, abs=1e-5)
    towards, away = color_sky(
        light, np.stack([light.sun, light.sun * [-1, -1, 1]]).astype(np.float32)
    )
    assert towards.sum() > away.sum()


def test_lights_vary() -> None:
    assert {draw_light(np.random.default_rng(seed)).name for seed in range(60)} == {
        "clear",
        "overcast",
        "low_sun",
        "night",
    }
