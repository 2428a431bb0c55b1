"""Nearest hits and shadows, by Embree.

Source: Wald et al., Embree: a kernel framework for efficient CPU ray tracing, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from calico.data.sim.meshes import Int32, Mesh
from calico.frame import Bool, Float32, UInt8

MISS_M = 1e6
"""Distance that stands for no hit."""


@dataclass(frozen=True)
class Solid:
    """A mesh ready for ray casting.

    Attributes:
        scene: Its Embree scene.
        normal: (F, 3) unit normals.
        owner: (F,) the object of every face, -1 for none.
    """

    scene: EmbreeScene
    normal: Float32
    material: UInt8
    color: Float32
    owner: Int32

    @staticmethod
    def build(mesh: Mesh, owner: Int32) -> Solid:
        """Build the acceleration structure of a mesh.

        Args:
            mesh: The surface.
            owner: (F,) whose face each one is.
        """
        scene = EmbreeScene()
        corners = np.ascontiguousarray(mesh.vertices[mesh.faces])
        TriangleMesh(scene, corners)
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        normal = a[:, [1, 2, 0]] * b[:, [2, 0, 1]] - a[:, [2, 0, 1]] * b[:, [1, 2, 0]]
        normal /= np.maximum(np.sqrt(np.einsum("ij,ij->i", normal, normal)), 1e-12)[:, None]
        return Solid(scene, normal, mesh.material, mesh.color, owner)


@dataclass(frozen=True)
class Hits:
    """What R rays met first.

    distance_m: (R,), MISS_M where nothing. normal: (R, 3), towards the ray's origin. material:
        (R,). color: (R, 3).
    owner: (R,) index of the object, -1 for the static world. Beyond `distance_m` < MISS_M the
        fields mean nothing.
    """

    distance_m: Float32
    normal: Float32
    material: UInt8
    color: Float32
    owner: Int32

    @property
    def found(self) -> Bool:
        """(R,) mask of the rays that met something."""
        result: Bool = self.distance_m < MISS_M
        return result


def cast_rays(solids: tuple[Solid, ...], origins: Float32, directions: Float32) -> Hits:
    """Find the nearest hits of rays over all solids.

    Args:
        solids: At least one.
        origins: (R, 3) rays in the world, directions of unit length.
        directions: (R, 3) rays in the world, directions of unit length.
    """
    rays = len(origins)
    distance = np.full(rays, MISS_M, np.float32)
    normal = np.zeros((rays, 3), np.float32)
    material = np.zeros(rays, np.uint8)
    color = np.zeros((rays, 3), np.float32)
    owner = np.full(rays, -1, np.int32)
    for solid in solids:
        result = solid.scene.run(
            origins, directions, dists=distance.copy(), output=1
        )  # Embree writes into dists
        face = result["primID"]
        near = np.flatnonzero((face >= 0) & (result["tfar"] < distance))
        face = face[near]
        distance[near] = result["tfar"][near]
        normal[near] = solid.normal[face]
        material[near] = solid.material[face]
        color[near] = solid.color[face]
        owner[near] = solid.owner[face]
    away = np.einsum("ij,ij->i", normal, directions) > 0
    normal[away] *= -1
    return Hits(distance, normal, material, color, owner)


def find_occluded(solids: tuple[Solid, ...], origins: Float32, directions: Float32) -> Bool:
    """Find the rays that meet anything.

    Args:
        solids: At least one.
        origins: (R, 3) rays in the world, directions of unit length.
        directions: (R, 3) rays in the world, directions of unit length.

    Returns:
        (R,) mask.
    """
    blocked = np.zeros(len(origins), np.bool_)
    for solid in solids:
        rest = np.flatnonzero(~blocked)
        if len(rest):
            hit = solid.scene.run(
                np.ascontiguousarray(origins[rest]),
                np.ascontiguousarray(directions[rest]),
                query="OCCLUDED",
            )
            blocked[rest] = hit >= 0
    return blocked
