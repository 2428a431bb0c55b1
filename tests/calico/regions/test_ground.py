"""Ground of synthetic scenes whose heights are known."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Float64
from calico.regions.ground import fit_gpf, fit_plane, fit_ransac


def slope(xy: Float64) -> Float64:
    """A road that climbs by 3 % ahead and falls by 1 % to the left, 1.8 m below the sensor."""
    return 0.03 * xy[:, 0] - 0.01 * xy[:, 1] - 1.8


def scene(seed: int = 0) -> tuple[Float64, Float64]:
    """Points (N, 3) of the slope with 2 cm of noise and of things on it, and how high each is above
    it (N,)."""
    rng = np.random.default_rng(seed)
    ground = rng.uniform(-40, 40, (6000, 2))
    things = np.concatenate(
        [rng.uniform(-1, 1, (200, 2)) + middle for middle in rng.uniform(-35, 35, (10, 2))]
    )
    xy = np.concatenate([ground, things])
    height = np.concatenate([rng.normal(0, 0.02, len(ground)), rng.uniform(0.4, 2.0, len(things))])
    return np.column_stack([xy, slope(xy) + height]), height


@pytest.mark.parametrize("method", [fit_gpf, fit_ransac])
def test_a_sloped_plane_is_recovered(method) -> None:  # type: ignore[no-untyped-def]
    xyz, height = scene()
    found = method(xyz)
    assert np.abs(found.height_m - height).max() < 0.06
    assert np.array_equal(found.is_ground, height < 0.2)


def test_gpf_follows_a_road_that_bends_and_ransac_has_one_plane() -> None:
    """Level up to x = 10 m, then 4 % up: 1.2 m at 40 m."""
    rng = np.random.default_rng(1)
    xy = rng.uniform(-40, 40, (8000, 2))
    xyz = np.column_stack([xy, 0.04 * np.maximum(xy[:, 0] - 10, 0) - 1.8])
    assert fit_gpf(xyz).is_ground.mean() > 0.99
    assert fit_ransac(xyz).is_ground.mean() < 0.9


def test_gpf_leaves_a_strip_without_road_to_the_plane_further_in() -> None:
    """From x = 20 m on, only a hedge from 1 to 2 m above the road is seen."""
    rng = np.random.default_rng(2)
    road = np.column_stack([rng.uniform(-20, 20, (4000, 2)), np.full(4000, -1.8)])
    hedge = np.column_stack(
        [rng.uniform(20, 50, 600), rng.uniform(-20, 20, 600), rng.uniform(-0.8, 0.2, 600)]
    )
    found = fit_gpf(np.concatenate([road, hedge]))
    assert found.is_ground[:4000].all()
    assert not found.is_ground[4000:].any()
    assert found.height_m[4000:] == pytest.approx(hedge[:, 2] + 1.8, abs=1e-6)


def test_gpf_ignores_mirror_images_below_the_road() -> None:
    xyz, height = scene()
    mirrored = np.column_stack([np.linspace(1, 9, 20), np.full(20, 2.0), np.full(20, -4.5)])
    found = fit_gpf(np.concatenate([xyz, mirrored]))
    assert np.abs(found.height_m[: len(xyz)] - height).max() < 0.06
    assert found.is_ground[len(xyz) :].all()


def test_ransac_prefers_the_ground_to_a_fuller_plane_above_it() -> None:
    """Half again as many points lie on hoods 0.9 m above the road."""
    rng = np.random.default_rng(3)
    road = np.column_stack([rng.uniform(-30, 30, (2000, 2)), np.full(2000, -1.8)])
    hoods = np.column_stack([rng.uniform(-30, 30, (3000, 2)), np.full(3000, -0.9)])
    found = fit_ransac(np.concatenate([road, hoods]))
    assert found.is_ground[:2000].all()
    assert not found.is_ground[2000:].any()


@pytest.mark.parametrize("method", [fit_gpf, fit_ransac])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_tiny_clouds(method, count: int) -> None:  # type: ignore[no-untyped-def]
    found = method(np.arange(3.0 * count).reshape(count, 3) * [1, 1, 0] + [0, 0, -1.8])
    assert found.height_m == pytest.approx(np.zeros(count))
    assert found.is_ground.all()


def test_fit_plane_against_a_known_one_and_what_is_none() -> None:
    rng = np.random.default_rng(4)
    xy = rng.uniform(-5, 5, (50, 2))
    assert fit_plane(np.column_stack([xy, slope(xy)])) == pytest.approx([0.03, -0.01, -1.8])
    wall = np.column_stack([xy[:, 0], np.zeros(50), xy[:, 1]])
    line = np.arange(5.0)[:, None] * [1.0, 2.0, 0.1]
    assert fit_plane(wall) is None
    assert fit_plane(line) is None
