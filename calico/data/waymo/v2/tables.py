"""What a segment holds besides range images and JPEG images: small tables that are read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from calico.data.waymo.records import (
    CameraCalibration,
    CameraImage,
    Conditions,
    Labels,
    LidarCalibration,
)
from calico.data.waymo.v2.casts import SmallTable
from calico.data.waymo.v2.files import ComponentFile
from calico.data.waymo.v2.schema import (
    BINARY,
    CAMERA,
    LASER,
    LASER_OBJECT,
    TIMESTAMP,
)
from calico.errors import CalicoError
from calico.frame import Float64, Int64

_XYZ = ("x", "y", "z")
_INTRINSIC = ("f_u", "f_v", "c_u", "c_v", "k1", "k2", "p1", "p2", "k3")
MAX_SIDE = 1 << 15
"""Largest width and height of an image."""


def read_all(file: ComponentFile, context: str) -> SmallTable:
    """Read all columns of a component but JPEG images.

    Args:
        file: The open file.
        context: The segment that all rows must be of.

    Raises:
        CalicoError: The file is damaged, or a row is of another segment.
    """
    table = file.read_table([c for c in file.component.columns if c.type != BINARY])
    table.check_segment(context)
    return table


def read_poses(table: SmallTable) -> tuple[Int64, Float64]:
    """Read the poses of the vehicle.

    Args:
        table: Component `vehicle_pose`.

    Returns:
        (n,) timestamps, ascending [microseconds], and (n, 4, 4) world_T_vehicle.

    Raises:
        CalicoError: Two rows have one timestamp.
    """
    timestamps = table.read_integers(TIMESTAMP)
    poses = table.read_matrices("world_from_vehicle.transform")
    order = np.argsort(timestamps, kind="stable")
    timestamps = timestamps[order]
    repeated = timestamps[1:][np.diff(timestamps) == 0]
    if len(repeated):
        raise CalicoError(f"{table.where}: two rows have the timestamp {repeated[0]}, expected one")
    return timestamps, poses[order]


def read_lidar_calibrations(table: SmallTable) -> dict[int, LidarCalibration]:
    """Read the calibrations of the LiDARs, by laser."""
    matrices = table.read_matrices("extrinsic.transform")
    low, high = (table.read_floats(f"beam_inclination.{end}") for end in ("min", "max"))
    beams = table.read_lists("beam_inclination.values")
    return {
        sensor: LidarCalibration(matrices[row], float(low[row]), float(high[row]), beams[row])
        for row, sensor in _sensors(table, LASER)
    }


def read_camera_calibrations(table: SmallTable) -> dict[int, CameraCalibration]:
    """Read the calibrations of the cameras, by camera."""
    matrices = table.read_matrices("extrinsic.transform")
    intrinsic = _stack(table, "intrinsic", _INTRINSIC)
    _check_finite(intrinsic, "intrinsic", table)
    width, height = table.read_integers("width"), table.read_integers("height")
    if ((width < 1) | (height < 1) | (width > MAX_SIDE) | (height > MAX_SIDE)).any():
        raise CalicoError(f"{table.where}: width or height is not between 1 and {MAX_SIDE} pixels")
    direction = table.read_integers("rolling_shutter_direction")
    return {
        sensor: CameraCalibration(
            intrinsic[row], matrices[row], int(width[row]), int(height[row]), int(direction[row])
        )
        for row, sensor in _sensors(table, CAMERA)
    }


@dataclass(frozen=True)
class ImageTable:
    """What stands beside the JPEG images: n rows.

    Attributes:
        poses: (n, 4, 4) world_T_vehicle.
        velocities: (n, 6); NaN where unknown.
        times: (n, 4) of the pose, of exposure, start and end of the readout [s].
    """

    poses: Float64
    velocities: Float64
    times: Float64

    @staticmethod
    def read(table: SmallTable) -> ImageTable:
        """Read the component `camera_image` without its images."""
        velocities = np.concatenate(
            [_stack(table, f"velocity.{kind}_velocity", _XYZ) for kind in ("linear", "angular")],
            axis=1,
        )
        names = ("shutter", "camera_trigger_time", "camera_readout_done_time")
        times = np.column_stack(
            [table.read_floats("pose_timestamp"), _stack(table, "rolling_shutter_params", names)]
        )
        return ImageTable(table.read_matrices("pose.transform"), velocities, times)

    def make_image(self, row: int, jpeg: bytes) -> CameraImage:
        """Make the image of a row.

        Args:
            row: Number in the file.
            jpeg: Its content.
        """
        velocity = self.velocities[row]
        return CameraImage(
            jpeg,
            self.poses[row].copy(),
            None if np.isnan(velocity).any() else velocity.copy(),
            *(float(time) for time in self.times[row]),
        )


@dataclass(frozen=True)
class LabelTable:
    """The labels of all frames of a segment, ordered by timestamp.

    Attributes:
        timestamps: (n,) of every label, ascending.
        ids: n names.
        numbers: (n, 7 + 3 + 3 + 7) box, speed, acceleration, camera-synced box.
        integers: (n, 6) type, points, points of the roof LiDAR, difficulty of detection and of
            tracking, most visible camera.
    """

    timestamps: Int64
    ids: pa.DictionaryArray
    numbers: Float64
    integers: Int64

    @staticmethod
    def read(boxes: SmallTable, synced: SmallTable | None) -> LabelTable:
        """Read labels.

        Args:
            boxes: Component `lidar_box`.
            synced: Component `lidar_camera_synced_box`, if there is one.

        Raises:
            CalicoError: Two rows have one timestamp and object; or a box is not finite.
        """
        timestamps, ids = boxes.read_integers(TIMESTAMP), boxes.read_texts(LASER_OBJECT)
        geometry = _box(boxes, "box")
        _check_finite(geometry, "box", boxes)
        motion = [_stack(boxes, path, _XYZ) for path in ("speed", "acceleration")]
        columns = [
            boxes.read_integers("type"),
            boxes.read_integers("num_lidar_points_in_box", missing=-1),
            boxes.read_integers("num_top_lidar_points_in_box", missing=-1),
            boxes.read_integers("difficulty_level.detection"),
            boxes.read_integers("difficulty_level.tracking"),
        ]
        others, cameras = _match_synced(timestamps, ids, boxes, synced)
        order = np.argsort(timestamps, kind="stable")
        return LabelTable(
            timestamps[order],
            ids.take(pa.array(order)),
            np.concatenate([geometry, *motion, others], axis=1)[order],
            np.column_stack([*columns, cameras])[order],
        )

    def select(self, timestamp_us: int) -> Labels:
        """Return the labels of one frame, in the order of the file."""
        low, high = np.searchsorted(self.timestamps, [timestamp_us, timestamp_us + 1])
        numbers = self.numbers[low:high].copy()
        integers = self.integers[low:high].T.copy()
        return Labels(
            ids=tuple(self.ids[int(low) : int(high)].to_pylist()),
            boxes=numbers[:, :7],
            types=integers[0],
            speed=numbers[:, 7:10],
            acceleration=numbers[:, 10:13],
            num_points=integers[1],
            num_top_points=integers[2],
            detection_difficulty=integers[3],
            tracking_difficulty=integers[4],
            camera_synced=numbers[:, 13:],
            most_visible_camera=integers[5],
        )


def no_labels() -> LabelTable:
    """Return the labels of a segment without any, such as those of the test split."""
    none = pa.array([], pa.string()).dictionary_encode()
    return LabelTable(np.zeros(0, np.int64), none, np.zeros((0, 20)), np.zeros((0, 6), np.int64))


def read_conditions(table: SmallTable) -> dict[int, Conditions]:
    """Read weather, time of day and place, by timestamp."""
    names = ("time_of_day", "location", "weather")
    texts = [table.read_texts(name).to_pylist() for name in names]
    timestamps = table.read_integers(TIMESTAMP).tolist()
    return {
        timestamp: Conditions(*(text or "" for text in row))
        for timestamp, *row in zip(timestamps, *texts, strict=True)
    }


def _match_synced(
    timestamps: Int64, ids: Any, boxes: SmallTable, synced: SmallTable | None
) -> tuple[Float64, Int64]:
    """Return (n, 7) camera-synced boxes, NaN if missing, and (n,) cameras, of `lidar_box`."""
    found, cameras = np.full((len(ids), 7), np.nan), np.zeros(len(ids), np.int64)
    numbers: dict[str, int] = {}
    ours = _number_ids(ids, numbers)
    if synced is None or not len(synced):
        _check_unique(_pair(timestamps, ours, timestamps, len(numbers)), boxes)
        return found, cameras
    their_times = synced.read_integers(TIMESTAMP)
    theirs = _number_ids(synced.read_texts(LASER_OBJECT), numbers)
    times = np.unique(np.concatenate([timestamps, their_times]))
    keys = _check_unique(_pair(timestamps, ours, times, len(numbers)), boxes)
    others = _check_unique(_pair(their_times, theirs, times, len(numbers)), synced)
    _, rows, kept = np.intersect1d(keys, others, assume_unique=True, return_indices=True)
    geometry = _box(synced, "camera_synced_box")
    _check_finite(geometry, "camera_synced_box", synced)
    found[rows] = geometry[kept]
    cameras[rows] = synced.read_integers("most_visible_camera_name")[kept]
    return found, cameras


def _number_ids(ids: Any, numbers: dict[str, int]) -> Int64:
    """(n,) number of every name; new names are added."""
    known = [numbers.setdefault(name, len(numbers)) for name in ids.dictionary.to_pylist()]
    found: Int64 = np.array(known, np.int64)[ids.indices.to_numpy()]
    return found


def _pair(timestamps: Int64, objects: Int64, times: Int64, count: int) -> Int64:
    """(n,) one number for each pair of a timestamp and an object."""
    keys: Int64 = np.searchsorted(np.unique(times), timestamps) * count + objects
    return keys


def _check_unique(keys: Int64, table: SmallTable) -> Int64:
    """Return the numbers if each appears once."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(np.diff(keys[order]) == 0)
    if len(same):
        row = int(order[same[0]])
        name = table.read_texts(LASER_OBJECT)[row].as_py()
        raise CalicoError(
            f"{table.where}: two rows have the timestamp {table.read_integers(TIMESTAMP)[row]} and "
            f"object {name[:80]!r}, expected one"
        )
    return keys


def _sensors(table: SmallTable, key: str) -> list[tuple[int, int]]:
    """List (row, sensor), each sensor once."""
    sensors = table.read_integers(key).tolist()
    if len(set(sensors)) != len(sensors):
        raise CalicoError(f"{table.where}: two rows have one {key}, expected one")
    return list(enumerate(sensors))


def _stack(table: SmallTable, path: str, names: Sequence[str]) -> Float64:
    return np.stack([table.read_floats(f"{path}.{name}") for name in names], axis=1)


def _box(table: SmallTable, path: str) -> Float64:
    parts = [_stack(table, f"{path}.{part}", _XYZ) for part in ("center", "size")]
    return np.column_stack([*parts, table.read_floats(f"{path}.heading")])


def _check_finite(numbers: Float64, what: str, table: SmallTable) -> None:
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers).all(axis=1))[0])
        raise CalicoError(f"{table.where}: {what} of row {row} holds a number that is not finite")
