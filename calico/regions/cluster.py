"""Clusters of points by DBSCAN or on a grid."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from calico.config.training import RegionConfig
from calico.frame import Float64, Int64
from calico.regions.dbscan import connect_components, dbscan


def cluster_points(xyz: Float64, config: RegionConfig) -> Int64:
    """Cluster points that stand together.

    Args:
        xyz: (N, 3) points [m].
        config: Method and its settings.

    Returns:
        (N,) cluster of each point, numbered from 0, or -1 for noise.
    """
    if not len(xyz):
        return np.zeros(0, np.int64)
    if config.method == "grid":
        return _grid(xyz, config.eps_m, config.min_points)
    return dbscan(
        xyz[:, : 2 if config.method == "dbscan_xy" else 3], config.eps_m, config.min_points
    )


def _grid(xyz: Float64, cell_m: float, min_points: int) -> Int64:
    """Join occupied cells over x and y that touch (eight neighbours).

    Groups of fewer than min_points points are noise.
    """
    cells, cell_of = np.unique(np.floor(xyz[:, :2] / cell_m), axis=0, return_inverse=True)
    touching = cKDTree(cells).query_pairs(1.5, output_type="ndarray")
    labels = connect_components(touching.T, len(cells))[cell_of.ravel()]
    size = np.bincount(labels)
    return np.where(size >= min_points, np.cumsum(size >= min_points) - 1, -1)[labels]
