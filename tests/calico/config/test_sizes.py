"""Sizes that settings ask for."""

import pytest

from calico.config.load import (
    load_config,
)
from calico.errors import CalicoError


@pytest.mark.parametrize(
    ("assignments", "what"),
    [
        (
            ["grid.pillar_m=0.01", "grid.x_range_m=[-50, 50]", "grid.y_range_m=[-50, 50]"],
            "10000 x 10000 pillars",
        ),
        (
            ["grid.map_cell_m=0.001", "grid.map_x_range_m=[0, 20]", "grid.map_y_range_m=[0, 1]"],
            "1000 x 20000 map",
        ),
        (
            ["model.camera={image_size: [8192, 8192], fpn_channels: 4096}"],
            "model.camera.fpn_channels ask for",
        ),
        (
            [
                "model.camera.heights_m=[0, 1, 2, 3, 4, 5, 6, 7]",
                "grid.pillar_m=0.015625",
                "model.lidar.pillar_channels=256",
            ],
            "model.lidar.pillar_channels ask",
        ),
    ],
)
def test_what_asks_for_terabytes_is_refused(assignments: list[str], what: str) -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, assignments)
    assert what in str(caught.value)
    assert "expected at most" in str(caught.value)
