"""Buildings, vegetation and street furniture: what stands beside a street and carries no label."""

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

GREY: Color = (0.22, 0.22, 0.23)
BARK: Color = (0.10, 0.07, 0.04)
FACADES: tuple[Color, ...] = (
    (0.42, 0.20, 0.13),
    (0.55, 0.48, 0.38),
    (0.60, 0.58, 0.54),
    (0.32, 0.33, 0.36),
    (0.50, 0.33, 0.20),
    (0.65, 0.60, 0.45),
    (0.25, 0.28, 0.33),
    (0.48, 0.42, 0.40),
)


def build_house(rng: np.random.Generator, length: float, depth: float) -> Mesh:
    """Build a house: ledges, a door, perhaps balconies and a pitched roof.

    Args:
        rng: Generator of the looks.
        length: Length of the street front, which lies on y = -depth / 2 [m].
        depth: Depth [m].
    """
    height = float(
        rng.choice(
            [rng.uniform(4.5, 8), rng.uniform(8, 18), rng.uniform(18, 35)], p=[0.4, 0.45, 0.15]
        )
    )
    base = np.asarray(FACADES[int(rng.integers(len(FACADES)))]) * rng.uniform(0.8, 1.2)
    color: Color = (float(base[0]), float(base[1]), float(base[2]))
    trim: Color = (0.5 * color[0] + 0.2, 0.5 * color[1] + 0.2, 0.5 * color[2] + 0.2)
    front = -depth / 2
    parts = [make_block((length, depth, height), Material.FACADE, color)]
    if height < 9 and rng.random() < 0.6:
        peak = height + float(rng.uniform(1.5, 3.5))
        roof: Color = (0.25, 0.10, 0.06) if rng.random() < 0.5 else (0.12, 0.12, 0.13)
        parts.append(
            make_hexahedron(
                (-length / 2 - 0.3, length / 2 + 0.3, depth / 2 + 0.4),
                (-length / 2, length / 2, 0.1),
                (height, peak),
                Material.CONCRETE,
                roof,
            )
        )
    else:
        parts.append(
            make_block((length + 0.3, depth + 0.3, 0.4), Material.CONCRETE, trim, (0, 0, height))
        )
    for k in range(int(rng.integers(1, 4))):
        x = (k + 0.5) * length / 3 - length / 2 + float(rng.uniform(-1, 1))
        parts.append(make_block((1.2, 0.12, 2.2), Material.WOOD, (0.12, 0.08, 0.05), (x, front, 0)))
        if rng.random() < 0.5:
            parts.append(
                make_block(
                    (2.4, 1.2, 0.15), Material.CLOTH, (0.45, 0.08, 0.08), (x, front - 0.6, 2.5)
                )
            )
    if height > 8 and rng.random() < 0.5:
        for floor in range(1, int(height / 3)):
            for x in np.arange(-length / 2 + 2.5, length / 2 - 1.5, 5.0):
                parts.append(
                    make_block(
                        (2.2, 1.0, 0.9),
                        Material.CONCRETE,
                        trim,
                        (float(x), front - 0.5, floor * 3.0),
                    )
                )
    return merge_meshes(parts)


def build_tree(rng: np.random.Generator) -> Mesh:
    """A broad-leaved tree, a conifer, or a palm-like one."""
    height = float(rng.uniform(4.0, 10.0))
    shade = float(rng.uniform(0.6, 1.5))
    green: Color = (0.06 * shade * float(rng.uniform(0.7, 2.2)), 0.13 * shade, 0.035 * shade)
    trunk = 0.02 * height + 0.05
    parts = [
        make_tube(
            (0, 0, 0),
            (0, 0, height * 0.6),
            trunk,
            Material.WOOD,
            BARK,
            end_radius=trunk * 0.6,
            sides=6,
        )
    ]
    if rng.random() < 0.2:
        for z, radius in ((0.2, 0.28), (0.45, 0.2), (0.7, 0.12)):
            parts.append(
                make_tube(
                    (0, 0, z * height),
                    (0, 0, (z + 0.36) * height),
                    radius * height * 0.8,
                    Material.FOLIAGE,
                    green,
                    end_radius=0.05,
                    sides=8,
                )
            )
        return merge_meshes(parts)
    spread = 0.26 * height
    parts.append(
        make_blob(
            (0, 0, 0.72 * height),
            (spread, spread, 0.28 * height),
            Material.FOLIAGE,
            green,
            rng,
            0.09,
            2,
        )
    )
    for _ in range(int(rng.integers(2, 5))):
        x, y = (float(v) for v in rng.uniform(-0.7, 0.7, 2) * spread)
        z = float(rng.uniform(0.5, 0.85)) * height
        radius = float(rng.uniform(0.4, 0.65)) * spread
        parts.append(
            make_blob((x, y, z), (radius, radius, radius * 0.8), Material.FOLIAGE, green, rng, 0.1)
        )
    return merge_meshes(parts)


def build_bush(rng: np.random.Generator) -> Mesh:
    """One or two blobs on the ground."""
    shade = float(rng.uniform(0.6, 1.4))
    green: Color = (0.06 * shade, 0.12 * shade, 0.03 * shade)
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        r = float(rng.uniform(0.4, 1.1))
        x, y = (float(v) for v in rng.uniform(-0.8, 0.8, 2))
        parts.append(
            make_blob(
                (x, y, r * 0.6),
                (r, r, r * float(rng.uniform(0.7, 1.2))),
                Material.FOLIAGE,
                green,
                rng,
                0.1,
            )
        )
    return merge_meshes(parts)


def build_hedge(rng: np.random.Generator, length: float) -> Mesh:
    """Build a clipped hedge along x.

    Args:
        rng: Generator of the looks.
        length: Its length [m].
    """
    height, depth = float(rng.uniform(0.8, 1.9)), float(rng.uniform(0.5, 1.0))
    return make_block((length, depth, height), Material.FOLIAGE, (0.05, 0.10, 0.03))


def build_wall(rng: np.random.Generator, length: float) -> Mesh:
    """Build a garden wall or a fence along x.

    Args:
        rng: Generator of the looks.
        length: Its length [m].
    """
    height = float(rng.uniform(0.7, 2.2))
    if rng.random() < 0.5:
        shade = float(rng.uniform(0.25, 0.55))
        return make_block(
            (length, 0.25, height), Material.CONCRETE, (shade, shade * 0.95, shade * 0.88)
        )
    parts = [
        make_block((length, 0.06, 0.08), Material.METAL, GREY, (0, 0, z * height))
        for z in (0.35, 0.92)
    ]
    posts = np.arange(-length / 2, length / 2 + 0.1, 0.6)
    return merge_meshes(
        parts
        + [make_block((0.06, 0.06, height), Material.METAL, GREY, (float(x), 0, 0)) for x in posts]
    )


def lamp_post(rng: np.random.Generator) -> Mesh:
    """A street lamp whose arm points along -y."""
    height = float(rng.uniform(5, 8.5))
    parts = [
        make_tube((0, 0, 0), (0, 0, height), 0.11, Material.METAL, GREY, end_radius=0.07),
        make_tube(
            (0, 0, height - 0.1), (0, -1.8, height + 0.1), 0.05, Material.METAL, GREY, sides=5
        ),
        make_block((0.25, 0.7, 0.12), Material.LAMP, (1.1, 1.0, 0.8), (0, -1.9, height)),
    ]
    return merge_meshes(parts)


def build_sign(rng: np.random.Generator) -> Mesh:
    """A traffic sign that faces -x."""
    height = float(rng.uniform(2.0, 3.0))
    color: Color = ((0.7, 0.03, 0.03), (0.03, 0.10, 0.55), (0.75, 0.6, 0.03), (0.8, 0.8, 0.8))[
        int(rng.integers(4))
    ]
    size = float(rng.uniform(0.55, 0.9))
    return merge_meshes(
        [
            make_tube((0, 0, 0), (0, 0, height), 0.04, Material.METAL, GREY, sides=6),
            make_block((0.04, size, size), Material.RETRO, color, (-0.06, 0, height - size)),
        ]
    )


def traffic_light(rng: np.random.Generator, green: bool) -> Mesh:
    """Build a mast with three lamps that face -x, one of them lit.

    Args:
        rng: Generator of the looks.
        green: Whether it shows green, else red.
    """
    parts = [
        make_tube((0, 0, 0), (0, 0, 3.4), 0.08, Material.METAL, GREY),
        make_block((0.25, 0.35, 0.95), Material.PLASTIC, (0.02, 0.02, 0.02), (-0.05, 0, 2.4)),
    ]
    lamps: tuple[tuple[float, Color, bool], ...] = (
        (3.08, (4.0, 0.1, 0.05), not green),
        (2.5, (0.1, 3.0, 0.6), green),
    )
    parts += [
        make_block(
            (0.06, 0.22, 0.22), Material.LAMP, lit if on else (0.05, 0.05, 0.05), (-0.18, 0, z)
        )
        for z, lit, on in lamps
    ]
    if rng.random() < 0.4:
        parts.append(make_tube((0, 0, 5.2), (0, 3.5, 5.4), 0.06, Material.METAL, GREY))
        parts.append(make_tube((0, 0, 3.4), (0, 0, 5.2), 0.08, Material.METAL, GREY))
        parts.append(
            make_block((0.25, 0.35, 0.95), Material.PLASTIC, (0.02, 0.02, 0.02), (0, 3.4, 4.5))
        )
    return merge_meshes(parts)


def build_bench(rng: np.random.Generator) -> Mesh:
    """A bench that faces +x."""
    length = float(rng.uniform(1.4, 2.0))
    parts = [
        make_block((0.45, length, 0.06), Material.WOOD, (0.30, 0.18, 0.08), (0, 0, 0.42)),
        make_block((0.06, length, 0.4), Material.WOOD, (0.30, 0.18, 0.08), (-0.22, 0, 0.5)),
    ]
    return merge_meshes(
        parts
        + [
            make_block((0.4, 0.07, 0.42), Material.METAL, GREY, (0, y * length, 0))
            for y in (-0.4, 0.4)
        ]
    )


def bus_shelter(rng: np.random.Generator) -> Mesh:
    """A glass shelter, open to -y."""
    length = float(rng.uniform(3, 4.5))
    parts = [
        make_block((length, 1.6, 0.1), Material.METAL, GREY, (0, 0, 2.4)),
        make_block((length, 0.05, 2.0), Material.GLASS, (0.10, 0.12, 0.13), (0, 0.75, 0.3)),
        make_block((0.08, 1.2, 2.0), Material.PLASTIC, (0.6, 0.55, 0.5), (length / 2, 0.1, 0.3)),
    ]
    return merge_meshes(
        parts
        + [
            make_block((0.08, 0.08, 2.4), Material.METAL, GREY, (s * length / 2, 0.7, 0))
            for s in (-1, 1)
        ]
    )
