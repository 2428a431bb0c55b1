"""What grows with the severity of the lidar corruptions, measured from both frames."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from corruptions import measure_effect


def lost(before: Frame, after: Frame) -> float:
    return measure_effect(before, after).removed_share


def added(before: Frame, after: Frame) -> float:
    return measure_effect(before, after).added_share


def moved(before: Frame, after: Frame) -> float:
    return float(np.linalg.norm(after.points[:, :3] - before.points[:, :3], axis=1).mean())


def blind_deg(before: Frame, after: Frame) -> float:
    """The widest gap in azimuth."""
    azimuth = np.sort(np.degrees(np.arctan2(after.points[:, 1], after.points[:, 0])))
    return float(np.diff(azimuth, append=azimuth[0] + 360).max())


def dimmed(before: Frame, after: Frame) -> float:
    return float(1 - after.points[:, 3].mean() / before.points[:, 3].mean())


def age(before: Frame, after: Frame) -> float:
    """Keyframes by which the cloud is old."""
    keyframes, clean = 0, before
    while not np.array_equal(clean.points, after.points):
        assert clean.previous is not None
        older = clean.previous()
        assert older is not None
        keyframes, clean = keyframes + 1, older
    return float(keyframes)


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "point_drop": lost,
    "cutout": lost,
    "beam_missing": lambda before, after: -len(np.unique(after.ring)),
    "beams_reduced": lambda before, after: -len(np.unique(after.ring)),
    "cross_sensor": lambda before, after: -len(np.unique(after.ring)),
    "fov_limited": blind_deg,
    "incomplete_echo": lost,
    "point_gaussian_noise": moved,
    "point_uniform_noise": moved,
    "point_impulse_noise": moved,
    "point_radial_noise": moved,
    "crosstalk": added,
    "ghost_points": added,
    "intensity_shift": dimmed,
    "motion_jitter": moved,
    "motion_compensation": moved,
    "lidar_missing": lambda before, after: -len(after.points),
    "lidar_stuck": age,
}

SEEDLESS = {"fov_limited", "intensity_shift"}
