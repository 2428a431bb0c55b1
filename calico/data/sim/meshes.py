"""Triangle meshes with a material and a colour per face, and primitives to compose them of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import trimesh

from calico.data.sim.materials import Material
from calico.frame import Float32, Float64, UInt8

Int32 = npt.NDArray[np.int32]
Color = tuple[float, float, float]
"""Linear RGB in 0..1."""


@dataclass(frozen=True)
class Mesh:
    """A mesh of triangles.

    Attributes:
        vertices: (V, 3) [m].
        faces: (F, 3) int32 rows of `vertices`.
        material: (F,) uint8 `Material` of each face.
        color: (F, 3) linear RGB in 0..1.
    """

    vertices: Float32
    faces: Int32
    material: UInt8
    color: Float32

    def placed(self, x: float, y: float, z: float = 0.0, yaw_rad: float = 0.0) -> Mesh:
        """Return the mesh turned about z and then shifted.

        Args:
            x: Shift [m].
            y: Shift [m].
            z: Shift [m].
            yaw_rad: Turn, counter-clockwise seen from above [rad].
        """
        c, s = np.float32(np.cos(yaw_rad)), np.float32(np.sin(yaw_rad))
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
        vertices = self.vertices @ turn.T + np.array([x, y, z], np.float32)
        return Mesh(vertices.astype(np.float32), self.faces, self.material, self.color)

    def fitted(self, size: tuple[float, float, float]) -> Mesh:
        """Return the mesh stretched so that it fills length x width x height [m].

        It is centred in x and y and stands on z = 0.
        """
        low, high = self.vertices.min(axis=0), self.vertices.max(axis=0)
        scale = np.asarray(size, np.float32) / np.maximum(high - low, 1e-6)
        middle = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
        return Mesh(
            ((self.vertices - middle) * scale).astype(np.float32),
            self.faces,
            self.material,
            self.color,
        )


def merge_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of all."""
    if not meshes:
        return Mesh(
            np.zeros((0, 3), np.float32),
            np.zeros((0, 3), np.int32),
            np.zeros(0, np.uint8),
            np.zeros((0, 3), np.float32),
        )
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate(
            [mesh.faces + np.int32(start) for mesh, start in zip(meshes, starts, strict=False)]
        ),
        np.concatenate([mesh.material for mesh in meshes]),
        np.concatenate([mesh.color for mesh in meshes]),
    )


def make_surface(
    vertices: npt.ArrayLike, faces: npt.ArrayLike, material: Material, color: Color
) -> Mesh:
    """Make a mesh of one material and colour.

    Args:
        vertices: (V, 3) places [m].
        faces: (F, 3) indices of vertices, counter-clockwise seen from outside.
        material: Material of all faces.
        color: Colour of all faces.
    """
    faces = np.asarray(faces, np.int32).reshape(-1, 3)
    count = len(faces)
    colors = np.empty((count, 3), np.float32)
    colors[:] = color
    return Mesh(
        np.asarray(vertices, np.float32).reshape(-1, 3),
        faces,
        np.full(count, int(material), np.uint8),
        colors,
    )


_HEXA_FACES = [
    (0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4),
    (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7),
]  # fmt: skip


def make_hexahedron(
    bottom: tuple[float, float, float],
    top: tuple[float, float, float],
    z: tuple[float, float],
    material: Material,
    color: Color,
) -> Mesh:
    """Make a block whose bottom and top are rectangles of different size.

    Args:
        bottom: Rectangles as (x back, x front, half width) [m].
        top: Rectangles as (x back, x front, half width) [m].
        z: Heights of bottom and top [m].
        material: Of all faces.
        color: Of all faces.
    """
    points = []
    for (back, front, half), height in zip((bottom, top), z, strict=True):
        points += [
            (back, -half, height),
            (front, -half, height),
            (front, half, height),
            (back, half, height),
        ]
    return make_surface(points, _HEXA_FACES, material, color)


def make_block(
    size: tuple[float, float, float],
    material: Material,
    color: Color,
    at: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Mesh:
    """Make a box.

    Args:
        size: Length, width, height [m].
        material: Of all faces.
        color: Of all faces.
        at: Centre of the bottom [m].
    """
    ends = (at[0] - size[0] / 2, at[0] + size[0] / 2, size[1] / 2)
    return make_hexahedron(ends, ends, (at[2], at[2] + size[2]), material, color).placed(0.0, at[1])


def make_tube(
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius: float,
    material: Material,
    color: Color,
    end_radius: float | None = None,
    sides: int = 7,
) -> Mesh:
    """Make a closed cylinder or cone between two points.

    Args:
        start: Centres of the ends [m].
        end: Centres of the ends [m].
        radius: Radius at the start [m].
        material: Of all faces.
        color: Of all faces.
        end_radius: Radius at the end [m]; None for a cylinder.
        sides: Number of faces around.
    """
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    u, v = _across(b - a)
    angle = np.arange(sides) * (2 * np.pi / sides)
    circle = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v
    other = radius if end_radius is None else end_radius
    vertices = np.concatenate([a + radius * circle, b + other * circle, [a, b]])
    return make_surface(vertices, _tube_faces(sides), material, color)


def _across(axis: Float64) -> tuple[Float64, Float64]:
    """Two unit vectors that make a right-handed frame with an axis."""
    x, y, z = (float(v) for v in axis / np.sqrt((axis**2).sum()))
    u = (-y, x, 0.0) if abs(z) < 0.9 else (0.0, -z, y)
    length = (u[0] ** 2 + u[1] ** 2 + u[2] ** 2) ** 0.5
    u = (u[0] / length, u[1] / length, u[2] / length)
    v = (y * u[2] - z * u[1], z * u[0] - x * u[2], x * u[1] - y * u[0])
    return np.array(u), np.array(v)


@lru_cache(maxsize=32)
def _tube_faces(sides: int) -> Int32:
    i = np.arange(sides)
    j = (i + 1) % sides
    low, high = np.full(sides, 2 * sides), np.full(sides, 2 * sides + 1)
    faces = np.concatenate(
        [
            np.stack(f, 1)
            for f in (
                (i, j, j + sides),
                (i, j + sides, i + sides),
                (low, j, i),
                (high, i + sides, j + sides),
            )
        ]
    )
    return faces.astype(np.int32)


def make_wheel(
    x: float, y: float, radius: float, width: float, hub: Color = (0.35, 0.35, 0.37)
) -> Mesh:
    """Make a tyre that stands on the ground, its axis along y, with a lighter hub.

    Args:
        x: Where it stands [m].
        y: Where it stands [m].
        radius: Of the tyre [m].
        width: Of the tyre [m].
        hub: Colour of the hub.
    """
    tyre = make_tube(
        (x, y - width / 2, radius),
        (x, y + width / 2, radius),
        radius,
        Material.RUBBER,
        (0.02, 0.02, 0.02),
        sides=10,
    )
    disc = make_tube(
        (x, y - width / 2 - 0.01, radius),
        (x, y + width / 2 + 0.01, radius),
        radius * 0.55,
        Material.METAL,
        hub,
    )
    return merge_meshes([tyre, disc])


@lru_cache(maxsize=4)
def _sphere(subdivisions: int) -> tuple[Float32, Int32]:
    ball = trimesh.creation.icosphere(subdivisions=subdivisions)
    return np.asarray(ball.vertices, np.float32), np.asarray(ball.faces, np.int32)


def make_blob(
    at: tuple[float, float, float],
    radii: tuple[float, float, float],
    material: Material,
    color: Color,
    rng: np.random.Generator | None = None,
    roughness: float = 0.0,
    subdivisions: int = 1,
) -> Mesh:
    """Make an ellipsoid, with a rough surface if asked.

    Args:
        at: Its centre [m].
        radii: Its half axes [m].
        material: Of all faces.
        color: Of all faces.
        rng: Generator of the roughness; None for a smooth surface.
        roughness: Standard deviation of the radius, as a share of it.
        subdivisions: How often the faces of an icosahedron are divided.
    """
    vertices, faces = _sphere(subdivisions)
    scale = np.ones((len(vertices), 1), np.float32)
    if rng is not None:
        scale += rng.normal(0.0, roughness, scale.shape).astype(np.float32)
    return make_surface(
        vertices * scale * np.asarray(radii, np.float32) + np.asarray(at, np.float32),
        faces,
        material,
        color,
    )
