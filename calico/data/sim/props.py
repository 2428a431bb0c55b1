"""Traffic cones and barriers, which are labelled, and clutter that resembles labelled things."""

from __future__ import annotations

import numpy as np

from calico.data.sim.materials import Material
from calico.data.sim.meshes import (
    Color,
    Mesh,
    make_blob,
    make_block,
    make_hexahedron,
    make_tube,
    merge_meshes,
)
from calico.data.sim.sizes import Size, body_size

ORANGE: Color = (0.85, 0.18, 0.02)
GREY: Color = (0.25, 0.25, 0.26)


def build_traffic_cone(rng: np.random.Generator, size: Size) -> Mesh:
    """Build a cone or a slim delineator, orange with a reflecting band.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
    """
    length, width, height = body_size(size)
    radius = length / 2 * (0.85 if rng.random() < 0.7 else 0.5)
    tip = 0.03 if radius > 0.4 * length else radius * 0.8
    low, high = 0.45 * height, 0.68 * height
    at_low, at_high = radius + (tip - radius) * 0.45, radius + (tip - radius) * 0.68
    parts = [
        make_block((length, width, 0.05), Material.RUBBER, (0.05, 0.05, 0.05)),
        make_tube((0, 0, 0.05), (0, 0, low), radius, Material.PLASTIC, ORANGE, end_radius=at_low),
        make_tube(
            (0, 0, low),
            (0, 0, high),
            at_low,
            Material.RETRO,
            (0.85, 0.85, 0.85),
            end_radius=at_high,
        ),
        make_tube((0, 0, high), (0, 0, height), at_high, Material.PLASTIC, ORANGE, end_radius=tip),
    ]
    return merge_meshes(parts).fitted((length, width, height))


def build_barrier(rng: np.random.Generator, size: Size) -> Mesh:
    """Build a barrier, long along y: concrete, water-filled plastic, or boards on legs.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
    """
    length, width, height = body_size(size)
    kind = int(rng.integers(3))
    parts: list[Mesh] = []
    if kind < 2:
        color = (
            (0.55, 0.54, 0.50)
            if kind == 0
            else (ORANGE if rng.random() < 0.6 else (0.8, 0.8, 0.78))
        )
        material = Material.CONCRETE if kind == 0 else Material.PLASTIC
        parts.append(
            make_hexahedron(
                (-length / 2, length / 2, width / 2),
                (-length / 4, length / 4, width / 2),
                (0, 0.35 * height),
                material,
                color,
            )
        )
        parts.append(
            make_hexahedron(
                (-length / 4, length / 4, width / 2),
                (-length / 5, length / 5, width / 2),
                (0.35 * height, height),
                material,
                color,
            )
        )
    else:
        for y in (-0.45, 0.45):
            parts.append(
                make_hexahedron(
                    (-length / 2, length / 2, 0.04),
                    (-0.03, 0.03, 0.04),
                    (0, height),
                    Material.METAL,
                    GREY,
                ).placed(0, y * width)
            )
        for z in (0.42, 0.78):
            for k in range(6):
                color = ORANGE if k % 2 else (0.85, 0.85, 0.85)
                parts.append(
                    make_block(
                        (0.05, width / 6, 0.2 * height),
                        Material.RETRO,
                        color,
                        (0, (k - 2.5) * width / 6, z * height),
                    )
                )
    return merge_meshes(parts).fitted((length, width, height))


def car_like(rng: np.random.Generator) -> tuple[Mesh, float]:
    """Build a skip, kiosk, container or covered heap of a car's or truck's size.

    Returns:
        The mesh and its length [m].
    """
    length, width, height = (
        float(rng.uniform(2.2, 5.5)),
        float(rng.uniform(1.6, 2.3)),
        float(rng.uniform(1.2, 2.6)),
    )
    color: Color = tuple(float(v) for v in rng.uniform(0.05, 0.5, 3))  # type: ignore[assignment]
    kind = int(rng.integers(4))
    a, half = length / 2, width / 2
    if kind == 0:
        parts = [
            make_hexahedron(
                (-a * 0.75, a * 0.75, half),
                (-a, a, half),
                (0.1, height * 0.7),
                Material.METAL,
                color,
            )
        ]
    elif kind == 1:
        parts = [
            make_block((length, width, height), Material.WOOD, color),
            make_block(
                (length * 0.7, 0.06, height * 0.35),
                Material.GLASS,
                (0.05, 0.05, 0.06),
                (0, half, height * 0.45),
            ),
            make_block(
                (length * 1.1, width * 1.2, 0.12), Material.CLOTH, (0.6, 0.1, 0.1), (0, 0, height)
            ),
        ]
    elif kind == 2:
        parts = [make_block((length, width, height), Material.METAL, color)]
        parts += [
            make_block((0.12, width + 0.08, height), Material.METAL, GREY, (x * a, 0, 0))
            for x in (-0.9, -0.3, 0.3, 0.9)
        ]
    else:
        parts = [make_blob((0, 0, 0.15), (a, half, height * 0.6), Material.CLOTH, color, rng, 0.06)]
    return merge_meshes(parts), length


def pedestrian_like(rng: np.random.Generator) -> Mesh:
    """A post group, bin, statue-like box, parking meter or slim shrub of a person's size."""
    kind = int(rng.integers(5))
    height = float(rng.uniform(1.2, 1.9))
    color: Color = tuple(float(v) for v in rng.uniform(0.03, 0.4, 3))  # type: ignore[assignment]
    if kind == 0:
        return merge_meshes(
            [
                make_tube((x, y, 0), (x, y, height), 0.07, Material.METAL, color)
                for x, y in rng.uniform(-0.3, 0.3, (3, 2))
            ]
        )
    if kind == 1:
        return merge_meshes(
            [
                make_tube((0, 0, 0), (0, 0, 0.9), 0.27, Material.METAL, color, sides=9),
                make_blob((0, 0, 0.95), (0.28, 0.28, 0.15), Material.METAL, color),
            ]
        )
    if kind == 2:
        return merge_meshes(
            [
                make_block((0.5, 0.6, height * 0.85), Material.METAL, color),
                make_block((0.55, 0.65, 0.06), Material.METAL, GREY, (0, 0, height * 0.85)),
            ]
        )
    if kind == 3:
        return merge_meshes(
            [
                make_tube((0, 0, 0), (0, 0, height * 0.7), 0.05, Material.METAL, GREY),
                make_block((0.22, 0.3, 0.5), Material.METAL, color, (0, 0, height * 0.7)),
            ]
        )
    return make_blob(
        (0, 0, height / 2), (0.3, 0.3, height / 2), Material.FOLIAGE, (0.04, 0.10, 0.03), rng, 0.12
    )


def cone_like(rng: np.random.Generator) -> Mesh:
    """A hydrant, bollard or small post."""
    kind = int(rng.integers(3))
    if kind == 0:
        red: Color = (0.55, 0.05, 0.03) if rng.random() < 0.6 else (0.6, 0.5, 0.05)
        body = make_tube((0, 0, 0), (0, 0, 0.65), 0.14, Material.METAL, red)
        return merge_meshes(
            [
                body,
                make_blob((0, 0, 0.67), (0.15, 0.15, 0.12), Material.METAL, red),
                make_tube((0, -0.22, 0.45), (0, 0.22, 0.45), 0.07, Material.METAL, red),
            ]
        )
    if kind == 1:
        return make_tube(
            (0, 0, 0), (0, 0, float(rng.uniform(0.7, 1.1))), 0.1, Material.METAL, (0.3, 0.3, 0.3)
        )
    return merge_meshes(
        [
            make_tube((0, 0, 0), (0, 0, 0.9), 0.06, Material.PLASTIC, (0.7, 0.7, 0.7)),
            make_tube((0, 0, 0.65), (0, 0, 0.8), 0.07, Material.RETRO, (0.7, 0.1, 0.05)),
        ]
    )


def build_mailbox(rng: np.random.Generator) -> Mesh:
    """A letter box on the walkway."""
    color: Color = (0.03, 0.08, 0.3) if rng.random() < 0.6 else (0.6, 0.45, 0.03)
    return merge_meshes(
        [
            make_block((0.5, 0.5, 1.0), Material.METAL, color, (0, 0, 0.15)),
            make_tube((-0.25, 0, 1.15), (0.25, 0, 1.15), 0.25, Material.METAL, color),
        ]
    )
