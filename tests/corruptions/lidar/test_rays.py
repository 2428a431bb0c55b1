import numpy as np

from calico.frame import Frame
from corruptions.lidar.rays import ray_origins


def test_every_ray_begins_where_its_sweep_was_measured(street: Frame) -> None:
    # The older sweep was measured 0.5 m behind.
    origins = ray_origins(street)
    assert origins.dtype == np.float32
    assert not origins[street.sweep_index == 0].any()
    assert (origins[street.sweep_index == 1] == np.array([-0.5, 0, 0], np.float32)).all()
