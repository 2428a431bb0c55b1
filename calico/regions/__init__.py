"""Semantic-rich regions of a point cloud, found by LiDAR alone: ground removal, clustering, filters (CALICO's first step).

`calico.regions.coverage` compares them with labels, for reports; nothing here reads a box or a map.
"""

from calico.regions.cache import cached_regions, prepare_regions
from calico.regions.find import PROTOTYPE, find_regions

__all__ = ["PROTOTYPE", "cached_regions", "find_regions", "prepare_regions"]
