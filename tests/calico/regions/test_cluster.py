"""Clusters by every method."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from calico.config.training import RegionConfig
from calico.frame import Int64
from calico.regions.cluster import cluster_points


def same_partition(a: Int64, b: Int64) -> bool:
    """Two numberings of the same groups."""
    pairs = np.unique(np.stack([a, b]), axis=1)
    return len(pairs[0]) == len(np.unique(a)) == len(np.unique(b))


def test_xy_ignores_height_and_xyz_does_not() -> None:
    points = np.array([[0.0, 0, z] for z in (0, 0, 0, 0, 0, 3, 3, 3, 3, 3)])
    assert cluster_points(points, RegionConfig(method="dbscan_xy")).max() == 0
    assert cluster_points(points, RegionConfig(method="dbscan_xyz")).max() == 1


def test_grid_against_ndimage_label() -> None:
    xyz = np.random.default_rng(5).uniform(0, 30, (500, 3))
    found = cluster_points(xyz, RegionConfig(method="grid", eps_m=0.8, min_points=4))
    cells = np.floor(xyz[:, :2] / 0.8).astype(int)
    occupied = np.zeros(cells.max(axis=0) + 1, np.bool_)
    occupied[tuple(cells.T)] = True
    reference = ndimage.label(occupied, np.ones((3, 3)))[0][tuple(cells.T)]
    large = np.bincount(reference)[reference] >= 4
    assert 0 < large.sum() < len(xyz)
    assert np.array_equal(found >= 0, large)
    assert same_partition(found[large], reference[large])
    assert set(found[large]) == set(range(found.max() + 1))


def test_nothing_gives_nothing() -> None:
    for method in ("dbscan_xy", "dbscan_xyz", "grid"):
        assert cluster_points(np.zeros((0, 3)), RegionConfig(method=method)).shape == (0,)
