"""From a corrupted frame to files and rows: only differences from the clean frame are written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from calico.data.copies.folder import OutputFolder, Part
from calico.data.copies.subset import RowsByTable, list_own_sweeps
from calico.data.copies.write import (
    encode_image,
    encode_points,
    new_token,
    pose_fields,
    read_as_own,
)
from calico.data.nuscenes.paths import DataFolder
from calico.data.nuscenes.records import SampleRecord, SensorRecord
from calico.data.nuscenes.tables import Row
from calico.errors import CalicoError
from calico.frame import Boxes, Float64, Frame
from calico.geometry.frames import from_quaternion, from_yaw, invert_transform, transform_points

MAX_AGE_ERROR_S = 1e-3


@dataclass(frozen=True)
class FrameWriter:
    """Writer of the frames of one copy.

    Attributes:
        folder: The copy.
        rows: The clean tables, see `subset.select_rows`.
        original: The clean data set's folder.
        table: Its sample_data.json.
        annotations: The clean annotation of every (sample token, instance token).
    """

    folder: OutputFolder
    rows: RowsByTable
    original: DataFolder
    table: Path
    annotations: dict[tuple[str, str], Row]

    def part(self, clean: Frame, changed: Frame, sample: SampleRecord) -> Part:
        """Write the files of a keyframe and of the sweeps that belong to it.

        Args:
            clean: The frame before and after the corruption.
            changed: The frame before and after the corruption.
            sample: What the clean tables say about it.

        Returns:
            The files, and the changes of the tables.

        Raises:
            CalicoError: The corruption changed something that the format has no place for.
        """
        _check_storable(clean, changed, sample)
        part = Part()
        for index, record in enumerate(list_own_sweeps(sample)):
            age_s = (sample.lidar[0].timestamp_us - record.timestamp_us) * 1e-6
            self._write_sweep(part, clean, changed, index, record, age_s)
        for view, record in enumerate(sample.cameras):
            self._write_camera(part, clean, changed, view, record)
        self._move_boxes(part, clean, changed.boxes, sample)
        return part

    def _write_sweep(
        self,
        part: Part,
        clean: Frame,
        changed: Frame,
        index: int,
        record: SensorRecord,
        age_s: float,
    ) -> None:
        """The sweep in the axes of its own sensor, at its own time."""
        here, before = changed.sweep_index == index, clean.sweep_index == index
        pose = changed.sweep_T[index] if index < len(changed.sweep_T) else clean.sweep_T[index]
        moved = not np.array_equal(pose, clean.sweep_T[index])
        cloud, ring = changed.points[here], changed.ring[here]
        if (
            not moved
            and np.array_equal(cloud, clean.points[before])
            and np.array_equal(ring, clean.ring[before])
        ):
            self._take(part, record)
            return
        self.folder.write(
            part,
            record.filename,
            encode_points(
                cloud, ring, invert_transform(pose) if index else None, record.is_key_frame
            ),
        )
        if moved:
            global_T_ego = clean.global_T_lidar @ pose @ invert_transform(record.ego_T_sensor())
            self._new_row(part, "ego_pose", record, pose_fields(global_T_ego))
        _count(part, "points_with_another_age", abs(cloud[:, 4] - age_s) > MAX_AGE_ERROR_S)
        _count(part, "points_within_1_m_of_the_sensor", read_as_own(cloud, invert_transform(pose)))

    def _write_camera(
        self, part: Part, clean: Frame, changed: Frame, view: int, record: SensorRecord
    ) -> None:
        """The image, and in sample_data the calibration and time that the model is to be given."""
        fields: Row = {}
        image = changed.images[view]
        if np.array_equal(image, clean.images[view]):
            self._take(part, record)
        else:
            name = str(PurePosixPath(record.filename).with_suffix(".png"))
            self.folder.write(part, name, encode_image(image))
            fields |= {
                "filename": name,
                "fileformat": "png",
                "height": image.shape[0],
                "width": image.shape[1],
            }
        if changed.camera_time_s[view] != clean.camera_time_s[view]:
            fields["timestamp"] = round(float(changed.camera_time_s[view]) * 1e6)
        if fields:
            part.changed.setdefault("sample_data", {})[record.token] = fields
        camera_T_lidar, K = changed.camera_T_lidar[view], changed.camera_K[view]
        if not (
            np.array_equal(camera_T_lidar, clean.camera_T_lidar[view])
            and np.array_equal(K, clean.camera_K[view])
        ):
            ego_T_camera = (
                invert_transform(record.global_T_ego())
                @ clean.global_T_lidar
                @ invert_transform(camera_T_lidar)
            )
            self._new_row(
                part,
                "calibrated_sensor",
                record,
                pose_fields(ego_T_camera) | {"camera_intrinsic": K.tolist()},
            )

    def _new_row(self, part: Part, table: str, record: SensorRecord, fields: Row) -> None:
        """Give a file a row of its own in calibrated_sensor or ego_pose.

        Other files may share the one that it had.
        """
        reference = f"{table}_token"
        old = self.rows[table][self.rows["sample_data"][record.token][reference]]
        token = new_token(table, record.token, self.folder.identity["condition"])
        part.added.setdefault(table, []).append(old | fields | {"token": token})
        part.changed.setdefault("sample_data", {}).setdefault(record.token, {})[reference] = token

    def _move_boxes(self, part: Part, clean: Frame, boxes: Boxes, sample: SampleRecord) -> None:
        """Change the annotations of the boxes that moved; the others keep their digits.

        Velocities follow from positions over time.
        """
        for number, instance in enumerate(sample.boxes.instances):
            before, after = (
                clean.boxes.boxes[number, :7].astype(np.float64),
                boxes.boxes[number, :7].astype(np.float64),
            )
            count, moved = int(boxes.num_points[number]), not np.array_equal(before, after)
            if not moved and count == clean.boxes.num_points[number]:
                continue
            row = self.annotations[clean.token, instance]
            fields: Row = {"num_lidar_pts": max(0, count - row["num_radar_pts"])}
            if moved:
                fields |= _moved(row, clean.global_T_lidar, before, after)
            part.changed.setdefault("sample_annotation", {})[row["token"]] = fields

    def _take(self, part: Part, record: SensorRecord) -> None:
        self.folder.take(
            part, record.filename, self.original.locate(record.filename, self.table, record.token)
        )


def _moved(row: Row, global_T_lidar: Float64, before: Float64, after: Float64) -> Row:
    """Compute the pose of an annotation after its box (7,) in the LiDAR frame moved.

    It is turned about the global z, because headings are level.
    """
    global_T_box = from_yaw(after[6] - before[6]) @ from_quaternion(row["rotation"])
    global_T_box[:3, 3] = transform_points(global_T_lidar, after[None, :3])[0]
    size = [after[4], after[3], after[5]] if (before[3:6] != after[3:6]).any() else row["size"]
    return pose_fields(global_T_box) | {"size": size}


def _check_storable(clean: Frame, changed: Frame, sample: SampleRecord) -> None:
    """Raises CalicoError for changes that nuScenes' format has no place for."""
    faults = {
        "token, scene or time of the frame": (clean.token, clean.scene, clean.timestamp_s)
        != (changed.token, changed.scene, changed.timestamp_s),
        "the LiDAR's own pose": not (
            np.array_equal(clean.ego_T_lidar, changed.ego_T_lidar)
            and np.array_equal(clean.global_T_lidar, changed.global_T_lidar)
            and np.array_equal(clean.sweep_T[0], changed.sweep_T[0])
        ),
        "the number of cameras": len(clean.images) != len(changed.images),
        "the number of LiDAR sweeps": len(changed.points) > 0
        and changed.sweep_index.max() >= len(sample.lidar),
        "which objects there are": clean.boxes.instances != changed.boxes.instances
        or not np.array_equal(clean.boxes.labels, changed.boxes.labels)
        or len(clean.boxes) != len(sample.boxes),
    }
    for what, changed_it in faults.items():
        if changed_it:
            raise CalicoError(
                f"frame {clean.token}: the corruption changed {what}, which a copy in nuScenes' "
                "format cannot hold; "
                "leave this condition out, or run `calico robust` on the model itself"
            )


def _count(part: Part, what: str, points: np.ndarray) -> None:
    if points.any():
        part.not_stored[what] = part.not_stored.get(what, 0) + int(points.sum())
