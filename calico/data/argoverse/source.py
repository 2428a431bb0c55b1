"""Frames of Argoverse 2's sensor data set, to be converted.

A sweep holds the returns of two LiDARs of 32 beams, moved to the time of the sweep, in the vehicle
frame at the rear axle. Lasers 0 to 31 are the upper LiDAR's, from the highest to the lowest. The
lower one hangs upside down, and its lasers 32 to 63 go from the lowest to the highest. Images have
no distortion any more.

Source: the guide of argoverse/av2-api to the sensor data set, and the heights in its examples.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calico.data.argoverse.log import DOWN, EGO_T_AXLE, UP, Log, read_log_frame
from calico.data.argoverse.tables import SWEEP, read_feather
from calico.data.argoverse.taxonomy import ARGOVERSE2
from calico.data.nuscenes.contents import hash_contents
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.files.images import read_image
from calico.frame import Boxes, Float32, Float64, Frame, Int16, Int64
from calico.geometry.boxes import transform_boxes
from calico.geometry.frames import invert_transform, transform_points, yaw_of
from calico.geometry.grid import Grid
from calico.taxonomy import Taxonomy

BEAMS = 32
LASERS = 2 * BEAMS
FULL_INTENSITY = 255.0
FARTHEST_M = 1e4
LOGS_KEPT = 4
READER_VERSION = 1
POSE_FILE = "city_SE3_egovehicle.feather"


class ArgoverseSource:
    """A split of a folder in the layout of Argoverse 2's sensor data set (a `FrameSource`).

    Every LiDAR sweep is a frame. A log is a scene. In worker processes the tables are read again.
    """

    def __init__(
        self,
        root: Path,
        split: str = "all",
        cameras: tuple[str, ...] | None = None,
        taxonomy: Taxonomy = ARGOVERSE2,
    ) -> None:
        """List the sweeps of all logs. No sensor file is opened.

        Args:
            root: The folder that holds SPLIT/LOG/, or LOG/.
            split: Name of the split's folder, of one log, or "all".
            cameras: Names, in the order of the views, or None for the ring cameras of the first
                log.
            taxonomy: Classes of the labels. Objects of no class are left out.

        Raises:
            CalicoError: The split is unknown, or a table is broken.
        """
        self._arguments = (root, split, cameras, taxonomy)
        self._paths = find_logs(root, split)
        self._log = lru_cache(LOGS_KEPT)(Log)
        first = self._log(self._paths[0])
        self.name = f"argoverse2 {split}"
        self.taxonomy = taxonomy
        self.map_grid: Grid | None = None
        self.cameras = first.cameras() if cameras is None else cameras
        unknown = [name for name in self.cameras if name not in first.intrinsics]
        if unknown:
            raise CalicoError(
                f"data {root}: has no camera '{unknown[0]}'; expected data.cameras out of "
                f"{', '.join(first.intrinsics) or 'none'}"
            )
        self._index = [
            (path, int(stamp)) for path in self._paths for stamp in self._log(path).stamps
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        return (ArgoverseSource, self._arguments)

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, index: int) -> Frame:
        """Load a frame; a CalicoError names the file if something is broken."""
        path, stamp = self._index[index]
        log = self._log(path)
        ego_T_lidar, global_T_lidar = read_log_frame(log, stamp)
        points, ring, lidar = self._points(log, stamp, ego_T_lidar)
        images, K, camera_T_lidar, times = [], [], [], []
        for camera in self.cameras:
            if camera not in log.intrinsics or camera not in log.mounts:
                raise CalicoError(f"{path}: its calibration has no camera '{camera}'")
            matrix, size_wh = log.intrinsics[camera]
            then = log.image_stamp(camera, stamp)
            images.append(read_image(self._image(path, camera, then), size_wh))
            city_T_camera = log.city_T_axle(then) @ log.mounts[camera]
            K.append(matrix)
            camera_T_lidar.append(invert_transform(city_T_camera) @ global_T_lidar)
            times.append(then * 1e-9)
        names = [name for name in (UP, DOWN) if name in log.mounts]
        lidar_T = [invert_transform(ego_T_lidar) @ EGO_T_AXLE @ log.mounts[name] for name in names]
        is_first = index == 0 or self._index[index - 1][0] != path
        return Frame(
            token=f"{path.name}-{stamp}",
            scene=path.name,
            timestamp_s=stamp * 1e-9,
            points=points,
            ring=ring,
            sweep_index=np.zeros(len(points), np.int16),
            sweep_T=np.eye(4)[None],
            images=tuple(images),
            camera_K=np.array(K, np.float64).reshape(-1, 3, 3),
            camera_T_lidar=np.array(camera_T_lidar, np.float64).reshape(-1, 4, 4),
            camera_time_s=np.array(times, np.float64),
            ego_T_lidar=ego_T_lidar,
            global_T_lidar=global_T_lidar,
            boxes=self._boxes(log, stamp, ego_T_lidar, global_T_lidar),
            lidar_index=lidar,
            lidar_T=np.stack(lidar_T),
            taxonomy=self.taxonomy,
            previous=None if is_first else partial(self.__getitem__, index - 1),
        )

    def info(self, index: int) -> FrameInfo:
        """Return token and scene of a frame."""
        path, stamp = self._index[index]
        return FrameInfo(f"{path.name}-{stamp}", path.name)

    def labels(self, index: int) -> Int64:
        """Return the classes (M,) of a frame's objects, from the table of labels."""
        return self.annotations(index).boxes.labels

    def annotations(self, index: int) -> Frame:
        """See `FrameSource`; no sensor file is opened."""
        path, stamp = self._index[index]
        log = self._log(path)
        ego_T_lidar, global_T_lidar = read_log_frame(log, stamp)
        info, boxes = self.info(index), self._boxes(log, stamp, ego_T_lidar, global_T_lidar)
        return Frame.of_labels(
            info.token, info.scene, stamp * 1e-9, ego_T_lidar, global_T_lidar, boxes, self.taxonomy
        )

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """Return every (height, width) that the calibrations state."""
        sizes = [
            self._log(path).intrinsics[camera][1]
            for path in self._paths
            for camera in self.cameras
            if camera in self._log(path).intrinsics
        ]
        return frozenset((height, width) for width, height in sizes)

    def image_files(self, index: int) -> tuple[Path, ...]:
        """List the image files of a frame, in the order of the cameras."""
        path, stamp = self._index[index]
        log = self._log(path)
        return tuple(
            self._image(path, camera, log.image_stamp(camera, stamp)) for camera in self.cameras
        )

    def content_hash(self) -> str:
        """Return the digest of all files of the split."""
        files = {
            f"{one.parent.name} {one.relative_to(path)}": one
            for path in self._paths
            for one in sorted(path.rglob("*"))
            if one.is_file()
        }
        start = repr((READER_VERSION, self.taxonomy, self.cameras))
        return hashlib.sha256((start + hash_contents(files)).encode()).hexdigest()

    def labels_hash(self) -> str:
        """See `FrameSource`."""
        return self.content_hash()

    def _image(self, path: Path, camera: str, stamp: int) -> Path:
        return path / "sensors" / "cameras" / camera / f"{stamp}.jpg"

    def _points(self, log: Log, stamp: int, ego_T_lidar: Float64) -> tuple[Float32, Int16, Int16]:
        """Points (N, 5), rings and LiDARs of a sweep."""
        path = log.path / "sensors" / "lidar" / f"{stamp}.feather"
        table = read_feather(path, SWEEP)
        xyz = np.stack([table[name] for name in "xyz"], axis=-1)
        lasers = table["laser_number"]
        if len(lasers) and (lasers.min() < 0 or lasers.max() >= LASERS):
            raise CalicoError(
                f"table {path}: laser_number from {lasers.min()} to {lasers.max()}, expected 0 to "
                f"{LASERS - 1}"
            )
        if len(xyz) and (abs(xyz).max() > FARTHEST_M):
            raise CalicoError(f"table {path}: a point is {abs(xyz).max():g} m away")
        order = np.argsort(lasers >= BEAMS, kind="stable")
        xyz, lasers = xyz[order], lasers[order]
        points = np.zeros((len(xyz), 5), np.float32)
        points[:, :3] = transform_points(invert_transform(ego_T_lidar) @ EGO_T_AXLE, xyz)
        points[:, 3] = np.clip(table["intensity"][order] / FULL_INTENSITY, 0.0, 1.0)
        lower = lasers >= BEAMS
        ring = np.where(lower, lasers, BEAMS - 1 - lasers).astype(np.int16)
        if lower.any() and DOWN not in log.mounts:
            raise CalicoError(f"{log.path}: has returns of {DOWN}, but no row of it in its mounts")
        return points, ring, lower.astype(np.int16)

    def _boxes(self, log: Log, stamp: int, ego_T_lidar: Float64, global_T_lidar: Float64) -> Boxes:
        """The objects of a sweep in its LiDAR frame."""
        table = log.annotations()
        kept = [
            (int(row), label)
            for row in np.flatnonzero(table["timestamp_ns"] == stamp)
            if (label := self.taxonomy.label_of(str(table["category"][row]))) is not None
        ]
        rows = np.array([row for row, _ in kept], np.int64)
        boxes: npt.NDArray[np.floating] = np.zeros((len(rows), 9))
        if len(rows):
            poses = table["pose"][rows]
            boxes[:, :3] = poses[:, :3, 3]
            names = ("length_m", "width_m", "height_m")
            boxes[:, 3:6] = np.stack([table[name][rows] for name in names], axis=-1)
            boxes[:, 6] = np.arctan2(poses[:, 1, 0], poses[:, 0, 0])
            boxes = transform_boxes(invert_transform(ego_T_lidar) @ EGO_T_AXLE, boxes)
            turn = -yaw_of(global_T_lidar)
            c, s = np.cos(turn), np.sin(turn)
            boxes[:, 7:9] = table["velocity"][rows] @ np.array([[c, s], [-s, c]])
        return Boxes(
            boxes.astype(np.float32),
            np.array([label for _, label in kept], np.int64),
            np.full(len(rows), -1, np.int64),
            table["num_interior_pts"][rows].astype(np.int64),
            tuple(str(table["track_uuid"][row]) for row in rows),
        )


def find_logs(root: Path, split: str) -> tuple[Path, ...]:
    """Find the folders of the logs of a split.

    Args:
        root: The folder that holds SPLIT/LOG/, or LOG/.
        split: Name of the split's folder, of one log, or "all".

    Raises:
        CalicoError: There is no such split.
    """
    logs = sorted(
        path.parent for path in (*root.glob(f"*/{POSE_FILE}"), *root.glob(f"*/*/{POSE_FILE}"))
    )
    found = [log for log in logs if split in ("all", log.name, log.parent.name)]
    if split != "all":
        found = [log for log in found if log.name == split or log.parent != root]
    if not found:
        known = sorted({log.parent.name for log in logs if log.parent != root})
        raise CalicoError(
            f"data {root}: no log of split '{split}'; expected one of "
            f"{', '.join([*known, 'all'])}, or the name of a log"
        )
    return tuple(found)
