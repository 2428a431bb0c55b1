"""Objects that look or move as they do not in the training data; their boxes move in step."""

from __future__ import annotations

from corruptions.objects.lost_points import object_cutout, object_density, object_echo
from corruptions.objects.moving_object import moving_object
from corruptions.objects.noise import (
    object_gaussian_noise,
    object_impulse_noise,
    object_uniform_noise,
)
from corruptions.objects.shape import object_rotation, object_scale, object_shear
from corruptions.spec import Spec

AD = "3D_Corruptions_AD (Dong et al., CVPR 2023)"

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("object_density", "objects", ("lidar",), "object_share_dropped", "share", (0.1, 0.2, 0.3, 0.4, 0.5), (0, 1),
         f"{AD}, local density decrease", ("nuscenes-c",), object_density, ("boxes",)),
    Spec("object_cutout", "objects", ("lidar",), "object_share_cut", "share", (0.3, 0.4, 0.5, 0.6, 0.7), (0, 1),
         f"{AD}, local cutout", ("nuscenes-c",), object_cutout, ("boxes",)),
    Spec("object_echo", "objects", ("lidar",), "object_echoes_lost", "share", (0.75, 0.80, 0.85, 0.90, 0.95), (0, 1),
         "after Robo3D (Kong et al., ICCV 2023), incomplete echo", ("robo3d", "msc-bench"), object_echo, ("boxes",)),
    Spec("object_gaussian_noise", "objects", ("lidar",), "object_sigma_m", "m", (0.02, 0.04, 0.06, 0.08, 0.10), (0, 10),
         f"{AD}, local Gaussian noise", ("nuscenes-c",), object_gaussian_noise, ("boxes",)),
    Spec("object_uniform_noise", "objects", ("lidar",), "object_half_width_m", "m", (0.02, 0.04, 0.06, 0.08, 0.10), (0, 10),
         f"{AD}, local uniform noise", ("nuscenes-c",), object_uniform_noise, ("boxes",)),
    Spec("object_impulse_noise", "objects", ("lidar",), "object_share_hit", "share", (1 / 30, 1 / 25, 1 / 20, 1 / 15, 1 / 10),
         (0, 1), f"{AD}, local impulse noise", ("nuscenes-c",), object_impulse_noise, ("boxes",)),
    Spec("object_scale", "objects", ("lidar", "labels"), "object_scale_change", "share", (0.04, 0.08, 0.12, 0.16, 0.20),
         (0, 0.9), f"{AD}, scale", ("nuscenes-c",), object_scale, ("boxes",)),
    Spec("object_rotation", "objects", ("lidar", "labels"), "object_angle_deg", "degrees", (1, 3, 5, 7, 9), (0, 180),
         f"{AD}, rotation", ("nuscenes-c", "modelnet40-c"), object_rotation, ("boxes",)),
    Spec("object_shear", "objects", ("lidar", "labels"), "object_shear", "m per m", (0.05, 0.10, 0.15, 0.20, 0.25), (0, 2),
         f"{AD}, shear, after ModelNet40-C", ("nuscenes-c", "modelnet40-c"), object_shear, ("boxes",)),
    Spec("moving_object", "objects", ("lidar",), "smear_s", "s", (0.02, 0.04, 0.06, 0.08, 0.10), (0, 1),
         f"after {AD}, moving object", ("nuscenes-c",), moving_object, ("boxes",)),
)
# fmt: on
