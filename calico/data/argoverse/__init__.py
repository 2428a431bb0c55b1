"""The layout of Argoverse 2's sensor data set: read to be converted, and written."""

from calico.data.argoverse.source import ArgoverseSource
from calico.data.argoverse.write import write_argoverse

__all__ = ["ArgoverseSource", "write_argoverse"]
