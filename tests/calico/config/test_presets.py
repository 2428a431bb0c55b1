"""Presets against the public configurations that they name."""

from calico.config.load import (
    load_config,
)


def test_reference_grids_are_those_of_the_zoo() -> None:
    assert load_config("nuscenes").grid.pillars.shape == (512, 512)
    assert load_config("waymo").grid.pillars.shape == (468, 468)
    assert load_config("nuscenes").grid.map.shape == (200, 200)
