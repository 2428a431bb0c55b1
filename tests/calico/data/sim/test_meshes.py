"""Meshes: primitives are closed, and labelled ones fill their boxes."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from calico.data.sim.materials import Material
from calico.data.sim.meshes import Mesh, make_blob, make_block, make_tube, merge_meshes
from calico.data.sim.people import build_bicycle, build_motorcycle, build_pedestrian
from calico.data.sim.props import (
    build_barrier,
    build_traffic_cone,
)
from calico.data.sim.raycast import Solid, cast_rays
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


def test_owners_and_materials_stay_with_their_faces() -> None:
    parts = [make_block((1, 1, 1), material, GREY, (3.0 * material, 0, 0)) for material in Material]
    solid = Solid.build(merge_meshes(parts), np.repeat(np.arange(len(parts)), 12).astype(np.int32))
    above = np.array([[3.0 * material, 0.1, 5] for material in Material], np.float32)
    hits = cast_rays((solid,), above, np.tile(np.array([[0, 0, -1]], np.float32), (len(above), 1)))
    assert hits.material.tolist() == list(Material)
    assert hits.owner.tolist() == list(range(len(parts)))
