"""The embedded simulator: a procedural driving world with LiDAR and six cameras.

See docs/explanation/simulator.md.
"""

from calico.extras import require_extra

require_extra("the simulator (the default data source)", "sim")  # before the modules that import it

from calico.data.sim.source import SIM_VERSION, SimSource  # noqa: E402

__all__ = ["SIM_VERSION", "SimSource"]
