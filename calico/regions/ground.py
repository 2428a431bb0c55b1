"""Which points are ground, and how high the others stand above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64
from calico.seeds import make_generator

STRIP_M = 10.0
LOWEST_POINTS = 50
ITERATIONS = 5
SEED_THRESHOLD_M = 0.5
DISTANCE_M = 0.2
CONTINUITY_M = 0.3
"""Where a strip meets the plane of the strips further in, at the most (ours)."""
MAX_TILT_DEG = 15.0
"""A steeper plane is a wall or a hedge, not ground (ours)."""
RANSAC_DRAWS = 100
RANSAC_LOW_SHARE = 1 / 3

Plane = Float64
"""(3,): a, b, c of the height z = a x + b y + c [m]."""


@dataclass(frozen=True)
class Fit:
    """A plane and the points that support it.

    Attributes:
        plane: (3,) a, b, c of the height z = a x + b y + c [m].
        points: (n, 3) points [m].
    """

    plane: Plane
    points: Float64


@dataclass(frozen=True)
class Ground:
    """Heights of points above the ground.

    Attributes:
        height_m: (N,) vertical distance above the ground [m].
        is_ground: (N,) True for points nearer to the plane than 0.2 m, or below it.
    """

    height_m: Float64
    is_ground: Bool


def fit_gpf(xyz: Float64) -> Ground:
    """Fit the ground in strips of 10 m along x, with the parameters of CALICO's prototype.

    In each strip the seeds are the points less than 0.5 m above the 50 lowest. Then, five times, a
    plane is fitted by singular value decomposition, and the points within 0.2 m of it are the next
    seeds. Ground is what is less than 0.2 m above the plane, or below it.

    Args:
        xyz: (N, 3) points [m, LiDAR frame].

    Source:
        Ground-plane fitting (Zermas et al., ICRA 2017, algorithm 1). Deviations: the median of the
        50 lowest replaces their mean, and seeds lie within 0.2 m on both sides, since mirror images
        below the road pull the plane down. A strip uses the plane through the ground of the two
        strips further in if it has no plane, one tilted by more than 15 degrees, or one more than
        0.3 m off that plane: far away the road is hidden and the lowest points are on walls and
        trees. Strips are followed outward from the one with most ground.
    """
    if not len(xyz):
        return Ground(np.zeros(0), np.zeros(0, np.bool_))
    strip = np.floor(xyz[:, 0] / STRIP_M).astype(np.int64)
    found = {int(index): _strip_fit(xyz[strip == index]) for index in np.unique(strip)}
    base = max(found, key=lambda index: len(found[index].points))
    planes: dict[int, Plane] = {}
    for outward in (
        sorted(i for i in found if i >= base),
        sorted((i for i in found if i <= base), reverse=True),
    ):
        inner = [found[base], found[base]]
        for index in outward:
            planes[index], inner = _continued(found[index], inner)
    return _above(xyz, np.stack([planes[int(index)] for index in strip]))


def fit_ransac(xyz: Float64) -> Ground:
    """Fit one plane to the whole cloud by random sampling with a fixed seed.

    It tries 100 planes through three points of the lowest third. The best has most points within
    0.2 m, less those further below: the hoods of parked cars lie in a plane too, but ground has
    nothing beneath it. The best plane is fitted to its points by least squares. Planes tilted by
    more than 15 degrees do not count.

    Args:
        xyz: (N, 3) points [m, LiDAR frame].

    Source:
        Fischler and Bolles 1981.
    """
    if not len(xyz):
        return Ground(np.zeros(0), np.zeros(0, np.bool_))
    low = xyz[xyz[:, 2] <= np.quantile(xyz[:, 2], RANSAC_LOW_SHARE)]
    best, most = np.array([0.0, 0.0, _lowest(xyz)]), 0
    for triple in make_generator(0, "regions", "ransac").integers(0, len(low), (RANSAC_DRAWS, 3)):
        plane = fit_plane(low[triple])
        if plane is None:
            continue
        distance = _distance(xyz, plane)
        near = abs(distance) < DISTANCE_M
        score = int(near.sum()) - int((distance <= -DISTANCE_M).sum())
        if score > most:
            refined = fit_plane(xyz[near])
            best, most = plane if refined is None else refined, score
    return _above(xyz, best)


def fit_plane(xyz: Float64) -> Plane | None:
    """Fit the plane of least squared distance to (n, 3) points.

    Returns:
        The plane, or None if the points are on a line or the plane is tilted too much.
    """
    if len(xyz) < 3:
        return None
    middle = xyz.mean(axis=0)
    _, spread, axes = np.linalg.svd((xyz - middle).T @ (xyz - middle))
    a, b, c = axes[2]
    if spread[1] <= 1e-9 * max(spread[0], 1e-9) or abs(c) < np.cos(np.deg2rad(MAX_TILT_DEG)):
        return None
    return np.array([-a / c, -b / c, middle @ axes[2] / c])


def _strip_fit(xyz: Float64) -> Fit:
    level = np.array([0.0, 0.0, _lowest(xyz)])
    fit = Fit(level, xyz[:0])
    seeds = xyz[_height(xyz, level) < SEED_THRESHOLD_M]
    for _ in range(ITERATIONS):
        plane = fit_plane(seeds)
        if plane is None:
            return Fit(level, xyz[:0])
        seeds = xyz[abs(_distance(xyz, plane)) < DISTANCE_M]
        fit = Fit(plane, seeds)
    return fit


def _continued(fit: Fit, inner: list[Fit]) -> tuple[Plane, list[Fit]]:
    """Choose the plane of a strip and the strips that the next one follows.

    Args:
        fit: What was fitted to the strip.
        inner: The two strips that this one follows.
    """
    onward = fit_plane(np.concatenate([inner[0].points, inner[1].points]))
    if onward is None:
        onward = inner[1].plane
    if len(fit.points):
        middle = fit.points.mean(axis=0, keepdims=True)
        if abs(_height(middle, onward) - _height(middle, fit.plane))[0] <= CONTINUITY_M:
            return fit.plane, [inner[1], fit]
    return onward, inner


def _lowest(xyz: Float64) -> float:
    """Median height of the 50 lowest points."""
    count = min(LOWEST_POINTS, len(xyz))
    return float(np.median(np.partition(xyz[:, 2], count - 1)[:count]))


def _height(xyz: Float64, plane: Plane) -> Float64:
    """(N,) above planes (3,) or (N, 3)."""
    result: Float64 = (
        xyz[:, 2] - plane[..., 0] * xyz[:, 0] - plane[..., 1] * xyz[:, 1] - plane[..., 2]
    )
    return result


def _distance(xyz: Float64, plane: Plane) -> Float64:
    """(N,) signed, at right angles to the plane."""
    result: Float64 = _height(xyz, plane) / np.sqrt(1 + plane[..., 0] ** 2 + plane[..., 1] ** 2)
    return result


def _above(xyz: Float64, plane: Plane) -> Ground:
    return Ground(_height(xyz, plane), _distance(xyz, plane) < DISTANCE_M)
