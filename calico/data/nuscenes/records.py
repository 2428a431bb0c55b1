"""From rows to records: what the loader needs of each keyframe, compact and without references."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calico.data.nuscenes.annotations import BoxReader
from calico.data.nuscenes.categories import DETECTION_NAMES, WITHOUT_CLASS
from calico.data.nuscenes.maps import LAYERS
from calico.data.nuscenes.paths import check_plain_name
from calico.data.nuscenes.tables import Row, Tables
from calico.data.nuscenes.times import TOGETHER_US, check_scene_times, check_together
from calico.data.nuscenes.values import read_intrinsics, read_pose
from calico.errors import CalicoError
from calico.frame import Boxes, Float64
from calico.geometry.frames import from_quaternion
from calico.taxonomy import NUSCENES, Taxonomy

LIDAR = "LIDAR_TOP"
RAW_T_LIDAR = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""Takes our LiDAR axes (x forward, y left) into the file's (x right, y forward)."""


@dataclass(frozen=True)
class SensorRecord:
    """One file of one sensor. Poses as (x, y, z, qw, qx, qy, qz); camera_K is () for the LiDAR."""

    token: str
    filename: str
    timestamp_us: int
    is_key_frame: bool
    size_wh: tuple[int, int]
    global_from_ego: tuple[float, ...]
    ego_from_sensor: tuple[float, ...]
    camera_K: tuple[tuple[float, ...], ...]

    def global_T_ego(self) -> Float64:
        """(4, 4) at the time of this file."""
        return from_quaternion(self.global_from_ego[3:], self.global_from_ego[:3])

    def ego_T_sensor(self) -> Float64:
        """(4, 4) in the sensor's own axes; the LiDAR's are turned to ours."""
        mounted = from_quaternion(self.ego_from_sensor[3:], self.ego_from_sensor[:3])
        return mounted if self.camera_K else mounted @ RAW_T_LIDAR

    def global_T_sensor(self) -> Float64:
        """(4, 4) at the time of this file, axes as in ego_T_sensor."""
        return self.global_T_ego() @ self.ego_T_sensor()


@dataclass(frozen=True)
class SampleRecord:
    """A keyframe: its LiDAR sweeps, one record for each camera, and its boxes.

    The sweeps begin with the keyframe's own and go back in time.
    """

    token: str
    scene: str
    location: str
    lidar: tuple[SensorRecord, ...]
    cameras: tuple[SensorRecord, ...]
    boxes: Boxes


class SampleReader:
    """Looks up the records of samples in the tables."""

    def __init__(
        self, tables: Tables, cameras: tuple[str, ...], sweeps: int, taxonomy: Taxonomy
    ) -> None:
        """Group samples by scene, keyframe files by sample and channel, and annotations by sample.

        Args:
            tables: The data set's.
            cameras: Channels, in the order of the views.
            sweeps: LiDAR sweeps a frame, the keyframe's included.
            taxonomy: Classes of the boxes, made of categories and classes of the detection task,
                and of the map.

        Raises:
            CalicoError: A file, or the keyframe of a sensor, is claimed by two rows; or the
                taxonomy
                has a source that the data set does not know.
        """
        self.taxonomy = taxonomy
        self.tables = tables
        self.cameras = cameras
        self.sweeps = sweeps
        self._sensors: dict[str, SensorRecord] = {}
        self._samples: dict[str, list[Row]] = defaultdict(list)
        self._key_data: dict[str, dict[str, Row]] = defaultdict(dict)
        self._boxes = BoxReader(tables, taxonomy)
        for row in tables.rows("sample").values():
            self._samples[row["scene_token"]].append(row)
        self._index_files()
        own = [row["name"] for row in tables.rows("category").values()]
        known = dict.fromkeys((*NUSCENES.names, *DETECTION_NAMES, *WITHOUT_CLASS, *own))
        taxonomy.check_sources(known, LAYERS, f"data set {tables.folder}")

    def scene_names(self) -> tuple[str, ...]:
        """All scenes, in the table's order."""
        return tuple(row["name"] for row in self.tables.rows("scene").values())

    def samples(self, scene_name: str) -> Iterator[tuple[Row, Row]]:
        """The (scene, sample) rows of one scene, by time.

        Raises:
            CalicoError: Two samples have one time, or the times are in another unit than
                microseconds.
        """
        for scene in self.tables.rows("scene").values():
            if scene["name"] == scene_name:
                rows = sorted(self._samples[scene["token"]], key=lambda row: row["timestamp"])
                check_scene_times(self.tables.path("sample"), scene_name, rows)
                for sample in rows:
                    yield scene, sample

    def read(self, scene: Row, sample: Row) -> SampleRecord:
        """Read one keyframe.

        Args:
            scene: Its row of scene.json.
            sample: Its row of sample.json.

        Raises:
            CalicoError: It has no LiDAR file, lacks a camera, refers to a row that is missing, or a
                value
                of its rows is impossible.
        """
        log = self.tables.get("log", scene["log_token"], f"scene {scene['token']}")
        if log["location"]:
            check_plain_name(
                log["location"],
                f"{self.tables.path('log')}: row with token '{log['token']}': location",
            )
        rows = {channel: self._key_row(sample, channel) for channel in (LIDAR, *self.cameras)}
        check_together(self.tables.path("sample_data"), sample, list(rows.values()))
        lidar = self._lidar_sweeps(rows[LIDAR])
        return SampleRecord(
            token=sample["token"],
            scene=scene["name"],
            location=log["location"],
            lidar=lidar,
            cameras=tuple(self._sensor(rows[camera]) for camera in self.cameras),
            boxes=self._boxes.read(sample["token"], lidar[0].global_T_sensor()),
        )

    def _index_files(self) -> None:
        table, rows = self.tables.path("sample_data"), self.tables.rows("sample_data").values()
        if len({row["filename"] for row in rows}) < len(rows):
            self._tell_of_shared_file()
        for row in rows:
            if row["is_key_frame"]:
                channel = self._channel(row)
                other = self._key_data[row["sample_token"]].setdefault(channel, row)
                if other is not row:
                    raise CalicoError(
                        f"{table}: rows '{other['token']}' and '{row['token']}' are both the "
                        f"keyframe of {channel} in sample "
                        f"'{row['sample_token']}', expected one"
                    )

    def _tell_of_shared_file(self) -> None:
        """Raises CalicoError for the first file that two rows claim."""
        first: dict[str, Row] = {}
        for row in self.tables.rows("sample_data").values():
            other = first.setdefault(row["filename"], row)
            if other is not row:
                raise CalicoError(
                    f"{self.tables.path('sample_data')}: rows '{other['token']}' and "
                    f"'{row['token']}' have the same file "
                    f"'{row['filename']}', expected one row of each file"
                )

    def _channel(self, row: Row) -> str:
        mount = self.tables.get(
            "calibrated_sensor", row["calibrated_sensor_token"], f"sample_data {row['token']}"
        )
        sensor = self.tables.get(
            "sensor", mount["sensor_token"], f"calibrated_sensor {mount['token']}"
        )
        return str(sensor["channel"])

    def _key_row(self, sample: Row, channel: str) -> Row:
        found = self._key_data.get(sample["token"], {})
        if channel not in found:
            raise CalicoError(
                f"{self.tables.path('sample_data')}: sample {sample['token']} has no keyframe of "
                f"{channel}; "
                f"it has {', '.join(sorted(found)) or 'none at all'}. Set data.cameras to the "
                "cameras that are there."
            )
        return found[channel]

    def _lidar_sweeps(self, row: Row) -> tuple[SensorRecord, ...]:
        found = [self._sensor(row)]
        while len(found) < self.sweeps and row["prev"]:
            older = self.tables.get(
                "sample_data", row["prev"], f"sample_data {row['token']} (prev)"
            )
            self._check_older(row, older)
            row = older
            found.append(self._sensor(row))
        return tuple(found)

    def _check_older(self, row: Row, older: Row) -> None:
        """Check that `prev` leads back in time, to the same sensor and scene."""
        scenes = [
            self.tables.get("sample", one["sample_token"], f"sample_data {one['token']}")[
                "scene_token"
            ]
            for one in (row, older)
        ]
        fault = ""
        if older["timestamp"] >= row["timestamp"]:
            fault = f"is not older ({older['timestamp']} us, after {row['timestamp']} us)"
        elif self._channel(older) != LIDAR:
            fault = f"is a file of {self._channel(older)}"
        elif scenes[0] != scenes[1]:
            fault = f"is of another scene ('{scenes[1]}')"
        elif row["timestamp"] - older["timestamp"] > TOGETHER_US:
            fault = (
                f"is more than {TOGETHER_US // 1_000_000} s older ({older['timestamp']} us, "
                f"after {row['timestamp']} us)"
            )
        if fault:
            raise CalicoError(
                f"{self.tables.path('sample_data')}: prev of row '{row['token']}' is "
                f"'{older['token']}', which {fault}; expected "
                f"the file of {LIDAR} before it"
            )

    def _sensor(self, row: Row) -> SensorRecord:
        """Shared by the keyframes that use the same file."""
        token = row["token"]
        if token not in self._sensors:
            who = f"sample_data {token}"
            mount = self.tables.get("calibrated_sensor", row["calibrated_sensor_token"], who)
            pose = self.tables.get("ego_pose", row["ego_pose_token"], who)
            mounts = self.tables.path("calibrated_sensor")
            self._sensors[token] = SensorRecord(
                token=token,
                filename=row["filename"],
                timestamp_us=row["timestamp"],
                is_key_frame=row["is_key_frame"],
                size_wh=(row["width"], row["height"]),
                global_from_ego=read_pose(self.tables.path("ego_pose"), pose),
                ego_from_sensor=read_pose(mounts, mount),
                camera_K=() if self._channel(row) == LIDAR else read_intrinsics(mounts, mount),
            )
        return self._sensors[token]
