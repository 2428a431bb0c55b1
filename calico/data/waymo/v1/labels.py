"""Labelled objects: the proto `Label` to `Labels` and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from calico.data.waymo.records import CAMERA_NAMES, OBJECT_TYPES, Labels
from calico.errors import CalicoError
from calico.frame import Float64

BOX_FIELDS = ("center_x", "center_y", "center_z", "length", "width", "height", "heading")
SPEED_FIELDS = ("speed_x", "speed_y", "speed_z")
ACCELERATION_FIELDS = ("accel_x", "accel_y", "accel_z")
_CAMERAS = {name: number for number, name in CAMERA_NAMES.items()} | {"": 0, "UNKNOWN": 0}
_NAN = float("nan")
_NO_BOX = (_NAN,) * 7


def decode_labels(messages: Sequence[dict[str, Any]], where: str) -> Labels:
    """Make the labels of one frame, or of many.

    Args:
        messages: (M,) decoded `Label`.
        where: Names the file and the record in errors.

    Raises:
        CalicoError: A label has no box, a number that is not finite, or an unknown type or camera.
    """
    boxes, speed, acceleration, synced, numbers = [], [], [], [], []
    for index, one in enumerate(messages):
        if "box" not in one:
            raise CalicoError(f"{where}: label {index} has no box")
        boxes.append([one["box"].get(name, 0.0) for name in BOX_FIELDS])
        metadata = one.get("metadata", {})
        speed.append([metadata.get(name, _NAN) for name in SPEED_FIELDS])
        acceleration.append([metadata.get(name, _NAN) for name in ACCELERATION_FIELDS])
        camera_box = one.get("camera_synced_box")
        synced.append([camera_box.get(name, 0.0) for name in BOX_FIELDS] if camera_box else _NO_BOX)
        numbers.append(_read_numbers(one, f"{where}: label {index}"))
    table = np.array(numbers, np.int64).reshape(-1, 6).T.copy()
    labels = Labels(
        ids=tuple(one.get("id", "") for one in messages),
        boxes=_to_array(boxes, 7),
        types=table[0],
        speed=_to_array(speed, 3),
        acceleration=_to_array(acceleration, 3),
        num_points=table[1],
        num_top_points=table[2],
        detection_difficulty=table[3],
        tracking_difficulty=table[4],
        camera_synced=_to_array(synced, 7),
        most_visible_camera=table[5],
    )
    for name in ("boxes", "speed", "acceleration", "camera_synced"):
        values = getattr(labels, name)
        bad = ~np.isfinite(values) if name == "boxes" else np.isinf(values)
        if bad.any():
            index = int(np.flatnonzero(bad.any(axis=1))[0])
            raise CalicoError(
                f"{where}: label {index} has {name} {values[index].tolist()}, expected finite "
                "numbers"
            )
    return labels


def encode_labels(labels: Labels) -> list[dict[str, Any]]:
    """Make `Label` messages, without what is NaN, -1 or 0 for "unknown"."""
    result = []
    for index, name in enumerate(labels.ids):
        camera = int(labels.most_visible_camera[index])
        metadata = _known(SPEED_FIELDS, labels.speed[index])
        metadata |= _known(ACCELERATION_FIELDS, labels.acceleration[index])
        points = int(labels.num_points[index]), int(labels.num_top_points[index])
        result.append(
            {
                "box": dict(zip(BOX_FIELDS, labels.boxes[index].tolist(), strict=True)),
                "metadata": metadata or None,
                "type": int(labels.types[index]),
                "id": name or None,
                "detection_difficulty_level": int(labels.detection_difficulty[index]) or None,
                "tracking_difficulty_level": int(labels.tracking_difficulty[index]) or None,
                "num_lidar_points_in_box": points[0] if points[0] >= 0 else None,
                "num_top_lidar_points_in_box": points[1] if points[1] >= 0 else None,
                "most_visible_camera_name": CAMERA_NAMES[camera] if camera else None,
                "camera_synced_box": _known(BOX_FIELDS, labels.camera_synced[index]) or None,
            }
        )
    return result


def join_labels(parts: Sequence[Labels]) -> Labels:
    """Put labels behind each other."""
    if not parts:
        return decode_labels((), "")
    fields = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in vars(parts[0])
        if name != "ids"
    }
    return Labels(ids=tuple(name for part in parts for name in part.ids), **fields)


def _read_numbers(one: dict[str, Any], where: str) -> tuple[int, ...]:
    kind, camera = one.get("type", 0), one.get("most_visible_camera_name", "")
    if kind not in OBJECT_TYPES:
        raise CalicoError(f"{where} has type {kind}, expected one of {sorted(OBJECT_TYPES)}")
    if camera not in _CAMERAS:
        raise CalicoError(
            f"{where} has most_visible_camera_name {camera[:80]!r}, expected one of "
            f"{', '.join(CAMERA_NAMES.values())}"
        )
    levels = one.get("detection_difficulty_level", 0), one.get("tracking_difficulty_level", 0)
    if not set(levels) <= {0, 1, 2}:
        raise CalicoError(f"{where} has the difficulties {levels}, expected 0, 1 or 2")
    return (
        kind,
        one.get("num_lidar_points_in_box", -1),
        one.get("num_top_lidar_points_in_box", -1),
        *levels,
        _CAMERAS[camera],
    )


def _to_array(rows: list[Any], columns: int) -> Float64:
    return np.array(rows, np.float64).reshape(-1, columns)


def _known(names: Sequence[str], values: Float64) -> dict[str, float]:
    """Pair names with the values that are not NaN."""
    pairs = zip(names, values.tolist(), strict=True)
    return {name: value for name, value in pairs if not np.isnan(value)}
