"""DBSCAN against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from calico.frame import Float64, Int64
from calico.regions.dbscan import dbscan


def same_partition(a: Int64, b: Int64) -> bool:
    """Two numberings of the same groups."""
    pairs = np.unique(np.stack([a, b]), axis=1)
    return len(pairs[0]) == len(np.unique(a)) == len(np.unique(b))


def world(seed: int, dimensions: int) -> Float64:
    """Dense blobs, a thin chain of single points, scattered noise, duplicates."""
    rng = np.random.default_rng(seed)
    blobs = [
        rng.normal(middle, 0.4, (rng.integers(3, 150), dimensions))
        for middle in rng.uniform(0, 14, (15, dimensions))
    ]
    chain = np.zeros((40, dimensions))
    chain[:, 0] = np.arange(40) * 0.18
    points = np.concatenate([*blobs, chain, rng.uniform(0, 14, (60, dimensions))])
    return np.concatenate([points, points[::17]])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("min_points", [1, 5, 12])
def test_dbscan_is_that_of_scikit_learn(seed: int, dimensions: int, min_points: int) -> None:
    points = world(seed, dimensions)
    found = dbscan(points, 0.75, min_points)
    reference = DBSCAN(eps=0.75, min_samples=min_points).fit(points)
    core = reference.core_sample_indices_
    assert same_partition(found[core], reference.labels_[core])
    assert np.array_equal(found == -1, reference.labels_ == -1)
    assert set(found[core]) == set(range(found.max() + 1))


def test_a_border_point_goes_to_the_nearest_core_point() -> None:
    """It is 0.7 m from the last core point of one cluster and 0.6 m from the first of the other,
    and has three neighbours."""
    x = [-0.6] * 4 + [0.0] + [0.7] + [1.3] + [1.9] * 4
    assert dbscan(np.array([[value, 0.0] for value in x]), 0.75, 5).tolist() == [0] * 5 + [1] * 6


def test_groups_joined_by_one_pair_far_from_their_middles() -> None:
    """Two rows of stacks, whose ends alone are within 0.75 m: no nearest neighbours of each other,
    so cells are compared."""
    row = np.repeat(np.column_stack([np.arange(10) * 0.3, np.zeros(10)]), 20, axis=0)
    for gap, clusters in ((0.74, 1), (0.76, 2)):
        other = row + np.array([row[:, 0].max() + gap, 0])
        assert dbscan(np.concatenate([row, other]), 0.75, 5).max() + 1 == clusters
