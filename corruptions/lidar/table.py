"""LiDAR corruptions: lost, moved and false points."""

from __future__ import annotations

from corruptions.lidar.beam_missing import beam_missing
from corruptions.lidar.beams_reduced import beams_reduced
from corruptions.lidar.cross_sensor import cross_sensor
from corruptions.lidar.crosstalk import crosstalk
from corruptions.lidar.cutout import cutout
from corruptions.lidar.fov_limited import fov_limited
from corruptions.lidar.ghost_points import ghost_points
from corruptions.lidar.incomplete_echo import incomplete_echo
from corruptions.lidar.intensity_shift import intensity_shift
from corruptions.lidar.lidar_missing import lidar_missing
from corruptions.lidar.lidar_stuck import lidar_stuck
from corruptions.lidar.motion_compensation import motion_compensation
from corruptions.lidar.motion_jitter import motion_jitter
from corruptions.lidar.point_drop import point_drop
from corruptions.lidar.point_noise import (
    point_gaussian_noise,
    point_impulse_noise,
    point_radial_noise,
    point_uniform_noise,
)
from corruptions.spec import Spec

DONG = "3D_Corruptions_AD (Dong et al., CVPR 2023)"
KONG = "Robo3D (Kong et al., ICCV 2023)"
METRES = (0.02, 0.04, 0.06, 0.08, 0.10)

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("point_drop", "lidar", ("lidar",), "share_dropped", "share", (0.06, 0.12, 0.18, 0.24, 0.30), (0, 1),
         f"{DONG}, density decrease", ("nuscenes-c", "multicorrupt"), point_drop),
    Spec("cutout", "lidar", ("lidar",), "cutout_blobs", "blobs of 2 %", (2, 3, 5, 7, 10), (0, 50),
         f"{DONG}, cutout", ("nuscenes-c", "modelnet40-c"), cutout),
    Spec("beam_missing", "lidar", ("lidar",), "share_of_beams", "share", (1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8), (0, 1),
         f"{KONG}, beam missing; here without replacement", ("robo3d",), beam_missing, ("ring",)),
    Spec("beams_reduced", "lidar", ("lidar",), "share_of_beams_left", "share",
         (24 / 32, 16 / 32, 12 / 32, 8 / 32, 4 / 32), (0, 1),
         "MultiCorrupt (Beemelmanns et al., IV 2024), beams reducing", ("multicorrupt", "msc-bench"), beams_reduced, ("ring",)),
    Spec("cross_sensor", "lidar", ("lidar",), "other_sensor_beams", "share",
         (24 / 32, 20 / 32, 16 / 32, 12 / 32, 8 / 32), (0, 1),
         f"{KONG}, cross sensor", ("robo3d", "msc-bench"), cross_sensor, ("ring",)),
    Spec("fov_limited", "lidar", ("lidar",), "half_angle_deg", "degrees", (105, 90, 75, 60, 45), (0, 180),
         f"{DONG}, FOV lost", ("nuscenes-c",), fov_limited),
    Spec("incomplete_echo", "lidar", ("lidar",), "share_of_dark_points", "share", (0.75, 0.80, 0.85, 0.90, 0.95), (0, 1),
         f"{KONG}, incomplete echo; here dark points, not labelled vehicles", ("robo3d",), incomplete_echo),
    Spec("point_gaussian_noise", "lidar", ("lidar",), "point_sigma_m", "m", METRES, (0, 10),
         f"{DONG}, Gaussian noise (L)", ("nuscenes-c", "modelnet40-c"), point_gaussian_noise),
    Spec("point_uniform_noise", "lidar", ("lidar",), "point_reach_m", "m", METRES, (0, 10),
         f"{DONG}, uniform noise (L)", ("nuscenes-c", "modelnet40-c"), point_uniform_noise),
    Spec("point_impulse_noise", "lidar", ("lidar",), "share_of_jumps", "share",
         (1 / 30, 1 / 25, 1 / 20, 1 / 15, 1 / 10), (0, 1),
         f"{DONG}, impulse noise (L)", ("nuscenes-c", "modelnet40-c"), point_impulse_noise),
    Spec("point_radial_noise", "lidar", ("lidar",), "range_sigma_m", "m", METRES, (0, 10),
         f"{DONG}, Gaussian noise (L), along the ray", (), point_radial_noise),
    Spec("crosstalk", "lidar", ("lidar",), "share_hit", "share", (0.004, 0.008, 0.012, 0.016, 0.020), (0, 1),
         f"{DONG}, LiDAR crosstalk", ("nuscenes-c", "robo3d", "msc-bench"), crosstalk),
    Spec("ghost_points", "lidar", ("lidar",), "share_of_ghosts", "share", (0.005, 0.01, 0.02, 0.03, 0.05), (0, 1),
         "own model of the ghosts in Goelles et al., Sensors 2020", (), ghost_points),
    Spec("intensity_shift", "lidar", ("lidar",), "intensity_gain", "factor", (0.7, 0.5, 0.3, 0.1, 1 / 255), (0, 255),
         "own definition", (), intensity_shift),
    Spec("motion_jitter", "lidar", ("lidar",), "sweep_sigma_m", "m", (0.06, 0.10, 0.13, 0.20, 0.30), (0, 10),
         "MultiCorrupt (Beemelmanns et al., IV 2024), motion blur of the LiDAR", ("multicorrupt", "robo3d", "msc-bench"),
         motion_jitter),
    Spec("motion_compensation", "lidar", ("lidar",), "pose_sigma_m", "m", METRES, (0, 10),
         f"{DONG}, motion compensation; here with proper rotations", ("nuscenes-c",), motion_compensation),
    Spec("lidar_missing", "lidar", ("lidar",), "share_lost", "share of frames", (1, 1, 1, 1, 1), (0, 1),
         "MSC-Bench (Hao et al., arXiv 2501.01037), LiDAR missing", ("msc-bench",), lidar_missing),
    Spec("lidar_stuck", "lidar", ("lidar",), "hold_frames", "keyframes", (1.5, 2, 3, 5, 10), (1, 1000),
         "after MultiCorrupt (Beemelmanns et al., IV 2024), temporal misalignment", ("multicorrupt", "msc-bench"),
         lidar_stuck, ("past",), by_chance=True),
)
# fmt: on
