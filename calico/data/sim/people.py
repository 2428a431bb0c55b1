"""Pedestrians, bicycles and motorcycles, with or without a rider. x forward, standing on z = 0."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

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

Pose = Literal["walking", "standing", "sitting"]

SKINS: tuple[Color, ...] = (
    (0.62, 0.40, 0.29),
    (0.45, 0.27, 0.18),
    (0.25, 0.14, 0.09),
    (0.70, 0.48, 0.37),
)
HAIR: tuple[Color, ...] = (
    (0.02, 0.015, 0.01),
    (0.10, 0.06, 0.03),
    (0.30, 0.20, 0.08),
    (0.35, 0.35, 0.35),
)
DARK: Color = (0.03, 0.03, 0.03)


def _cloth(rng: np.random.Generator) -> Color:
    """Any colour, more often a dull one."""
    base = rng.uniform(0.03, 0.75) * np.ones(3) + rng.uniform(-0.3, 0.3, 3) * rng.random()
    red, green, blue = (float(v) for v in np.clip(base, 0.02, 0.8))
    return red, green, blue


def build_pedestrian(rng: np.random.Generator, size: Size, pose: Pose) -> Mesh:
    """Build a person: legs, torso, arms and head; a long coat, a bag or a hat at times.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        pose: Walking, standing or sitting.
    """
    length, width, height = body_size(size)
    skin, hair = SKINS[int(rng.integers(len(SKINS)))], HAIR[int(rng.integers(len(HAIR)))]
    top, legs = _cloth(rng), _cloth(rng)
    hip, shoulder = 0.50 * height, 0.83 * height
    stride = {"walking": 0.26, "standing": 0.03, "sitting": 0.0}[pose] * height
    if pose == "sitting":
        hip, shoulder = 0.38 * height, 0.80 * height
    parts = []
    for side in (-1, 1):
        swing = side * stride
        foot = (swing * 0.7, side * 0.09, 0.05) if pose != "sitting" else (0.42, side * 0.12, 0.05)
        if pose == "sitting":
            parts.append(
                make_tube(
                    (0.0, side * 0.1, hip), (0.42, side * 0.12, hip), 0.085, Material.CLOTH, legs
                )
            )
            parts.append(make_tube((0.42, side * 0.12, hip), foot, 0.07, Material.CLOTH, legs))
        else:
            parts.append(
                make_tube(
                    (0.0, side * 0.08, hip), foot, 0.095, Material.CLOTH, legs, end_radius=0.065
                )
            )
        parts.append(
            make_block((0.26, 0.1, 0.09), Material.RUBBER, DARK, (foot[0] + 0.06, foot[1], 0.0))
        )
        hand = (-swing * 0.6 + 0.05, side * 0.29, hip + 0.02)
        parts.append(
            make_tube(
                (0.0, side * 0.21, shoulder - 0.04),
                hand,
                0.06,
                Material.CLOTH,
                top,
                end_radius=0.045,
                sides=5,
            )
        )
        parts.append(make_blob(hand, (0.05, 0.05, 0.06), Material.SKIN, skin))
    coat = 0.30 * height if rng.random() < 0.25 and pose != "sitting" else hip - 0.05
    parts.append(
        make_hexahedron(
            (-0.13, 0.13, 0.18), (-0.12, 0.12, 0.23), (coat, shoulder), Material.CLOTH, top
        )
    )
    parts.append(make_tube((0, 0, shoulder), (0, 0, 0.88 * height), 0.06, Material.SKIN, skin))
    parts.append(
        make_blob((0.01, 0.0, 0.93 * height), (0.10, 0.085, 0.07 * height), Material.SKIN, skin)
    )
    parts.append(
        make_blob((-0.02, 0.0, 0.945 * height), (0.11, 0.095, 0.058 * height), Material.CLOTH, hair)
    )
    if rng.random() < 0.3:
        parts.append(
            make_block((0.16, 0.3, 0.42), Material.CLOTH, _cloth(rng), (-0.2, 0.0, hip + 0.08))
        )
    return merge_meshes(parts).fitted((length, width, height))


def _rider(rng: np.random.Generator, seat: float, reach: float, top: float) -> list[Mesh]:
    """Someone on a saddle at x = -0.15, hands at x = reach, the head up to `top`."""
    skin, shirt, legs = SKINS[int(rng.integers(len(SKINS)))], _cloth(rng), _cloth(rng)
    shoulder = top - 0.32
    parts = [
        make_tube(
            (-0.18, 0, seat),
            (0.05, 0, shoulder),
            0.17,
            Material.CLOTH,
            shirt,
            end_radius=0.2,
            sides=8,
        ),
        make_blob((0.12, 0, top - 0.14), (0.12, 0.10, 0.14), Material.PLASTIC, _cloth(rng)),
        make_blob((0.17, 0, top - 0.2), (0.09, 0.08, 0.09), Material.SKIN, skin),
    ]
    for s in (-1, 1):
        knee = (0.25, s * 0.15, seat - 0.12 + 0.1 * s)
        parts.append(make_tube((-0.15, s * 0.1, seat), knee, 0.085, Material.CLOTH, legs))
        parts.append(make_tube(knee, (0.1, s * 0.14, 0.28), 0.065, Material.CLOTH, legs))
        parts.append(
            make_tube(
                (0.05, s * 0.2, shoulder - 0.05),
                (reach, s * 0.25, seat + 0.15),
                0.05,
                Material.CLOTH,
                shirt,
            )
        )
    return parts


def _tyre(x: float, radius: float, width: float) -> list[Mesh]:
    """A thin wheel with an open middle: a ring of short tubes, and a hub."""
    angle = np.arange(11) * 2 * np.pi / 10
    ring = np.stack(
        [x + (radius - width / 2) * np.cos(angle), radius + (radius - width / 2) * np.sin(angle)],
        axis=1,
    )
    parts = [
        make_tube(
            (float(a[0]), 0, float(a[1])),
            (float(b[0]), 0, float(b[1])),
            width / 2,
            Material.RUBBER,
            DARK,
            sides=4,
        )
        for a, b in pairwise(ring)
    ]
    return [
        *parts,
        make_tube(
            (x, -0.05, radius), (x, 0.05, radius), radius * 0.3, Material.METAL, (0.4, 0.4, 0.4)
        ),
    ]


def build_bicycle(rng: np.random.Generator, size: Size, ridden: bool) -> Mesh:
    """Build a bicycle: two thin wheels, a frame, handlebars and saddle.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        ridden: Whether someone sits on it.
    """
    length, width, height = body_size(size)
    color = _cloth(rng)
    radius = 0.33
    front, back = length / 2 - radius, -length / 2 + radius
    seat, bar = 0.92, 1.02
    frame = [
        ((back, 0, radius), (-0.2, 0, 0.55)),
        ((-0.2, 0, 0.35), (-0.2, 0, seat)),
        ((-0.2, 0, 0.36), (front - 0.15, 0, 0.78)),
        ((-0.2, 0, 0.72), (front - 0.15, 0, 0.85)),
        ((front, 0, radius), (front - 0.18, 0, bar)),
        ((back, 0, radius), (-0.2, 0, 0.36)),
    ]
    parts = [make_tube(a, b, 0.03, Material.METAL, color, sides=5) for a, b in frame]
    parts += [*_tyre(front, radius, 0.06), *_tyre(back, radius, 0.06)]
    parts.append(
        make_tube(
            (front - 0.18, -width / 2, bar),
            (front - 0.18, width / 2, bar),
            0.025,
            Material.METAL,
            DARK,
            sides=5,
        )
    )
    parts.append(make_block((0.26, 0.16, 0.06), Material.PLASTIC, DARK, (-0.2, 0, seat)))
    parts.append(
        make_block((0.03, 0.08, 0.08), Material.RETRO, (0.6, 0.02, 0.02), (back - 0.05, 0, 0.6))
    )
    if ridden:
        parts += _rider(rng, seat + 0.05, front - 0.2, 1.72)
    return merge_meshes(parts).fitted((length, width, height))


def build_motorcycle(rng: np.random.Generator, size: Size, ridden: bool) -> Mesh:
    """Build a motorcycle or a scooter.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        ridden: Whether someone sits on it.
    """
    length, width, height = body_size(size)
    color = _cloth(rng)
    radius = 0.3
    front, back = length / 2 - radius, -length / 2 + radius
    parts = [*_tyre(front, radius, 0.15), *_tyre(back, radius, 0.17)]
    parts += [
        make_block((0.55, 0.34, 0.42), Material.METAL, (0.15, 0.15, 0.16), (0.02, 0, 0.28)),
        make_hexahedron(
            (-0.05, 0.45, 0.16), (0.0, 0.40, 0.12), (0.70, 0.98), Material.PAINT, color
        ),
        make_hexahedron(
            (back - 0.15, 0.0, 0.15), (back - 0.2, 0.0, 0.13), (0.68, 0.84), Material.PLASTIC, DARK
        ),
        make_tube(
            (front, 0, radius),
            (front - 0.28, 0, 1.05),
            0.07,
            Material.METAL,
            (0.3, 0.3, 0.3),
            sides=5,
        ),
        make_tube(
            (front - 0.28, -width / 2, 1.08),
            (front - 0.28, width / 2, 1.08),
            0.03,
            Material.METAL,
            DARK,
            sides=5,
        ),
        make_block((0.12, 0.2, 0.2), Material.LAMP, (0.95, 0.9, 0.8), (front - 0.16, 0, 0.85)),
        make_block((0.05, 0.18, 0.1), Material.LAMP, (0.75, 0.02, 0.02), (back - 0.2, 0, 0.72)),
    ]
    if rng.random() < 0.4:
        parts.append(
            make_hexahedron(
                (0.3, 0.42, 0.24), (0.38, 0.46, 0.22), (0.3, 1.0), Material.PAINT, color
            )
        )
        parts.append(make_block((0.35, 0.36, 0.32), Material.PLASTIC, color, (back, 0, 0.85)))
    if ridden:
        parts += _rider(rng, 0.86, front - 0.3, 1.72)
    else:
        parts += [
            make_tube(
                (front - 0.28, s * 0.3, 1.1),
                (front - 0.3, s * 0.34, 1.28),
                0.03,
                Material.METAL,
                DARK,
                sides=4,
            )
            for s in (-1, 1)
        ]
    return merge_meshes(parts).fitted((length, width, height))
