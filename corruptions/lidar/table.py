"""LiDAR corruptions: lost, moved and false points."""

from __future__ import annotations

from corruptions.lidar.beam_missing import beam_missing
from corruptions.lidar.crosstalk import crosstalk
from corruptions.lidar.lidar_missing import lidar_missing
from corruptions.lidar.point_drop import point_drop
from corruptions.spec import Spec

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("point_drop", "lidar", ("lidar",), "share_dropped", "share", (0.06, 0.12, 0.18, 0.24, 0.30), (0, 1),
         "3D_Corruptions_AD (Dong et al., CVPR 2023), density decrease", ("nuscenes-c", "multicorrupt"), point_drop),
    Spec("beam_missing", "lidar", ("lidar",), "share_of_beams", "share", (1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8), (0, 1),
         "Robo3D (Kong et al., ICCV 2023), beam missing; here without replacement", ("robo3d",), beam_missing),
    Spec("crosstalk", "lidar", ("lidar",), "share_hit", "share", (0.004, 0.008, 0.012, 0.016, 0.020), (0, 1),
         "Robo3D (Kong et al., ICCV 2023), crosstalk", ("robo3d", "msc-bench"), crosstalk),
    Spec("lidar_missing", "lidar", ("lidar",), "share_lost", "share of frames", (1, 1, 1, 1, 1), (0, 1),
         "MSC-Bench (Hao et al., arXiv 2501.01037), LiDAR missing", ("msc-bench",), lidar_missing),
)
# fmt: on
