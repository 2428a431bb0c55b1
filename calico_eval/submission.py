"""nuScenes detection submissions: predictions of many frames as one JSON file, in the global frame.

A record has translation [m], size (width, length, height) [m], rotation (w, x, y, z), velocity (vx, vy) [m/s],
detection_name, detection_score and attribute_name ("" for none). Objects stand and move level in the global frame: headings
and velocities are turned by the LiDAR's heading there, whatever its tilt, so that writing and reading are inverse to each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.spatial.transform import Rotation

from calico.errors import CalicoError
from calico.files import open_atomic, read_json
from calico.frame import Frame
from calico.geometry.frames import from_quaternion, from_yaw, inverse, transform, wrap_angle, yaw_of
from calico.predictions import Predictions
from calico.taxonomy import ATTRIBUTES, DETECTION_CLASSES
from calico_eval.metrics.attributes import derive_attributes

MAX_BOXES = 500
"""The benchmark takes at most so many a sample."""

MAX_FILE_BYTES = 4 << 30
"""Of a file of predictions: 500 boxes in each of some ten thousand frames."""

UNIT_TOLERANCE = 0.01
"""A quaternion whose norm is farther from 1 is no rotation."""

LARGEST = float(np.finfo(np.float32).max)

Record = dict[str, Any]
_NUMBERS = {"translation": 3, "size": 3, "rotation": 4, "velocity": 2}


def write_submission(
    path: Path,
    frames_and_predictions: Iterable[tuple[Frame, Predictions]],
    sensors: Sequence[Literal["camera", "lidar"]],
) -> int:
    """Writes a submission, atomically and frame by frame; of a frame with more than 500 boxes the 500 surest.

    Args:
        path: the JSON file; its folder is made.
        frames_and_predictions: one pair a frame.
        sensors: what the model used, for the file's `meta`.

    Returns:
        The number of frames written.

    Raises:
        CalicoError: a frame comes twice, or a prediction is not finite or of no known class.
    """
    meta = {
        "use_camera": "camera" in sensors,
        "use_lidar": "lidar" in sensors,
        "use_radar": False,
        "use_map": False,
        "use_external": False,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    tokens: set[str] = set()
    with open_atomic(path) as file:
        file.write(f'{{"meta": {json.dumps(meta)}, "results": {{'.encode())
        for frame, predictions in frames_and_predictions:
            if frame.token in tokens:
                raise CalicoError(f"submission {path}: frame {frame.token} comes twice, expected each once")
            row = f"{json.dumps(frame.token)}: {json.dumps(records(frame, predictions), allow_nan=False)}"
            file.write(f"{',' if tokens else ''}\n{row}".encode())
            tokens.add(frame.token)
        file.write(b"\n}}\n")
    return len(tokens)


def records(frame: Frame, predictions: Predictions) -> list[Record]:
    """The records of one frame, the surest first.

    Without attributes of the model's own, those of `metrics.attributes.derive_attributes` are written.
    """
    order = np.argsort(-predictions.scores, kind="stable")[:MAX_BOXES]
    boxes, scores, labels = (
        predictions.boxes[order].astype(np.float64),
        predictions.scores[order],
        predictions.labels[order],
    )
    if not np.isfinite(boxes).all() or not np.isfinite(scores).all():
        raise CalicoError(f"frame {frame.token}: predicted boxes or scores are not finite; expected numbers")
    if ((labels < 0) | (labels >= len(DETECTION_CLASSES))).any():
        raise CalicoError(f"frame {frame.token}: predicted labels {sorted(set(labels.tolist()))}, expected 0 to 9")
    attributes = predictions.attributes
    attributes = derive_attributes(boxes, labels) if attributes is None else attributes[order]
    centers = transform(frame.global_T_lidar, boxes[:, :3])
    heading = yaw_of(frame.global_T_lidar)
    velocities = boxes[:, 7:9] @ from_yaw(heading)[:2, :2].T
    result = []
    for i, box in enumerate(boxes):
        rotation = from_yaw(box[6] + heading)[:3, :3]
        result.append(
            {
                "sample_token": frame.token,
                "translation": centers[i].tolist(),
                "size": [box[4], box[3], box[5]],
                "rotation": np.roll(Rotation.from_matrix(rotation).as_quat(), 1).tolist(),
                "velocity": velocities[i].tolist(),
                "detection_name": DETECTION_CLASSES[labels[i]],
                "detection_score": float(scores[i]),
                "attribute_name": ATTRIBUTES[attributes[i]] if attributes[i] >= 0 else "",
            }
        )
    return result


@dataclass(frozen=True)
class Submission:
    """A submission that was read.

    sensors: what its `meta` says that the model used; both where it does not say.
    results: the records by sample token.
    """

    sensors: tuple[str, ...]
    results: dict[str, list[Record]]


def read_submission(path: Path) -> dict[str, list[Record]]:
    """The records by sample token; see `read_whole_submission`."""
    return read_whole_submission(path).results


def read_whole_submission(path: Path) -> Submission:
    """A submission, checked.

    Raises:
        CalicoError: the file is missing, no strict JSON (a token twice ...), or a record lacks a field or
            has a value that it cannot have.
    """
    content = read_json(path, MAX_FILE_BYTES, "predictions")
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict):
        raise CalicoError(f"{path}: has no object 'results', expected a nuScenes detection submission")
    _check_results(path, results)
    return Submission(_sensors(path, content.get("meta", {})), results)


def _sensors(path: Path, meta: object) -> tuple[str, ...]:
    if not isinstance(meta, dict):
        raise CalicoError(f"{path}: meta is of type {type(meta).__name__}, expected an object")
    flags = {sensor: meta.get(f"use_{sensor}", False) for sensor in ("camera", "lidar")}
    for sensor, flag in flags.items():
        if not isinstance(flag, bool):
            raise CalicoError(f"{path}: meta.use_{sensor} is {flag!r}, expected true or false")
    return tuple(sensor for sensor, flag in flags.items() if flag) or tuple(flags)


def _check_results(path: Path, results: dict[str, Any]) -> None:
    for token, found in results.items():
        if not isinstance(found, list):
            raise CalicoError(f"{path}: sample {token}: got {type(found).__name__}, expected a list of records")
        if len(found) > MAX_BOXES:
            raise CalicoError(
                f"{path}: sample {token}: {len(found)} records, expected at most {MAX_BOXES} (nuScenes' limit); keep those of "
                "the highest scores"
            )
        for number, record in enumerate(found):
            fault = _fault(token, record)
            if fault:
                raise CalicoError(f"{path}: sample {token}, record {number}: {fault}")


def predictions_from_submission(found: Sequence[Record], frame: Frame) -> Predictions:
    """The records of a frame (as read_submission returns them) as predictions in its LiDAR frame."""
    heading, lidar_T_global = yaw_of(frame.global_T_lidar), inverse(frame.global_T_lidar)
    turn = from_yaw(-heading)[:2, :2]
    boxes = np.zeros((len(found), 9))
    for i, record in enumerate(found):
        center = transform(lidar_T_global, np.array([record["translation"]], np.float64))[0]
        width, length, height = record["size"]
        yaw = yaw_of(from_quaternion(record["rotation"])) - heading
        boxes[i] = [*center, length, width, height, yaw, *(turn @ record["velocity"])]
    boxes[:, 6] = wrap_angle(boxes[:, 6])
    names = [record["attribute_name"] for record in found]
    return Predictions(
        boxes=boxes.astype(np.float32),
        scores=np.array([record["detection_score"] for record in found], np.float32),
        labels=np.array([DETECTION_CLASSES.index(record["detection_name"]) for record in found], np.int64),
        attributes=np.array([ATTRIBUTES.index(name) if name else -1 for name in names], np.int64),
    )


def _fault(token: str, record: object) -> str:
    """What is wrong with a record; "" if nothing."""
    if not isinstance(record, dict):
        return f"got {type(record).__name__}, expected an object"
    fields = {*_NUMBERS, "sample_token", "detection_name", "detection_score", "attribute_name"}
    missing = sorted(fields - set(record))
    if missing:
        return f"lacks {', '.join(missing)}"
    for field, count in _NUMBERS.items():
        if not (
            isinstance(record[field], list) and len(record[field]) == count and all(map(_is_number, record[field]))
        ):
            return f"{field} is {record[field]}, expected {count} finite numbers"
    if min(record["size"]) <= 0 or abs(math.hypot(*record["rotation"]) - 1) > UNIT_TOLERANCE:
        return f"size {record['size']}, rotation {record['rotation']}; expected sizes above 0 and a unit quaternion"
    if record["sample_token"] != token:
        return f"sample_token is '{record['sample_token']}', expected '{token}'"
    if record["detection_name"] not in DETECTION_CLASSES:
        return f"detection_name is '{record['detection_name']}', expected one of {', '.join(DETECTION_CLASSES)}"
    if record["attribute_name"] not in ("", *ATTRIBUTES):
        return f"attribute_name is '{record['attribute_name']}', expected '' or one of {', '.join(ATTRIBUTES)}"
    score = record["detection_score"]
    if not (_is_number(score) and 0 <= score <= 1):
        return f"detection_score is {score}, expected a number in 0..1"
    return ""


def _is_number(value: object) -> bool:
    """Whether it is a number that float32 can hold, as predictions are."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
