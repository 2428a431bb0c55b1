"""Ray casting against geometry by hand."""

from __future__ import annotations

import numpy as np

from calico.data.sim.materials import Material
from calico.data.sim.meshes import make_block
from calico.data.sim.raycast import MISS_M, Solid, cast_rays, find_occluded


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
