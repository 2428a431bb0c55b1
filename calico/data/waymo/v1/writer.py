"""Write segments of version 1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.features import encode_features
from calico.data.waymo.v1.labels import encode_labels
from calico.data.waymo.v1.messages import FRAME
from calico.data.waymo.v1.sensors import (
    encode_camera_calibration,
    encode_image,
    encode_lidar_calibration,
    encode_scan,
    encode_transform,
)
from calico.data.waymo.v1.tfrecord import write_record
from calico.errors import CalicoError
from calico.files import open_atomic

_PLAIN = re.compile(r"\w[\w.-]{0,199}", re.ASCII)


def write_segment(root: Path, split: str, context: str, records: Iterable[WaymoRecord]) -> None:
    """Write the frames of a segment into one file, which appears when it is complete.

    One frame at a time is in memory. The map is that of the first frame.

    Args:
        root: Folder of the data set.
        split: Folder in it, e.g. "training".
        context: Name of the segment.
        records: Its frames, with ascending times.

    Raises:
        CalicoError: The name is no plain file name, there is no frame, a frame belongs to another
            segment or is out of order, or a number does not fit into the format.
    """
    for name in (split, context):
        if not _PLAIN.fullmatch(name):
            raise CalicoError(
                f"segment: got the name {name[:80]!r}, expected at most 200 letters, digits, '_', "
                "'.' and '-'"
            )
    path = root / split / f"segment-{context}_with_camera_labels.tfrecord"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = None
    with open_atomic(path) as stream:
        for record in records:
            if record.context != context:
                raise CalicoError(
                    f"segment {context}: got a frame of segment {record.context[:80]!r}"
                )
            if before is not None and record.timestamp_us <= before:
                raise CalicoError(
                    f"segment {context}: frame {record.timestamp_us} comes after {before}, "
                    "expected ascending times"
                )
            write_record(stream, encode_message(_encode(record, before is None), FRAME))
            before = record.timestamp_us
        if before is None:
            raise CalicoError(f"segment {context}: has no frame to write")


def _encode(record: WaymoRecord, with_map: bool) -> dict[str, Any]:
    return {
        "context": {
            "name": record.context,
            "camera_calibrations": [
                encode_camera_calibration(*one) for one in record.camera_calibrations.items()
            ],
            "laser_calibrations": [
                encode_lidar_calibration(*one) for one in record.lidar_calibrations.items()
            ],
            "stats": {name: text or None for name, text in vars(record.conditions).items()},
        },
        "timestamp_micros": record.timestamp_us,
        "pose": encode_transform(record.world_T_vehicle),
        "images": [encode_image(*one) for one in record.images.items()],
        "lasers": [encode_scan(*one) for one in record.scans.items()],
        "laser_labels": encode_labels(record.labels),
        "no_label_zones": [
            {"x": zone[:, 0], "y": zone[:, 1]} for zone in record.no_label_zones or ()
        ],
        "map_features": encode_features(record.map_features or ()) if with_map else None,
        "map_pose_offset": dict(zip("xyz", record.map_offset.tolist(), strict=True)),
    }
