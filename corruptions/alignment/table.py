"""The table of wrong calibration and poses. The ground truth stays."""

from __future__ import annotations

from corruptions.alignment.calibration_drift import calibration_drift
from corruptions.alignment.extrinsic import extrinsic, lidar_extrinsic
from corruptions.alignment.intrinsics import intrinsics
from corruptions.alignment.pose_error import pose_error
from corruptions.spec import Spec

TABLE: tuple[Spec, ...] = (
    Spec(
        "extrinsic",
        "alignment",
        ("calibration",),
        "rotation_deg",
        "degrees",
        (0.5, 1, 2, 3, 5),
        (0, 180),
        "after MultiCorrupt (Beemelmanns et al., IV 2024), spatial misalignment",
        ("multicorrupt", "nuscenes-c", "msc-bench"),
        extrinsic,
    ),
    Spec(
        "lidar_extrinsic",
        "alignment",
        ("calibration",),
        "lidar_rotation_deg",
        "degrees",
        (0.5, 1, 2, 3, 5),
        (0, 180),
        "levels of extrinsic, one motion for all cameras; ours",
        (),
        lidar_extrinsic,
    ),
    Spec(
        "intrinsics",
        "alignment",
        ("calibration",),
        "focal_drift",
        "share of the focal length",
        (0.0025, 0.005, 0.01, 0.02, 0.04),
        (0, 0.5),
        "ours",
        (),
        intrinsics,
    ),
    Spec(
        "calibration_drift",
        "alignment",
        ("calibration",),
        "settled_deg",
        "degrees",
        (0.5, 1, 2, 3, 5),
        (0, 180),
        "levels of extrinsic, reached over ten keyframes; ours",
        (),
        calibration_drift,
        ("past",),
    ),
    Spec(
        "pose_error",
        "alignment",
        ("lidar",),
        "pose_error_m",
        "m",
        (0.02, 0.04, 0.06, 0.08, 0.10),
        (0, 10),
        "values of 3D_Corruptions_AD (Dong et al., CVPR 2023), motion compensation; here between "
        "sweeps",
        (),
        pose_error,
        ("sweeps",),
    ),
)
