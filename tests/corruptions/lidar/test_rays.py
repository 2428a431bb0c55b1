import numpy as np

from calico.frame import Frame
from corruptions.lidar.rays import ray_origins


def test_every_ray_begins_where_its_sweep_was_measured(street: Frame) -> None:
    # The older sweep was measured 0.5 m behind.
    origins = ray_origins(street)
    assert origins.dtype == np.float32
    assert not origins[street.sweep_index == 0].any()
    assert (origins[street.sweep_index == 1] == np.array([-0.5, 0, 0], np.float32)).all()


def test_several_lidars_have_origins_of_their_own(street: Frame) -> None:
    """The second LiDAR stands 2 m to the left, in both sweeps."""
    mounts = np.tile(np.eye(4), (2, 1, 1))
    mounts[1, 1, 3] = 2.0
    index = (np.arange(len(street.points)) % 2).astype(np.int16)
    origins = ray_origins(street.replace(lidar_index=index, lidar_T=mounts))
    assert origins.dtype == np.float32
    older = (street.sweep_index == 1).astype(np.float32)
    expected = np.column_stack([-0.5 * older, 2.0 * index, 0 * older]).astype(np.float32)
    assert np.array_equal(origins, expected)
