"""The semantic-rich regions of one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from calico.config.training import RegionConfig
from calico.frame import Float64, Frame, Int64
from calico.regions.cluster import cluster_points
from calico.regions.ground import fit_gpf, fit_ransac

PROTOTYPE = RegionConfig(
    method="dbscan_xy",
    ground="gpf",
    eps_m=0.75,
    min_points=5,
    area_m2=(0.25, 20.0),
    top_m=(0.25, 4.84),
    min_side_ratio=0.1,
    ego_radius_m=1.5,
)
"""Settings of the first author's public prototype.

Its heights in the sensor's frame (-1.59 and 3.0 m, the sensor at 1.84 m) are written as heights
above ground. docs/explanation/regions.md shows what they keep."""


@dataclass(frozen=True)
class Shape:
    """Measures of a cluster that the filters use.

    Attributes:
        area_m2: Area of the convex hull seen from above [m^2].
        top_m: Height of the highest point above ground [m].
        side_ratio: Shorter over longer side of the rectangle of least area around it.
        range_m: Distance of the mean of its points from the sensor [m].
    """

    area_m2: float
    top_m: float
    side_ratio: float
    range_m: float


def find_regions(frame: Frame, config: RegionConfig) -> npt.NDArray[np.int32]:
    """Find the semantic-rich regions of a frame from its points alone.

    Ground is removed (`regions.ground`), and the rest is clustered (`regions.cluster`). CALICO uses
    DBSCAN with eps 0.75 m and 5 points, on x and y as in the first author's prototype. Clusters
    that are too large, too high, too low, too thin or the vehicle itself are dropped. The paper
    names the first two limits without figures. The defaults are ours (docs/explanation/regions.md).

    Args:
        frame: Frame whose points of all sweeps are read, never boxes or map.
        config: Method and limits.

    Returns:
        (N,) region of each point, 0 to R - 1 without gaps, or -1 for points outside regions
        (ground, noise, dropped clusters). The same points in any other order get the same regions.
    """
    xyz = frame.points[:, :3].astype(np.float64)
    order = np.lexsort(xyz.T)
    ids = np.empty(len(xyz), np.int32)
    ids[order] = _regions(xyz[order], config)
    return ids


def _regions(xyz: Float64, config: RegionConfig) -> npt.NDArray[np.int32]:
    ground = fit_gpf(xyz) if config.ground == "gpf" else fit_ransac(xyz)
    standing = np.flatnonzero(~ground.is_ground & (ground.height_m <= (config.ceiling_m or np.inf)))
    labels = cluster_points(xyz[standing], config)
    ids = np.full(len(xyz), -1, np.int32)
    kept = 0
    for members in _members(labels):
        points = standing[members]
        if _passes(cluster_shape(xyz[points, :2], ground.height_m[points]), config):
            ids[points] = kept
            kept += 1
    return ids


def _members(labels: Int64) -> list[Int64]:
    """The points of each cluster, in the order of its number."""
    order = np.argsort(labels, kind="stable")
    sorted_labels = labels[order]
    first = np.searchsorted(sorted_labels, np.arange(sorted_labels[-1] + 2 if len(labels) else 1))
    return np.split(order, first)[1:-1]


def cluster_shape(xy: Float64, height_m: Float64) -> Shape:
    """Measure a cluster.

    Args:
        xy: (n, 2) points, with the sensor at the origin [m].
        height_m: (n,) heights above ground [m].
    """
    hull = shapely.MultiPoint(xy).convex_hull
    corners = shapely.get_coordinates(hull)
    return Shape(
        float(hull.area),
        float(height_m.max()),
        _side_ratio(corners),
        float(np.linalg.norm(xy.mean(axis=0))),
    )


def _side_ratio(hull: Float64) -> float:
    """Return shorter over longer side of the rectangle of least area, or 0 for a line.

    One of the rectangle's sides lies on a side of the hull.
    """
    edges = np.diff(hull, axis=0)
    edges = edges[np.linalg.norm(edges, axis=1) > 0]
    if not len(edges):
        return 1.0
    along = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    lengths, widths = np.ptp(hull @ along.T, axis=0), np.ptp(hull @ across.T, axis=0)
    best = int((lengths * widths).argmin())
    return float(min(lengths[best], widths[best]) / max(lengths[best], widths[best]))


def _passes(shape: Shape, config: RegionConfig) -> bool:
    return (
        config.area_m2[0] <= shape.area_m2 <= config.area_m2[1]
        and config.top_m[0] <= shape.top_m <= config.top_m[1]
        and shape.side_ratio >= config.min_side_ratio
        and shape.range_m >= config.ego_radius_m
    )
