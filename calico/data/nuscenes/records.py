"""From rows to records: what the loader needs of each keyframe, compact and without references."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calico.data.nuscenes.tables import Row, Tables
from calico.errors import CalicoError
from calico.frame import Boxes, Float64
from calico.geometry.frames import from_quaternion, inverse, wrap_angle
from calico.taxonomy import ATTRIBUTES, DETECTION_CLASSES

LIDAR = "LIDAR_TOP"
DETECTION_NAMES = {
    "movable_object.barrier": "barrier",
    "vehicle.bicycle": "bicycle",
    "vehicle.bus.bendy": "bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.car": "car",
    "vehicle.construction": "construction_vehicle",
    "vehicle.motorcycle": "motorcycle",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "human.pedestrian.construction_worker": "pedestrian",
    "human.pedestrian.police_officer": "pedestrian",
    "movable_object.trafficcone": "traffic_cone",
    "vehicle.trailer": "trailer",
    "vehicle.truck": "truck",
}
"""Category to class of the detection task; objects of the other categories are no ground truth."""
MAX_VELOCITY_GAP_S = 1.5
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
    """A keyframe: its LiDAR sweeps (the keyframe's first, then ever older), one record a camera, its boxes."""

    token: str
    scene: str
    location: str
    lidar: tuple[SensorRecord, ...]
    cameras: tuple[SensorRecord, ...]
    boxes: Boxes


class SampleReader:
    """Looks up the records of samples in the tables."""

    def __init__(self, tables: Tables, cameras: tuple[str, ...], sweeps: int) -> None:
        """Groups samples by scene, keyframe files by sample and channel, and annotations by sample."""
        self.tables = tables
        self.cameras = cameras
        self.sweeps = sweeps
        self._sensors: dict[str, SensorRecord] = {}
        self._samples: dict[str, list[Row]] = defaultdict(list)
        self._key_data: dict[str, dict[str, Row]] = defaultdict(dict)
        self._annotations: dict[str, list[Row]] = defaultdict(list)
        for row in tables.rows("sample").values():
            self._samples[row["scene_token"]].append(row)
        for row in tables.rows("sample_data").values():
            if row["is_key_frame"]:
                self._key_data[row["sample_token"]][self._channel(row)] = row
        for row in tables.rows("sample_annotation").values():
            self._annotations[row["sample_token"]].append(row)

    def scene_names(self) -> tuple[str, ...]:
        """All scenes, in the table's order."""
        return tuple(row["name"] for row in self.tables.rows("scene").values())

    def samples(self, scene_name: str) -> Iterator[tuple[Row, Row]]:
        """The (scene, sample) rows of one scene, by time."""
        for scene in self.tables.rows("scene").values():
            if scene["name"] == scene_name:
                for sample in sorted(self._samples[scene["token"]], key=lambda row: row["timestamp"]):
                    yield scene, sample

    def read(self, scene: Row, sample: Row) -> SampleRecord:
        """One keyframe.

        Raises:
            CalicoError: it has no LiDAR file, lacks a camera, or refers to a row that is not there.
        """
        log = self.tables.get("log", scene["log_token"], f"scene {scene['token']}")
        lidar = self._lidar_sweeps(sample)
        lidar_T_global = inverse(lidar[0].global_T_sensor())
        return SampleRecord(
            token=sample["token"],
            scene=scene["name"],
            location=log["location"],
            lidar=lidar,
            cameras=tuple(self._sensor(self._key_row(sample, camera)) for camera in self.cameras),
            boxes=self._boxes(self._annotations[sample["token"]], lidar_T_global),
        )

    def _channel(self, row: Row) -> str:
        mount = self.tables.get("calibrated_sensor", row["calibrated_sensor_token"], f"sample_data {row['token']}")
        sensor = self.tables.get("sensor", mount["sensor_token"], f"calibrated_sensor {mount['token']}")
        return str(sensor["channel"])

    def _key_row(self, sample: Row, channel: str) -> Row:
        found = self._key_data[sample["token"]]
        if channel not in found:
            raise CalicoError(
                f"{self.tables.path('sample_data')}: sample {sample['token']} has no keyframe of {channel}; "
                f"it has {', '.join(sorted(found)) or 'none at all'}. Set data.cameras to the cameras that are there."
            )
        return found[channel]

    def _lidar_sweeps(self, sample: Row) -> tuple[SensorRecord, ...]:
        row = self._key_row(sample, LIDAR)
        found = [self._sensor(row)]
        while len(found) < self.sweeps and row["prev"]:
            row = self.tables.get("sample_data", row["prev"], f"sample_data {row['token']} (prev)")
            found.append(self._sensor(row))
        return tuple(found)

    def _sensor(self, row: Row) -> SensorRecord:
        """Shared by the keyframes that use the same file."""
        token = row["token"]
        if token not in self._sensors:
            who = f"sample_data {token}"
            mount = self.tables.get("calibrated_sensor", row["calibrated_sensor_token"], who)
            pose = self.tables.get("ego_pose", row["ego_pose_token"], who)
            self._sensors[token] = SensorRecord(
                token=token,
                filename=row["filename"],
                timestamp_us=row["timestamp"],
                is_key_frame=row["is_key_frame"],
                size_wh=(row["width"], row["height"]),
                global_from_ego=self._pose("ego_pose", pose),
                ego_from_sensor=self._pose("calibrated_sensor", mount),
                camera_K=self._intrinsics(row, mount),
            )
        return self._sensors[token]

    def _pose(self, table: str, row: Row) -> tuple[float, ...]:
        pose = self._numbers(table, row, "translation", 3) + self._numbers(table, row, "rotation", 4)
        if np.linalg.norm(pose[3:]) < 0.5:
            raise CalicoError(
                f"{self.tables.path(table)}: row '{row['token']}' has rotation {pose[3:]}, not a unit quaternion"
            )
        return pose

    def _numbers(self, table: str, row: Row, field: str, count: int) -> tuple[float, ...]:
        try:
            numbers = tuple(float(value) for value in row[field])
        except (TypeError, ValueError):
            numbers = ()
        if len(numbers) != count or not np.isfinite(numbers).all():
            raise CalicoError(
                f"{self.tables.path(table)}: row '{row['token']}' has {field} {row[field]}, expected {count} finite numbers"
            )
        return numbers

    def _intrinsics(self, row: Row, mount: Row) -> tuple[tuple[float, ...], ...]:
        if self._channel(row) == LIDAR:
            return ()
        matrix = np.array(mount["camera_intrinsic"], dtype=object)
        if matrix.shape != (3, 3):
            raise CalicoError(
                f"{self.tables.path('calibrated_sensor')}: row '{mount['token']}' has a camera_intrinsic of shape "
                f"{matrix.shape}, expected (3, 3)"
            )
        return tuple(tuple(float(value) for value in line) for line in matrix)

    def _boxes(self, rows: list[Row], lidar_T_global: Float64) -> Boxes:
        """The annotations of the detection task in the LiDAR frame at the keyframe's sweep."""
        boxes, labels, attributes, counts, instances = [], [], [], [], []
        for row in rows:
            label = self._label(row)
            if label is None:
                continue
            width, length, height = self._numbers("sample_annotation", row, "size", 3)
            if min(width, length, height) <= 0:
                raise CalicoError(
                    f"{self.tables.path('sample_annotation')}: row '{row['token']}' has size {row['size']}, expected above 0"
                )
            pose = self._pose("sample_annotation", row)
            lidar_T_box = lidar_T_global @ from_quaternion(pose[3:], pose[:3])
            velocity = lidar_T_global[:2, :2] @ self._velocity(row)
            yaw = np.arctan2(lidar_T_box[1, 0], lidar_T_box[0, 0])
            boxes.append([*lidar_T_box[:3, 3], length, width, height, yaw, *velocity])
            labels.append(label)
            attributes.append(self._attribute(row))
            counts.append(row["num_lidar_pts"] + row["num_radar_pts"])
            instances.append(row["instance_token"])
        table = np.array(boxes, np.float64).reshape(-1, 9)
        table[:, 6] = wrap_angle(table[:, 6])
        return Boxes(
            boxes=table.astype(np.float32),
            labels=np.array(labels, np.int64),
            attributes=np.array(attributes, np.int64),
            num_points=np.array(counts, np.int64),
            instances=tuple(instances),
        )

    def _label(self, row: Row) -> int | None:
        instance = self.tables.get("instance", row["instance_token"], f"sample_annotation {row['token']}")
        category = self.tables.get("category", instance["category_token"], f"instance {instance['token']}")
        name = DETECTION_NAMES.get(category["name"])
        return None if name is None else DETECTION_CLASSES.index(name)

    def _attribute(self, row: Row) -> int:
        tokens = row["attribute_tokens"]
        who = f"sample_annotation {row['token']}"
        if not tokens:
            return -1
        name = self.tables.get("attribute", tokens[0], who)["name"]
        if len(tokens) > 1 or name not in ATTRIBUTES:
            raise CalicoError(
                f"{self.tables.path('sample_annotation')}: row '{row['token']}' has {len(tokens)} attributes (first '{name}'), "
                f"expected at most one of {', '.join(ATTRIBUTES)}"
            )
        return ATTRIBUTES.index(name)

    def _velocity(self, row: Row) -> Float64:
        """(2,) global m/s over the annotations before and after; NaN where there is none within 1.5 s (3 s for both)."""
        who = f"sample_annotation {row['token']}"
        first = self.tables.get("sample_annotation", row["prev"], f"{who} (prev)") if row["prev"] else row
        last = self.tables.get("sample_annotation", row["next"], f"{who} (next)") if row["next"] else row
        times = [self.tables.get("sample", end["sample_token"], who)["timestamp"] for end in (first, last)]
        seconds = (times[1] - times[0]) * 1e-6
        longest = MAX_VELOCITY_GAP_S * (2 if row["prev"] and row["next"] else 1)
        if not 0 < seconds <= longest:
            return np.full(2, np.nan)
        ends = [self._numbers("sample_annotation", end, "translation", 3)[:2] for end in (first, last)]
        velocity: Float64 = np.subtract(ends[1], ends[0]) / seconds
        return velocity
