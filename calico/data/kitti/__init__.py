"""The layout of KITTI's object benchmark: read to be converted, and written."""

from calico.data.kitti.source import KittiSource
from calico.data.kitti.write import write_kitti

__all__ = ["KittiSource", "write_kitti"]
