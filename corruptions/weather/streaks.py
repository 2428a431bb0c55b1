"""Drops and flakes near a camera that are large enough to be seen one by one."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Bool, Float32, Float64, FrameLike, Int64
from corruptions.imaging.resample import cell_size, grow_map
from corruptions.weather.particles import Particles

SMALLEST_PX = 0.5
"""Particles that look smaller than this are part of the haze [px]."""
NEAREST_M = 0.3
EXPOSURE_S = 0.004
APERTURE_MM = 2.0
"""Aperture of the lens [mm].

The camera is focused far away, so that what is near is out of focus by this much.
"""
LEVELS = 5
"""Number of cell sizes: 1, 2, 4 ... 2^(LEVELS - 1) pixels.

Each particle is drawn in the cells nearest to how wide it looks.
"""
LONGEST = 96
"""Cells along a streak at most."""


def cover_image(
    frame: FrameLike,
    view: int,
    range_m: Float32,
    particles: Particles,
    wind: Float64,
    rng: np.random.Generator,
) -> Float32:
    """Draw how much of every pixel is covered by drops or flakes during the exposure.

    Particles that look wider than SMALLEST_PX are drawn from the size distribution, uniform in the
    volume that the camera sees. During the exposure each falls and drifts with the wind, which
    smears its cross-section over a streak. A near one is larger, longer and more out of focus.
    Those behind what the image shows are left out.

    Args:
        frame: Frame with the camera.
        view: Number of the camera.
        range_m: (h, w) distance of what the image shows [m], on cells of `cell_size` pixels.
        particles: What is in the air.
        wind: (3,) wind [m/s, ego frame].
        rng: Random generator.

    Returns:
        (H, W) float32 share, 0..1.

    Source:
        Garg & Nayar, IJCV 2007.
    """
    image, K = frame.images[view], frame.camera_K[view]
    position, diameter_mm = draw_particles(particles, K, image.shape[1], image.shape[0], rng)
    velocity = (
        np.zeros_like(position)
        + frame.camera_T_lidar[view, :3, :3] @ frame.ego_T_lidar[:3, :3].T @ wind
    )
    down = (
        frame.camera_T_lidar[view, :3, :3]
        @ frame.ego_T_lidar[:3, :3].T
        @ np.array([0.0, 0.0, -1.0])
    )
    velocity += particles.fall_speed(diameter_mm)[:, None] * down
    start, end = position - velocity * EXPOSURE_S / 2, position + velocity * EXPOSURE_S / 2
    distance = np.linalg.norm(position, axis=1)
    seen = (np.minimum(start[:, 2], end[:, 2]) > NEAREST_M / 2) & ~_hidden(
        position, distance, K, range_m, cell_size(image)
    )
    a, b = _pixels(start[seen], K), _pixels(end[seen], K)
    focal = float(np.sqrt(K[0, 0] * K[1, 1]))
    per_mm = focal / distance[seen] / 1e3
    area = np.pi / 4 * (diameter_mm[seen] * per_mm) ** 2
    width = (diameter_mm[seen] + APERTURE_MM) * per_mm
    level = np.clip(np.rint(np.log2(np.maximum(width, 1.0))), 0, LEVELS - 1).astype(np.int64)
    total = np.zeros(image.shape[:2], np.float32)
    for k in range(LEVELS):
        chosen = level == k
        if chosen.any():
            total += splat_streaks(a[chosen], b[chosen], area[chosen], 2**k, *image.shape[:2])
    return -np.expm1(-total)


def draw_particles(
    particles: Particles, K: Float64, width: int, height: int, rng: np.random.Generator
) -> tuple[Float64, Float64]:
    """Draw the particles that a camera sees one by one.

    One of diameter D is seen up to r = kappa D with kappa = focal / SMALLEST_PX. Within the solid
    angle Omega of the image there are Omega kappa^3 / 3 integral of D^3 N(D) dD = 2 Omega kappa^3
    n0 / slope^4 of them on average. Their diameters follow a Gamma distribution of order 4, and
    their ranges are r = kappa D u^(1/3) with u uniform.

    Args:
        particles: What is in the air.
        K: (3, 3) pinhole matrix of the camera [px].
        width: Width of the image [px].
        height: Height of the image [px].
        rng: Random generator.

    Returns:
        (M, 3) positions in the camera's frame [m] and (M,) diameters [mm].
    """
    focal = float(np.sqrt(K[0, 0] * K[1, 1]))
    kappa = focal / SMALLEST_PX / 1e3
    candidates = width * height / focal**2 * 2 * kappa**3 * particles.n0 / particles.slope**4
    m = int(rng.poisson(candidates))
    u, v = rng.uniform(-0.5, width - 0.5, m), rng.uniform(-0.5, height - 0.5, m)
    ray = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(m)], axis=1)
    length = np.linalg.norm(ray, axis=1)
    diameter_mm = rng.standard_gamma(4.0, m) / particles.slope
    r = kappa * diameter_mm * np.cbrt(rng.random(m))
    keep = (rng.random(m) < length**-3) & (r > NEAREST_M)  # a pixel's solid angle falls with cos^3
    return (ray / length[:, None] * r[:, None])[keep], diameter_mm[keep]


def splat_streaks(
    start: Float64, end: Float64, area: Float64, cell: int, height: int, width: int
) -> Float32:
    """Spread streaks over the pixels that they cover.

    The area of a streak is spread evenly along it, bilinearly on cells of cell x cell pixels, and
    then brought back to pixels.

    Args:
        start: (M, 2) u, v of the streaks' starts [px].
        end: (M, 2) u, v of their ends [px].
        area: (M,) covered area [px^2].
        cell: Pixels along the side of a cell.
        height: Height of the image [px].
        width: Width of the image [px].

    Returns:
        (height, width) float32 covered share of every pixel.
    """
    rows, columns = -(-height // cell) + 1, -(-width // cell) + 1
    a, b = (
        (start + 0.5) / cell + 0.5,
        (end + 0.5) / cell + 0.5,
    )  # one cell of margin at the left and the top
    steps = np.clip(np.ceil(np.linalg.norm(b - a, axis=1)), 1, LONGEST).astype(np.int64)
    streak: Int64 = np.repeat(np.arange(len(a)), steps)
    number = np.arange(len(streak)) - np.repeat(np.cumsum(steps) - steps, steps)
    along = ((number + 0.5) / steps[streak])[:, None]
    place = a[streak] * (1 - along) + b[streak] * along
    inside = ((place >= 0) & (place < (columns, rows))).all(axis=1)
    place, weight = place[inside], (area / steps)[streak][inside] / cell**2
    corner = place.astype(np.int64)
    part = place - corner
    first = corner[:, 1] * (columns + 1) + corner[:, 0]
    grid = np.zeros((rows + 1) * (columns + 1))
    for dv, row_part in ((0, 1 - part[:, 1]), (columns + 1, part[:, 1])):
        for du, column_part in ((0, 1 - part[:, 0]), (1, part[:, 0])):
            grid += np.bincount(
                first + dv + du, weight * row_part * column_part, minlength=len(grid)
            )
    cells = grid.reshape(rows + 1, columns + 1)[1:, 1:].astype(np.float32)
    return grow_map(cells, cell, height, width) if cell > 1 else cells[:height, :width]


def _pixels(position: Float64, K: Float64) -> Float64:
    """Project positions (M, 3) to u, v (M, 2)."""
    pixels = position @ K.T
    result: Float64 = pixels[:, :2] / pixels[:, 2:]
    return result


def _hidden(position: Float64, distance: Float64, K: Float64, range_m: Float32, cell: int) -> Bool:
    """Find the particles (M,) behind what the image shows."""
    index = ((_pixels(position, K) + 0.5) / cell).astype(np.int64)
    column = np.clip(index[:, 0], 0, range_m.shape[1] - 1)
    row = np.clip(index[:, 1], 0, range_m.shape[0] - 1)
    result: Bool = distance > range_m[row, column]
    return result
