"""Every physical corruption vanishes as its parameter does: in its limit the frame comes out as it
went in.
"""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt_with, list_corruptions

LIMITS = {
    "fog": 1e9,
    "rain": 0,
    "snowfall": 0,
    "wet_ground": 0,
    "sunlight": 0,
    "spray": 0,
    "camera_crash": 0,
    "frame_lost": 0,
    "camera_stuck": 1,
    "gaussian_noise": 0,
    "uniform_noise": 0,
    "impulse_noise": 0,
    "shot_noise": 1e6,
    "speckle_noise": 0,
    "iso_noise": 1,
    "defocus_blur": 0,
    "gaussian_blur": 0,
    "glass_blur": 0,
    "motion_blur": 0,
    "zoom_blur": 1,
    "brightness": 0,
    "low_light": 1,
    "contrast": 1,
    "saturate": 1,
    "color_quant": 8,
    "pixelate": 1,
    "elastic": 0,
    "frost": 0,
    "lens_dirt": 0,
    "rain_drops": 0,
    "occlusion": 0,
    "point_drop": 0,
    "cutout": 0,
    "beam_missing": 0,
    "beams_reduced": 1,
    "fov_limited": 180,
    "incomplete_echo": 0,
    "point_gaussian_noise": 0,
    "point_uniform_noise": 0,
    "point_impulse_noise": 0,
    "point_radial_noise": 0,
    "crosstalk": 0,
    "ghost_points": 0,
    "intensity_shift": 1,
    "motion_jitter": 0,
    "motion_compensation": 0,
    "lidar_missing": 0,
    "lidar_stuck": 1,
    "temporal_offset": 0,
    "sweep_dropout": 0,
    "burst_loss": 0,
    "extrinsic": 0,
    "lidar_extrinsic": 0,
    "intrinsics": 0,
    "calibration_drift": 0,
    "pose_error": 0,
    "object_density": 0,
    "object_cutout": 0,
    "object_echo": 0,
    "object_gaussian_noise": 0,
    "object_uniform_noise": 0,
    "object_impulse_noise": 0,
    "object_scale": 0,
    "object_rotation": 0,
    "object_shear": 0,
    "moving_object": 0,
}
"""The value of the parameter at which nothing is wrong."""
NO_LIMIT = {
    "jpeg": "a lossy code: the best quality still halves the resolution of the colours",
    "cross_sensor": "the other sensor has half the resolution in azimuth, whatever its beams",
}
GREY_LEVELS, CHANGED_SHARE = 2, 1e-3
"""So few pixel values may change by more than so many levels: blurs and noises come back from
linear light.
"""


def test_every_corruption_has_its_limit_or_a_reason_for_none() -> None:
    assert set(LIMITS) | set(NO_LIMIT) == set(list_corruptions())
    assert not set(LIMITS) & set(NO_LIMIT)


@pytest.mark.parametrize("name", LIMITS)
def test_nothing_is_left_of_it_in_the_limit(street: Frame, name: str) -> None:
    after = corrupt_with(street, name, LIMITS[name], seed=3)
    for old, new in zip(street.images, after.images, strict=True):
        changed = abs(new.astype(int) - old) > GREY_LEVELS
        assert changed.mean() < CHANGED_SHARE
    assert len(after.points) == len(street.points)
    assert np.array_equal(after.ring, street.ring)
    assert np.array_equal(after.sweep_index, street.sweep_index)
    assert abs(after.points - street.points).max() < 1e-3
    assert abs(after.camera_T_lidar - street.camera_T_lidar).max() < 1e-9
    assert abs(after.camera_K - street.camera_K).max() < 1e-6
    assert abs(after.sweep_T - street.sweep_T).max() < 1e-9
    assert np.nanmax(abs(after.boxes.boxes - street.boxes.boxes)) < 1e-5


@pytest.mark.parametrize("name", LIMITS)
def test_the_limit_is_on_the_mild_side_of_the_levels(name: str) -> None:
    levels = SPECS[name].levels
    assert (LIMITS[name] - levels[0]) * (levels[-1] - levels[0]) <= 0
