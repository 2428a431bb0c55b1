"""Presets against the public configurations that they name."""

import pytest

from calico.config.load import load_config
from calico.taxonomy import WAYMO


def test_reference_grids_are_those_of_the_zoo() -> None:
    assert load_config("nuscenes").grid.pillars.shape == (512, 512)
    assert load_config("waymo").grid.pillars.shape == (468, 468)
    assert load_config("nuscenes").grid.map.shape == (200, 200)


def test_waymo_heights_are_those_of_the_public_settings_seen_from_the_roof() -> None:
    """Public settings have z from -2 to 4 m in the vehicle frame; the LiDAR is 2.184 m above it."""
    config = load_config("waymo")
    low, high = config.grid.z_range_m
    assert (low + 2.184, high + 2.184) == pytest.approx((-2, 4), abs=0.03)
    assert config.model.camera is not None
    assert min(config.model.camera.heights_m) == pytest.approx(-2.184, abs=0.05)
    assert config.model.map is None


def test_a_map_head_that_is_added_has_the_classes_of_the_taxonomy() -> None:
    config = load_config("waymo", None, ["model.map={}"])
    assert config.model.map is not None
    assert config.model.map.classes == WAYMO.map_names
