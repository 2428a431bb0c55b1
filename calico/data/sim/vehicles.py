"""Cars, trucks, buses, trailers and construction vehicles, composed of blocks and wheels.

All have x forward and stand on z = 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.data.sim.materials import Material
from calico.data.sim.meshes import (
    Color,
    Mesh,
    make_block,
    make_hexahedron,
    make_tube,
    make_wheel,
    merge_meshes,
)
from calico.data.sim.sizes import Size, body_size

CAR_COLORS: tuple[Color, ...] = (
    (0.75, 0.75, 0.76),
    (0.80, 0.80, 0.78),
    (0.03, 0.03, 0.035),
    (0.05, 0.05, 0.06),
    (0.22, 0.23, 0.25),
    (0.40, 0.41, 0.43),
    (0.45, 0.03, 0.03),
    (0.03, 0.08, 0.35),
    (0.05, 0.16, 0.12),
    (0.32, 0.22, 0.12),
    (0.60, 0.30, 0.03),
    (0.10, 0.30, 0.45),
)
"""About the mix on the road: mostly white, grey and black."""
LIVERIES: tuple[Color, ...] = (
    (0.80, 0.80, 0.80),
    (0.75, 0.12, 0.05),
    (0.08, 0.20, 0.55),
    (0.85, 0.60, 0.05),
    (0.10, 0.40, 0.15),
    (0.5, 0.5, 0.52),
)
WORKS_COLORS: tuple[Color, ...] = ((0.85, 0.50, 0.02), (0.80, 0.62, 0.05), (0.75, 0.25, 0.02))
Rectangle = tuple[float, float, float]
"""x at its back, x at its front, half of its width [m]."""
GLASS: Color = (0.03, 0.04, 0.05)
DARK: Color = (0.04, 0.04, 0.04)
RED: Color = (0.75, 0.02, 0.02)
WHITE: Color = (0.95, 0.93, 0.85)
BRAKING: Color = (3.0, 0.10, 0.06)


def _pick(rng: np.random.Generator, colors: tuple[Color, ...]) -> Color:
    color = colors[int(rng.integers(len(colors)))]
    shade = float(rng.uniform(0.8, 1.2))
    return color[0] * shade, color[1] * shade, color[2] * shade


def _lamps(
    front: float, back: float, half: float, z: float, tall: float, braking: bool
) -> list[Mesh]:
    """Two white lamps in front, two red ones behind, and the number plates."""
    parts = []
    for side in (-1, 1):
        y = side * (half - 0.22)
        parts.append(make_block((0.04, 0.34, 0.15), Material.LAMP, WHITE, (front, y, z)))
        parts.append(
            make_block((0.04, 0.26, tall), Material.LAMP, BRAKING if braking else RED, (back, y, z))
        )
    parts.append(
        make_block((0.03, 0.5, 0.12), Material.RETRO, (0.8, 0.8, 0.75), (back, 0.0, z - 0.22))
    )
    parts.append(
        make_block((0.03, 0.5, 0.12), Material.RETRO, (0.8, 0.8, 0.75), (front, 0.0, z - 0.22))
    )
    return parts


def build_car(rng: np.random.Generator, size: Size, braking: bool = False) -> Mesh:
    """Build a saloon, hatchback, estate, SUV, pick-up or van, by its height and by chance.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        braking: Whether its brake lamps are lit.
    """
    length, width, height = body_size(size)
    color = _pick(rng, CAR_COLORS)
    high = height > 1.75
    style = str(
        rng.choice(
            ["suv", "van", "pickup", "suv"] if high else ["saloon", "hatch", "estate", "saloon"]
        )
    )
    hood, boot, slope = {
        "saloon": (0.25, 0.16, 0.75), "hatch": (0.24, 0.01, 0.5), "estate": (0.26, 0.01, 0.25),
        "suv": (0.24, 0.01, 0.3), "van": (0.10, 0.005, 0.1), "pickup": (0.27, 0.40, 0.15),
    }[style]  # fmt: skip
    a, half = length / 2, width / 2
    belt = height * (0.60 if high else 0.57)
    sill = 0.17 * height
    front, back = a - hood * length, -a + boot * length
    top = (back + slope * 0.35 * (height - belt) * 2, front - 0.75 * (height - belt), half * 0.80)
    parts = [
        *_car_shell(a, half, sill, belt, color),
        *_car_cabin((back, front, half * 0.93), top, half, (belt, height), color),
        make_block(
            (length * 0.96, width * 0.9, 0.1), Material.PLASTIC, DARK, (0.0, 0.0, sill - 0.1)
        ),
        *_car_pillars(top, half, (belt, height), color),
    ]
    for side in (-1, 1):
        mirror = (front - 0.25, side * (half - 0.06), belt)
        parts.append(make_block((0.15, 0.16, 0.12), Material.PAINT, color, mirror))
    wheels = _car_wheels(length, half, min(0.36, 0.21 * height))
    lamps = _lamps(
        a - 0.02,
        -a + 0.02,
        half,
        belt * 0.66,
        0.35 if high or style in ("hatch", "estate") else 0.16,
        braking,
    )
    return merge_meshes(parts + wheels + lamps).fitted((length, width, height))


def _car_shell(a: float, half: float, sill: float, belt: float, color: Color) -> list[Mesh]:
    """Make the painted body below the windows, from the sill to the belt line."""
    waist = (-a * 0.99, a * 0.99, half)
    return [
        make_hexahedron((-a, a, half * 0.94), waist, (sill, belt * 0.72), Material.PAINT, color),
        make_hexahedron(
            waist, (-a * 0.97, a * 0.95, half * 0.94), (belt * 0.72, belt), Material.PAINT, color
        ),
    ]


def _car_cabin(
    foot: Rectangle, top: Rectangle, half: float, z: tuple[float, float], color: Color
) -> list[Mesh]:
    """Make the glass between the belt line and the roof, and the roof on it."""
    belt, height = z
    roof = (top[0] + 0.03, top[1] - 0.03, half * 0.78)
    return [
        make_hexahedron(foot, top, (belt, height - 0.05), Material.GLASS, GLASS),
        make_hexahedron(top, roof, (height - 0.05, height), Material.PAINT, color),
    ]


def _car_pillars(top: Rectangle, half: float, z: tuple[float, float], color: Color) -> list[Mesh]:
    """Make the two pillars between the windows."""
    (belt, height), middle = z, (top[0] + top[1]) / 2
    pillars = []
    for x in (middle, middle - 0.3 * (top[1] - top[0])):
        foot, head = (x - 0.05, x + 0.05, half * 0.94), (x - 0.05, x + 0.05, half * 0.81)
        pillars.append(make_hexahedron(foot, head, (belt, height - 0.04), Material.PAINT, color))
    return pillars


def _car_wheels(length: float, half: float, radius: float) -> list[Mesh]:
    """Four wheels, each before a dark wheel arch."""
    parts = []
    for x in (-0.31 * length, 0.32 * length):
        for side in (-1, 1):
            inner, outer = (x, side * (half - 0.3), radius * 1.05), (x, side * half, radius * 1.05)
            parts.append(make_tube(inner, outer, radius * 1.2, Material.PLASTIC, DARK, sides=10))
            parts.append(make_wheel(x, side * (half - 0.09), radius, 0.22, (0.45, 0.45, 0.47)))
    return parts


def build_truck(rng: np.random.Generator, size: Size, braking: bool = False) -> Mesh:
    """Build a cab with a box, a flat bed with a load, or a tanker behind.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        braking: Whether its brake lamps are lit.
    """
    length, width, height = body_size(size)
    color, livery = _pick(rng, CAR_COLORS[:2] + LIVERIES), _pick(rng, LIVERIES)
    a, half = length / 2, width / 2
    cab = float(min(2.1, 0.33 * length))
    cab_top = min(height, float(rng.uniform(2.2, 2.6)))
    parts = [
        make_hexahedron(
            (a - cab, a, half * 0.97),
            (a - cab, a - 0.08, half * 0.97),
            (0.45, cab_top * 0.55),
            Material.PAINT,
            color,
        ),
        make_hexahedron(
            (a - cab, a - 0.08, half * 0.97),
            (a - cab, a - 0.4, half * 0.92),
            (cab_top * 0.55, cab_top * 0.86),
            Material.GLASS,
            GLASS,
        ),
        make_hexahedron(
            (a - cab, a - 0.4, half * 0.92),
            (a - cab, a - 0.5, half * 0.9),
            (cab_top * 0.86, cab_top),
            Material.PAINT,
            color,
        ),
        make_block((length * 0.98, width * 0.5, 0.3), Material.METAL, DARK, (0.0, 0.0, 0.55)),
    ]
    kind = str(rng.choice(["box", "flat", "tank", "box"]))
    parts += _truck_load(kind, (length - cab - 0.15, width, height), -a, livery)
    axles = [0.5 - 0.5 * cab / length, -0.30] + ([-0.42] if length > 7 else [])
    parts += [make_wheel(x * length, s * (half - 0.16), 0.46, 0.3) for x in axles for s in (-1, 1)]
    return merge_meshes(parts + _lamps(a - 0.02, -a + 0.02, half, 0.75, 0.15, braking)).fitted(
        (length, width, height)
    )


def _truck_load(kind: str, size: Size, back: float, livery: Color) -> list[Mesh]:
    """A box, a tank, or a flat bed with a load, behind the cab."""
    rest, width, height = size
    middle = back + rest / 2
    if kind == "box":
        box = (rest, width, height - 0.85)
        return [make_block(box, Material.PAINT, livery, (middle, 0.0, 0.85))]
    if kind == "tank":
        z, radius = 0.85 + (height - 0.85) / 2, (height - 0.85) / 2
        ends = (back, 0, z), (back + rest, 0, z)
        return [make_tube(*ends, radius, Material.METAL, livery, sides=12)]
    load = (rest * 0.7, width * 0.8, height - 1.05)
    wall = (0.1, width, height - 0.85)
    return [
        make_block((rest, width, 0.2), Material.WOOD, (0.25, 0.18, 0.10), (middle, 0.0, 0.85)),
        make_block(load, Material.CLOTH, livery, (middle, 0.0, 1.05)),
        make_block(wall, Material.METAL, DARK, (back + rest, 0.0, 0.85)),
    ]


def build_bus(rng: np.random.Generator, size: Size, braking: bool = False) -> Mesh:
    """Build a city bus with a band of windows and doors on its right.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        braking: Whether its brake lamps are lit.
    """
    length, width, height = body_size(size)
    color, roof = _pick(rng, LIVERIES), _pick(rng, LIVERIES[:1])
    a, half = length / 2, width / 2
    ends = (-a, a, half)
    parts = [
        make_hexahedron(ends, ends, (0.3, 1.25), Material.PAINT, color),
        make_hexahedron(ends, (-a, a - 0.15, half), (1.25, height * 0.82), Material.GLASS, GLASS),
        make_hexahedron(
            (-a, a - 0.15, half),
            (-a + 0.1, a - 0.3, half * 0.95),
            (height * 0.82, height - 0.18),
            Material.PAINT,
            color,
        ),
        make_block(
            (length * 0.4, width * 0.6, 0.18),
            Material.PLASTIC,
            roof,
            (-length * 0.15, 0.0, height - 0.18),
        ),
        make_block(
            (0.05, width * 0.7, 0.28),
            Material.LAMP,
            (1.2, 0.6, 0.05),
            (a - 0.03, 0.0, height * 0.85),
        ),
    ]
    for k in range(1, 6):
        x = -a + k * length / 6
        parts += [
            make_block(
                (0.14, 0.03, height * 0.82 - 1.25), Material.PAINT, color, (x, s * half, 1.25)
            )
            for s in (-1, 1)
        ]
    parts += [
        make_block(
            (1.2, 0.04, height * 0.6), Material.GLASS, (0.06, 0.07, 0.08), (x * length, -half, 0.35)
        )
        for x in (0.4, -0.02)
    ]
    parts += [
        make_wheel(x * length, s * (half - 0.16), 0.48, 0.3) for x in (-0.28, 0.27) for s in (-1, 1)
    ]
    return merge_meshes(parts + _lamps(a - 0.01, -a + 0.01, half, 0.8, 0.35, braking)).fitted(
        (length, width, height)
    )


def build_trailer(rng: np.random.Generator, size: Size, braking: bool = False) -> Mesh:
    """Build a semi-trailer: box, container on a chassis, or flat bed.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        braking: Whether its brake lamps are lit.
    """
    length, width, height = body_size(size)
    livery = _pick(rng, LIVERIES)
    a, half = length / 2, width / 2
    kind = str(rng.choice(["box", "container", "bed"]))
    parts = [make_block((length, width * 0.45, 0.35), Material.METAL, DARK, (0.0, 0.0, 0.85))]
    if kind == "bed":
        parts.append(
            make_block((length, width, 0.2), Material.WOOD, (0.25, 0.18, 0.10), (0.0, 0.0, 1.2))
        )
        parts += [
            make_block(
                (length * 0.2, width * 0.8, height - 1.4),
                Material.WOOD,
                _pick(rng, LIVERIES),
                (x * length, 0.0, 1.4),
            )
            for x in (-0.3, 0.0, 0.3)
        ]
    else:
        parts.append(
            make_block((length, width, height - 1.2), Material.PAINT, livery, (0.0, 0.0, 1.2))
        )
        ribs = np.arange(-a + 0.6, a, 1.2) if kind == "container" else np.zeros(0)
        dark: Color = (livery[0] * 0.7, livery[1] * 0.7, livery[2] * 0.7)
        parts += [
            make_block(
                (0.5, width + 0.06, height - 1.5), Material.PAINT, dark, (float(x), 0.0, 1.35)
            )
            for x in ribs
        ]
    parts += [
        make_block((0.15, 0.15, 0.9), Material.METAL, DARK, (a * 0.5, s * half * 0.6, 0.0))
        for s in (-1, 1)
    ]
    parts += [
        make_wheel(x * length, s * (half - 0.16), 0.48, 0.3)
        for x in (-0.26, -0.35, -0.44)
        for s in (-1, 1)
    ]
    parts += _lamps(a - 0.02, -a + 0.02, half, 0.95, 0.15, braking)[1::2]
    return merge_meshes(parts).fitted((length, width, height))


def build_construction_vehicle(rng: np.random.Generator, size: Size, braking: bool = False) -> Mesh:
    """Build an excavator on tracks or a wheel loader, with its arm.

    Args:
        rng: Generator of the looks.
        size: Length, width, height of the box [m].
        braking: Without effect, because the machines have no brake lamps.
    """
    size = body_size(size)
    color = _pick(rng, WORKS_COLORS)
    parts = _excavator(size, color) if rng.random() < 0.55 else _wheel_loader(size, color)
    length, width, height = size
    lamp = (-length * 0.08, width / 2 * 0.4)
    parts.append(
        make_tube(
            (*lamp, height - 0.02), (*lamp, height + 0.15), 0.09, Material.LAMP, (2.0, 0.7, 0.0)
        )
    )
    return merge_meshes(parts).fitted(size)


def _excavator(size: Size, color: Color) -> list[Mesh]:
    """Two tracks, a body, a cabin with a roof, and an arm of two parts with a bucket."""
    length, width, height = size
    a, half = length / 2, width / 2
    parts = [
        make_block(
            (length * 0.6, 0.5, 0.8),
            Material.RUBBER,
            DARK,
            (-length * 0.18, s * (half - 0.25), 0.0),
        )
        for s in (-1, 1)
    ]
    parts += [
        make_block(
            (length * 0.5, width * 0.85, 0.9),
            Material.PAINT,
            color,
            (-a + length * 0.26, 0.0, 0.85),
        ),
        make_block(
            (1.3, 1.0, height - 1.0), Material.GLASS, GLASS, (-length * 0.08, half * 0.4, 1.0)
        ),
        make_block(
            (1.35, 1.05, 0.12),
            Material.PAINT,
            color,
            (-length * 0.08, half * 0.4, height - 0.12),
        ),
        make_tube(
            (-length * 0.1, -0.2, 1.5),
            (length * 0.25, -0.2, height - 0.2),
            0.22,
            Material.PAINT,
            color,
            sides=5,
        ),
        make_tube(
            (length * 0.25, -0.2, height - 0.2),
            (a - 0.35, -0.2, 0.9),
            0.17,
            Material.PAINT,
            color,
            sides=5,
        ),
        make_hexahedron(
            (a - 0.8, a, 0.5),
            (a - 0.5, a - 0.1, 0.5),
            (0.2, 0.95),
            Material.METAL,
            (0.2, 0.2, 0.2),
        ),
    ]
    return parts


def _wheel_loader(size: Size, color: Color) -> list[Mesh]:
    """A body, a cabin with a roof, an arm with a shovel, and four wheels."""
    length, width, height = size
    a, half = length / 2, width / 2
    parts = [
        make_block(
            (length * 0.42, width * 0.7, 0.9),
            Material.PAINT,
            color,
            (-a + length * 0.21, 0.0, 0.8),
        ),
        make_block((1.4, 1.3, height - 1.4), Material.GLASS, GLASS, (-length * 0.04, 0.0, 1.4)),
        make_block((1.5, 1.4, 0.12), Material.PAINT, color, (-length * 0.04, 0.0, height - 0.12)),
        make_tube((length * 0.1, 0, 1.2), (a - 0.6, 0, 0.6), 0.25, Material.PAINT, color, sides=5),
        make_hexahedron(
            (a - 0.9, a, half),
            (a - 0.6, a - 0.25, half),
            (0.1, 1.1),
            Material.METAL,
            (0.25, 0.22, 0.12),
        ),
    ]
    parts += [
        make_wheel(x * length, s * (half - 0.3), 0.68, 0.5, color)
        for x in (-0.32, 0.2)
        for s in (-1, 1)
    ]
    return parts


BUILDERS: dict[str, Callable[[np.random.Generator, Size, bool], Mesh]] = {
    "car": build_car,
    "truck": build_truck,
    "bus": build_bus,
    "trailer": build_trailer,
    "construction_vehicle": build_construction_vehicle,
}
