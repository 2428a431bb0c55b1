"""The embedded simulator: a procedural driving world with LiDAR and six cameras. See docs/explanation/simulator.md."""

from calico.data.sim.source import SIM_VERSION, SimSource

__all__ = ["SIM_VERSION", "SimSource"]
