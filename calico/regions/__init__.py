"""Semantic-rich regions of a point cloud, found by LiDAR alone.

Ground is removed, the rest is clustered and filtered (CALICO's first step). Nothing here reads a
box or a map, except `calico.regions.coverage`, which compares regions with labels for reports.
"""

from calico.regions.cache import cached_regions, prepare_regions
from calico.regions.find import PROTOTYPE, find_regions

__all__ = ["PROTOTYPE", "cached_regions", "find_regions", "prepare_regions"]
