"""The sensors of a simulated Waymo vehicle: mounts, beams, lenses and times.

Source: two real calibrations of the data set, rounded (mounts, focal length, distortion); Sun et
al., Scalability in Perception for Autonomous Driving, CVPR 2020, table 2 (vertical field of view
and range of the LiDARs). The exact beams are not published; these are denser about the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.data.waymo.records import TOP, CameraCalibration, LidarCalibration
from calico.errors import CalicoError
from calico.frame import Float64
from calico.geometry.frames import from_yaw

FRAME_S = 0.1
"""Time between frames, and of one turn of the LiDAR on the roof."""
TOP_RANGE_M, SIDE_RANGE_M = 75.0, 20.0
FULL_WIDTH = 1920
HEIGHTS = {1: 1280, 2: 1280, 3: 1280, 4: 886, 5: 886}
"""Heights of images that are `FULL_WIDTH` wide, by camera [px]."""
CAMERA_DELAY_S = {1: 0.005, 2: -0.01, 3: 0.02, 4: -0.025, 5: 0.035}
"""When each camera exposes, after the pose of the frame: as the LiDAR turns past it."""
SIDE_VIEW_RAD = np.pi / 2
"""The LiDARs at the sides see this far to the left and right; beyond is the own vehicle."""
_FOCAL_PX = 2055.0
_LENS = (0.04, -0.33, 0.0008, -0.0004, 0.0)
_CAMERA_MOUNTS = {
    1: (1.54, -0.02, 2.12, 0.0),
    2: (1.50, 0.10, 2.12, 45.0),
    3: (1.49, -0.10, 2.12, -45.0),
    4: (1.43, 0.12, 2.12, 90.0),
    5: (1.42, -0.12, 2.12, -90.0),
}
_LIDAR_MOUNTS = {
    1: (1.43, 0.0, 2.184, 148.0),
    2: (4.07, 0.0, 0.69, 1.0),
    3: (3.25, 1.025, 0.98, 90.0),
    4: (3.25, -1.025, 0.98, -90.0),
    5: (-1.15, 0.0, 0.47, 179.0),
}


@dataclass(frozen=True)
class WaymoRig:
    """Sizes of the sensors. The defaults are those of the data set.

    Attributes:
        top_size: Rows and columns of the range images of the LiDAR on the roof.
        side_size: The same for the four others.
        image_width: Width of all images [px]; the heights follow (`HEIGHTS`).
        jpeg_quality: Of the images, 1 to 95.
        world_shift: Where the simulator's world lies in that of the records [m], so that
            coordinates are as large as real ones.
        map_offset: What takes points of the world to the map [m].
    """

    top_size: tuple[int, int] = (64, 2650)
    side_size: tuple[int, int] = (200, 600)
    image_width: int = FULL_WIDTH
    jpeg_quality: int = 95
    world_shift: tuple[float, float, float] = (3000.0, -5000.0, 40.0)
    map_offset: tuple[float, float, float] = (0.5, -0.25, 0.1)

    def __post_init__(self) -> None:
        sizes = (*self.top_size, *self.side_size, self.image_width)
        if min(sizes) < 4 or max(sizes) > 8192:
            raise CalicoError(
                f"simulated Waymo vehicle: got sizes {list(sizes)} of range images and images, "
                "expected 4 to 8192"
            )

    def scan_size(self, laser: int) -> tuple[int, int]:
        """Return rows and columns of a LiDAR's range images."""
        return self.top_size if laser == TOP else self.side_size


def lidar_calibrations(rig: WaymoRig) -> dict[int, LidarCalibration]:
    """List the calibration of every LiDAR.

    The beams of the one on the roof are not evenly spaced, so that they are listed.
    """
    result = {}
    for laser, (x, y, z, yaw) in _LIDAR_MOUNTS.items():
        pose = from_yaw(float(np.deg2rad(yaw)), (x, y, z))
        if laser == TOP:
            low, high = np.deg2rad([-17.6, 2.4])
            share = (0.5 + np.arange(rig.top_size[0])) / rig.top_size[0]
            beams: Float64 | None = low + (high - low) * (1 - (1 - share) ** 1.5)
        else:
            low, high = np.deg2rad([-90.0, 30.0])
            beams = None
        result[laser] = LidarCalibration(pose, float(low), float(high), beams)
    return result


def camera_calibrations(rig: WaymoRig) -> dict[int, CameraCalibration]:
    """List the calibration of every camera; the simulator's shutter is global."""
    result = {}
    for camera, (x, y, z, yaw) in _CAMERA_MOUNTS.items():
        scale = rig.image_width / FULL_WIDTH
        height = round(HEIGHTS[camera] * scale)
        focal = _FOCAL_PX * scale
        center = (rig.image_width / 2 + 3 * scale, height / 2 - 5 * scale)
        intrinsic = np.array([focal, focal, *center, *_LENS])
        pose = from_yaw(float(np.deg2rad(yaw)), (x, y, z))
        result[camera] = CameraCalibration(intrinsic, pose, rig.image_width, height, 5)
    return result
