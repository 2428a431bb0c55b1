"""`Objects`: the file of boxes that Waymo's metrics and leaderboards read, as arrays.

Ground truth and predictions have the same form. One file holds the boxes of many frames.

Source: metrics.proto of waymo-research/waymo-open-dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.waymo.records import CAMERA_NAMES, Labels
from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.labels import decode_labels, encode_labels, join_labels
from calico.data.waymo.v1.messages import OBJECTS
from calico.data.waymo.v1.wire import iterate_messages
from calico.errors import CalicoError
from calico.files import read_bytes, write_atomic
from calico.frame import Bool, Float32, Float64, Int64

MAX_BYTES = (1 << 31) - 1
"""Largest file: no message of this format can be larger."""
MAX_OBJECTS = 10_000_000
_CHUNK = 4096


@dataclass(frozen=True)
class NoLabelZone:
    """An area of one frame without labels.

    Attributes:
        context: Name of the segment.
        timestamp_us: Time of the frame [microseconds].
        polygon: (P, 2) x and y [m].
    """

    context: str
    timestamp_us: int
    polygon: Float64


@dataclass(frozen=True)
class Objects:
    """N boxes of many frames, in the order of the file.

    Attributes:
        labels: Boxes in the vehicle frame, types, ids, numbers of points, difficulties, as (N, ...)
            arrays.
        contexts: N names of segments.
        timestamps_us: (N,) int64 times of the frames [microseconds].
        scores: (N,) float32 confidences, NaN where none is set, as in ground truth (the
            format's own default is 1).
        in_no_label_zone: (N,) bool, whether the box is marked to overlap a no-label zone.
        cameras: (N,) int64 key of `CAMERA_NAMES` for boxes in images, else 0.
        no_label_zones: Zones of ground truth.
    """

    labels: Labels
    contexts: tuple[str, ...]
    timestamps_us: Int64
    scores: Float32
    in_no_label_zone: Bool
    cameras: Int64
    no_label_zones: tuple[NoLabelZone, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.labels.ids)
        for name in ("contexts", "timestamps_us", "scores", "in_no_label_zone", "cameras"):
            if len(getattr(self, name)) != n:
                raise CalicoError(
                    f"Objects.{name}: got {len(getattr(self, name))} values, expected {n}"
                )

    def __len__(self) -> int:
        return len(self.labels.ids)


def read_objects(path: Path) -> Objects:
    """Read a file of boxes.

    Args:
        path: A serialised `waymo.open_dataset.Objects`.

    Raises:
        CalicoError: The file is missing, damaged, or has more than `MAX_OBJECTS` objects.

    Example:
        >>> truth = read_objects(Path("ground_truths.bin"))  # doctest: +SKIP
        >>> truth.labels.boxes.shape  # doctest: +SKIP
        (1010, 7)
    """
    where = f"objects {path}"
    data = read_bytes(path, MAX_BYTES, "objects")
    parts: list[Labels] = []
    pending: list[dict[str, Any]] = []
    rows: list[tuple[str, int, float, bool, int]] = []
    zones: list[NoLabelZone] = []
    for name, value in iterate_messages(data, OBJECTS, where):
        if len(rows) + len(zones) >= MAX_OBJECTS:
            raise CalicoError(f"{where}: holds more than {MAX_OBJECTS} objects")
        if name == "no_label_zone_objects":
            zones.append(_read_zone(value, f"{where}: no-label zone {len(zones)}"))
            continue
        rows.append(_read_row(value, f"{where}: object {len(rows)}"))
        pending.append(value.get("object", {}))
        if len(pending) == _CHUNK:
            parts.append(decode_labels(pending, f"{where}: from object {len(rows) - _CHUNK} on"))
            pending = []
    parts.append(decode_labels(pending, f"{where}: from object {len(rows) - len(pending)} on"))
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return Objects(
        labels=join_labels(parts),
        contexts=tuple(columns[0]),
        timestamps_us=np.array(columns[1], np.int64),
        scores=np.array(columns[2], np.float32),
        in_no_label_zone=np.array(columns[3], np.bool_),
        cameras=np.array(columns[4], np.int64),
        no_label_zones=tuple(zones),
    )


def encode_objects(objects: Objects) -> dict[str, Any]:
    """Make the message `Objects`, as a dictionary for `encode_message`."""
    rows = [
        {
            "object": label,
            "score": None if np.isnan(objects.scores[index]) else float(objects.scores[index]),
            "overlap_with_nlz": True if objects.in_no_label_zone[index] else None,
            "context_name": objects.contexts[index],
            "frame_timestamp_micros": int(objects.timestamps_us[index]),
            "camera_name": int(objects.cameras[index]) or None,
        }
        for index, label in enumerate(encode_labels(objects.labels))
    ]
    zones = [
        {
            "zone": {"x": zone.polygon[:, 0].tolist(), "y": zone.polygon[:, 1].tolist()},
            "context_name": zone.context,
            "frame_timestamp_micros": zone.timestamp_us,
        }
        for zone in objects.no_label_zones
    ]
    return {"objects": rows, "no_label_zone_objects": zones}


def write_objects(path: Path, objects: Objects) -> None:
    """Write a file of boxes.

    Args:
        path: The file; its folder exists.
        objects: The boxes.

    Raises:
        CalicoError: A number does not fit into the format.
    """
    write_atomic(path, encode_message(encode_objects(objects), OBJECTS))


def decode_polygon(zone: dict[str, Any], where: str) -> Float64:
    """Make the (P, 2) corners of a `Polygon2dProto`.

    Args:
        zone: The decoded message.
        where: Names the file and the polygon in errors.

    Raises:
        CalicoError: There are not as many x as y, or one is not finite.
    """
    x, y = (np.asarray(zone.get(axis, ()), np.float64) for axis in "xy")
    if len(x) != len(y):
        raise CalicoError(f"{where} has {len(x)} x and {len(y)} y, expected as many")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise CalicoError(f"{where} has corners that are not finite")
    return np.stack([x, y], axis=1)


def _read_row(value: dict[str, Any], where: str) -> tuple[str, int, float, bool, int]:
    score, camera = value.get("score", float("nan")), value.get("camera_name", 0)
    if "score" in value and not np.isfinite(score):
        raise CalicoError(f"{where} has score {score}, expected a finite number")
    if camera and camera not in CAMERA_NAMES:
        raise CalicoError(f"{where} has camera {camera}, expected one of {sorted(CAMERA_NAMES)}")
    return (
        value.get("context_name", ""),
        value.get("frame_timestamp_micros", 0),
        score,
        value.get("overlap_with_nlz", False),
        camera,
    )


def _read_zone(value: dict[str, Any], where: str) -> NoLabelZone:
    return NoLabelZone(
        value.get("context_name", ""),
        value.get("frame_timestamp_micros", 0),
        decode_polygon(value.get("zone", {}), where),
    )
