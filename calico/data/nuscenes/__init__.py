"""nuScenes v1.0 and everything in its format, read by our own reader of the tables and maps."""

from calico.data.nuscenes.source import NuScenesSource

__all__ = ["NuScenesSource"]
