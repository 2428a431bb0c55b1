"""One log of Argoverse 2's sensor data set: its tables, and the times of its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calico.data.argoverse.tables import (
    ANNOTATIONS,
    INTRINSICS,
    MOUNTS,
    POSES,
    Columns,
    list_stamps,
    read_feather,
    read_poses,
)
from calico.data.argoverse.taxonomy import GROUND_BELOW_AXLE_M
from calico.errors import CalicoError
from calico.frame import Float64, Int64
from calico.geometry.frames import from_yaw, invert_transform

UP, DOWN = "up_lidar", "down_lidar"
MAX_IMAGE_OFFSET_NS = 60_000_000
"""Farthest that an image may be from its sweep: cameras run at 20 Hz, the LiDARs at 10 Hz."""
MAX_POSE_OFFSET_NS = 60_000_000
MAX_GAP_NS = 1_500_000_000
"""Longest time between two labels from which a velocity is made, as nuScenes' devkit has it."""
EGO_T_AXLE: Float64 = from_yaw(0.0, (0.0, 0.0, GROUND_BELOW_AXLE_M))
"""Argoverse's vehicle frame has its origin at the rear axle, ours on the ground below."""


class Log:
    """The tables of a log.

    Attributes:
        path: Its folder.
        stamps: (n,) times of its LiDAR sweeps [ns].
        mounts: Sensor to its (4, 4) pose in Argoverse's vehicle frame.
        intrinsics: Camera to its (3, 3) matrix [px] and (width, height) [px].
    """

    def __init__(self, path: Path) -> None:
        """Read the tables.

        Args:
            path: Folder of the log.

        Raises:
            CalicoError: A table is missing or damaged, or the log has no sweep.
        """
        self.path = path
        self.stamps = list_stamps(path / "sensors" / "lidar", ".feather")
        if not len(self.stamps):
            raise CalicoError(f"{path / 'sensors' / 'lidar'}: holds no sweep (*.feather)")
        place = path / "city_SE3_egovehicle.feather"
        table = read_feather(place, POSES)
        order = np.argsort(table["timestamp_ns"], kind="stable")
        self._pose_stamps: Int64 = table["timestamp_ns"][order]
        self._poses = read_poses(table, place)[order]
        place = path / "calibration" / "egovehicle_SE3_sensor.feather"
        mounts = read_feather(place, MOUNTS)
        poses = read_poses(mounts, place)
        self.mounts = dict(zip(map(str, mounts["sensor_name"]), poses, strict=True))
        if UP not in self.mounts:
            raise CalicoError(f"table {place}: has no row {UP}")
        self.intrinsics = _read_intrinsics(path / "calibration" / "intrinsics.feather")
        self._images = {
            name: list_stamps(path / "sensors" / "cameras" / name, ".jpg")
            for name in self.intrinsics
        }
        self._annotations: Columns | None = None

    def cameras(self) -> tuple[str, ...]:
        """List the cameras that have images, a mount and intrinsics, without the stereo pair."""
        return tuple(
            name
            for name in sorted(self.intrinsics)
            if name in self.mounts and len(self._images[name]) and not name.startswith("stereo")
        )

    def city_T_axle(self, stamp_ns: int) -> Float64:
        """Find the pose of the vehicle at the nearest time in the table.

        Args:
            stamp_ns: The time [ns].
        """
        at = _nearest(self._pose_stamps, stamp_ns)
        if abs(int(self._pose_stamps[at]) - stamp_ns) > MAX_POSE_OFFSET_NS:
            raise CalicoError(f"{self.path}: no pose of the vehicle near {stamp_ns} ns")
        pose: Float64 = self._poses[at]
        return pose

    def image_stamp(self, camera: str, stamp_ns: int) -> int:
        """Find the time of the image of a camera that is nearest to a sweep [ns].

        Args:
            camera: Name of the camera.
            stamp_ns: Time of the sweep [ns].
        """
        stamps = self._images[camera]
        found = int(stamps[_nearest(stamps, stamp_ns)]) if len(stamps) else -1
        if found < 0 or abs(found - stamp_ns) > MAX_IMAGE_OFFSET_NS:
            raise CalicoError(f"{self.path}: no image of {camera} near the sweep of {stamp_ns} ns")
        return found

    def annotations(self) -> Columns:
        """Read the labels of all sweeps, with velocities `vx`, `vy` in the city's frame."""
        if self._annotations is None:
            path = self.path / "annotations.feather"
            if path.exists():
                table = read_feather(path, ANNOTATIONS)
                table["pose"] = read_poses(table, path)
                sides = np.stack([table[name] for name in ("length_m", "width_m", "height_m")])
                if (sides <= 0).any():
                    raise CalicoError(f"table {path}: a side of a box is not above 0 m")
            else:
                table = {name: np.zeros(0, np.int64) for name in ANNOTATIONS}
                table["pose"] = np.zeros((0, 4, 4))
            table["velocity"] = self._velocities(table)
            self._annotations = table
        return self._annotations

    def _velocities(self, table: Columns) -> Float64:
        """(R, 2) from the labels before and after of the same track; NaN where there are none."""
        result = np.full((len(table["timestamp_ns"]), 2), np.nan)
        if not len(result):
            return result
        centers = np.array(
            [
                (self.city_T_axle(int(stamp)) @ pose)[:3, 3]
                for stamp, pose in zip(table["timestamp_ns"], table["pose"], strict=True)
            ]
        )
        rows: dict[str, list[int]] = {}
        for row in np.argsort(table["timestamp_ns"], kind="stable").tolist():
            rows.setdefault(str(table["track_uuid"][row]), []).append(row)
        for chain in rows.values():
            for place, row in enumerate(chain):
                first, last = chain[max(place - 1, 0)], chain[min(place + 1, len(chain) - 1)]
                gap = int(table["timestamp_ns"][last]) - int(table["timestamp_ns"][first])
                limit = MAX_GAP_NS * (2 if first != row != last else 1)
                if 0 < gap <= limit:
                    result[row] = (centers[last] - centers[first])[:2] / (gap * 1e-9)
        return result


def read_log_frame(log: Log, stamp_ns: int) -> tuple[Float64, Float64]:
    """Return ego_T_lidar and global_T_lidar (4, 4) of a sweep.

    The LiDAR frame has the vehicle's axes and stands at the upper LiDAR.

    Args:
        log: The log.
        stamp_ns: Time of the sweep [ns].
    """
    ego_T_lidar = np.eye(4)
    ego_T_lidar[:3, 3] = (EGO_T_AXLE @ log.mounts[UP])[:3, 3]
    city_T_ego = log.city_T_axle(stamp_ns) @ invert_transform(EGO_T_AXLE)
    return ego_T_lidar, city_T_ego @ ego_T_lidar


def _read_intrinsics(path: Path) -> dict[str, tuple[Float64, tuple[int, int]]]:
    if not path.exists():
        return {}
    table, result = read_feather(path, INTRINSICS), {}
    for row, name in enumerate(map(str, table["sensor_name"])):
        fx, fy, cx, cy = (float(table[key][row]) for key in ("fx_px", "fy_px", "cx_px", "cy_px"))
        size = int(table["width_px"][row]), int(table["height_px"][row])
        if min(fx, fy) <= 0 or not all(1 <= side <= 16384 for side in size):
            raise CalicoError(f"table {path}: the intrinsics of {name} are impossible")
        result[name] = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), size
    return result


def _nearest(stamps: Int64, stamp_ns: int) -> int:
    """Index of the nearest of ascending times; the earlier one of two."""
    after = int(np.searchsorted(stamps, stamp_ns))
    if after == 0:
        return 0
    if after == len(stamps):
        return after - 1
    before_is_nearer = stamp_ns - int(stamps[after - 1]) <= int(stamps[after]) - stamp_ns
    return after - 1 if before_is_nearer else after
