"""The columns of the index: records as Arrow tables, and back.

An index file is a chain of Arrow IPC streams, one for each name in `STREAMS`. References are row
numbers instead of tokens:

    scenes      name, location, first sample, number of samples, error
    samples     token, LiDAR sweeps and cameras (rows of sensors), first box, number of boxes
    sensors     token, file, time, size, pose of the vehicle, row of mounts
    mounts      pose of the sensor on the vehicle, intrinsics (none for the LiDAR)
    instances   names of objects
    boxes       the values of `Boxes`, row of instances

Numbers keep their 64 bits (32 for boxes), so that a record that is read back equals the one that
was written, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from calico.data.nuscenes.records import SampleRecord, SensorRecord
from calico.errors import CalicoError

STREAMS = ("scenes", "samples", "sensors", "mounts", "instances", "boxes")
POSE, MATRIX, BOX = 7, 9, 9
"""Numbers in a pose, in intrinsics and in a box."""
Mount = tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]


@dataclass
class _Rows:
    """Rows that are numbered in the order in which they come up."""

    number: dict[Any, int] = field(default_factory=dict)

    def add(self, key: Any) -> int:
        """Return the number of a row."""
        return self.number.setdefault(key, len(self.number))


class IndexColumns:
    """Collects the records of scenes as columns."""

    def __init__(self) -> None:
        self.scenes: list[tuple[str, str, int, int, str]] = []
        self.samples: list[tuple[str, list[int], list[int], int, int]] = []
        self.sensors: list[tuple[SensorRecord, int]] = []
        self._sensor_rows: dict[str, int] = {}
        self.mounts, self.instances = _Rows(), _Rows()
        self.boxes: list[tuple[np.ndarray, ...]] = []
        self.instance_rows: list[int] = []
        self._box_count = 0

    def add_scene(self, name: str, records: Iterable[SampleRecord]) -> None:
        """Add a scene.

        An error of its tables is kept with the scene, because it concerns only those who ask for
        the scene.

        Args:
            name: Name of the scene.
            records: Its keyframes, in order.
        """
        first, location, error = len(self.samples), "", ""
        try:
            for sample in records:
                self._add_sample(sample)
                location = sample.location
        except CalicoError as found:
            error = str(found)
            del self.samples[first:]
        self.scenes.append((name, location, first, len(self.samples) - first, error))

    def _add_sample(self, sample: SampleRecord) -> None:
        boxes = sample.boxes
        self.samples.append(
            (
                sample.token,
                [self._add_sensor(one) for one in sample.lidar],
                [self._add_sensor(one) for one in sample.cameras],
                self._box_count,
                len(boxes),
            )
        )
        self.boxes.append((boxes.boxes, boxes.labels, boxes.attributes, boxes.num_points))
        self.instance_rows += [self.instances.add(name) for name in boxes.instances]
        self._box_count += len(boxes)

    def _add_sensor(self, record: SensorRecord) -> int:
        if record.token not in self._sensor_rows:
            self._sensor_rows[record.token] = len(self.sensors)
            mount: Mount = (record.ego_from_sensor, record.camera_K)
            self.sensors.append((record, self.mounts.add(mount)))
        return self._sensor_rows[record.token]

    def to_batches(self) -> dict[str, Any]:
        """Return one Arrow record batch for each name of `STREAMS`.

        Raises:
            OverflowError: A number of the tables does not fit into 64 bits.
        """
        return {
            "scenes": _batch(
                name=_column(self.scenes, 0, "string"),
                location=_column(self.scenes, 1, "string"),
                first=_column(self.scenes, 2, "int64"),
                count=_column(self.scenes, 3, "int64"),
                error=_column(self.scenes, 4, "string"),
            ),
            "samples": _batch(
                token=_column(self.samples, 0, "string"),
                lidar=_column(self.samples, 1, "list"),
                cameras=_column(self.samples, 2, "list"),
                first=_column(self.samples, 3, "int64"),
                count=_column(self.samples, 4, "int64"),
            ),
            "sensors": self._sensor_batch(),
            "mounts": self._mount_batch(),
            "instances": _batch(name=_array(list(self.instances.number), "string")),
            "boxes": self._box_batch(),
        }

    def _sensor_batch(self) -> Any:
        records = [record for record, _ in self.sensors]
        poses = np.array([record.global_from_ego for record in records], np.float64)
        return _batch(
            token=_array([record.token for record in records], "string"),
            filename=_array([record.filename for record in records], "string"),
            time_us=_array([record.timestamp_us for record in records], "int64"),
            is_key=_array([int(record.is_key_frame) for record in records], "int64"),
            width=_array([record.size_wh[0] for record in records], "int64"),
            height=_array([record.size_wh[1] for record in records], "int64"),
            pose=_fixed(poses, POSE),
            mount=_column(self.sensors, 1, "int64"),
        )

    def _mount_batch(self) -> Any:
        poses, matrices = [], []
        for pose, matrix in self.mounts.number:
            poses.append(pose)
            matrices.append(np.array(matrix or np.zeros((3, 3)), np.float64).ravel())
        is_camera = [int(bool(matrix)) for _, matrix in self.mounts.number]
        return _batch(
            pose=_fixed(np.array(poses, np.float64), POSE),
            is_camera=_array(is_camera, "int64"),
            matrix=_fixed(np.array(matrices, np.float64), MATRIX),
        )

    def _box_batch(self) -> Any:
        def join(column: int, dtype: type) -> np.ndarray:
            parts = [row[column] for row in self.boxes]
            return np.concatenate(parts) if parts else np.zeros(0, dtype)

        return _batch(
            box=_fixed(join(0, np.float32).astype(np.float32), BOX),
            label=_array(join(1, np.int64), "int64"),
            attribute=_array(join(2, np.int64), "int64"),
            points=_array(join(3, np.int64), "int64"),
            instance=_array(self.instance_rows, "int64"),
        )


def _batch(**columns: Any) -> Any:
    import pyarrow as pa

    return pa.record_batch(columns)


def _column(rows: list[Any], position: int, kind: str) -> Any:
    return _array([row[position] for row in rows], kind)


def _array(values: Any, kind: str) -> Any:
    import pyarrow as pa

    if kind == "list":
        return pa.array(values, pa.list_(pa.int64()))
    return pa.array(values, pa.type_for_alias(kind))


def _fixed(values: np.ndarray, size: int) -> Any:
    """A column of (N, size) numbers."""
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), size)
