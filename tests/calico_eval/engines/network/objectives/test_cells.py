"""Cells of objects, counted by hand on a grid of 2 m."""

from __future__ import annotations

import numpy as np

from calico.config.model import BevConfig, DetectionConfig, GridConfig, MapConfig, ModelConfig
from calico.config.schema import Config
from calico_eval.engines.network.objectives import hide_targets

CAR, TRUCK, PEDESTRIAN = 0, 1, 5


CONFIG = Config(
    grid=GridConfig(
        x_range_m=(-16, 16),
        y_range_m=(-16, 16),
        pillar_m=1.0,
        map_x_range_m=(-2, 2),
        map_y_range_m=(-2, 2),
        map_cell_m=1.0,
    ),
    model=ModelConfig(
        bev=BevConfig(layers=(1,), strides=(2,), channels=(8,), out_stride=2),
        detection=DetectionConfig(tasks=(("car",), ("bicycle", "pedestrian"))),
        map=MapConfig(head="conv", channels=4),
    ),
)


def test_targets_are_cells_of_the_trunk_grid_within_two_metres() -> None:
    xy = np.array([[5.0, -3.0], [40.0, 0.0], [-15.5, 15.5], [1.0, 1.0]], np.float32)
    targets = hide_targets(xy, np.array([CAR, CAR, PEDESTRIAN, TRUCK]), CONFIG)
    assert [name for name, _ in targets] == [
        "car",
        "pedestrian",
    ]  # one is off the grid, one class is unknown
    for (_, cells), (x, y) in zip(targets, xy[[0, 2]], strict=True):
        for row in range(16):
            for column in range(16):
                distance = np.hypot(-16 + 2 * column + 1 - x, -16 + 2 * row + 1 - y)
                assert cells[row, column] == (distance <= 2.0)
