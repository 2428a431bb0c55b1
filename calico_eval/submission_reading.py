"""Read nuScenes detection submissions (`calico_eval.submission`); impossible values are refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calico.errors import CalicoError
from calico.files import read_json
from calico.taxonomy import NUSCENES

MAX_BOXES = 500
"""Most boxes of a sample that the benchmark takes."""

MAX_FILE_BYTES = 4 << 30
"""Largest file of predictions: 500 boxes in each of some ten thousand frames."""

MAX_SHOWN = 120
"""Most characters of a wrong value in a message."""
UNIT_TOLERANCE = 0.01
"""Largest difference from 1 of the norm of a rotation's quaternion."""

LARGEST = float(np.finfo(np.float32).max)

Record = dict[str, Any]
_NUMBERS = {"translation": 3, "size": 3, "rotation": 4, "velocity": 2}


@dataclass(frozen=True)
class Submission:
    """A submission that was read.

    Attributes:
        sensors: What the model used according to `meta`; both if it names none.
        results: Records by sample token.
        classes: Names of classes that the records may have.
    """

    sensors: tuple[str, ...]
    results: dict[str, list[Record]]
    classes: tuple[str, ...]


def read_submission(path: Path) -> dict[str, list[Record]]:
    """Read the records by sample token; see `read_whole_submission`."""
    return read_whole_submission(path).results


def read_whole_submission(path: Path) -> Submission:
    """Read a submission and check it.

    Raises:
        CalicoError: The file is missing or no strict JSON (e.g. a token twice), or a record lacks a
            field or has an impossible value.
    """
    content = read_json(path, MAX_FILE_BYTES, "predictions")
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict):
        raise CalicoError(
            f"{path}: has no object 'results', expected a nuScenes detection submission"
        )
    meta = content.get("meta", {})
    sensors = _sensors(path, meta)
    classes = _class_names(path, meta)
    _check_results(path, results, classes)
    return Submission(sensors, results, classes)


def _class_names(path: Path, meta: dict[str, Any]) -> tuple[str, ...]:
    """Names that records may have: nuScenes', or those that `meta.classes` lists."""
    names = meta.get("classes", NUSCENES.names)
    if not isinstance(names, list | tuple) or not all(
        isinstance(name, str) and 0 < len(name) <= MAX_SHOWN for name in names
    ):
        raise CalicoError(f"{path}: meta.classes is {_show(names)}, expected a list of names")
    return tuple(names)


def _sensors(path: Path, meta: Any) -> tuple[str, ...]:
    if not isinstance(meta, dict):
        raise CalicoError(f"{path}: meta is of type {type(meta).__name__}, expected an object")
    flags = {sensor: meta.get(f"use_{sensor}", False) for sensor in ("camera", "lidar")}
    for sensor, flag in flags.items():
        if not isinstance(flag, bool):
            raise CalicoError(f"{path}: meta.use_{sensor} is {flag!r}, expected true or false")
    return tuple(sensor for sensor, flag in flags.items() if flag) or tuple(flags)


def _check_results(path: Path, results: dict[str, Any], names: tuple[str, ...]) -> None:
    for token, found in results.items():
        shown = token if token.isprintable() else _show(token)
        if not isinstance(found, list):
            raise CalicoError(
                f"{path}: sample {shown}: got {type(found).__name__}, expected a list of records"
            )
        if len(found) > MAX_BOXES:
            raise CalicoError(
                f"{path}: sample {shown}: {len(found)} records, expected at most {MAX_BOXES} "
                "(nuScenes' limit); keep those of the highest scores"
            )
        for number, record in enumerate(found):
            fault = _fault(token, record, names)
            if fault:
                raise CalicoError(f"{path}: sample {shown}, record {number}: {fault}")


def _fault(token: str, record: object, names: tuple[str, ...]) -> str:
    """What is wrong with a record; "" if nothing."""
    if not isinstance(record, dict):
        return f"got {type(record).__name__}, expected an object"
    fields = {*_NUMBERS, "sample_token", "detection_name", "detection_score", "attribute_name"}
    missing = sorted(fields - set(record))
    if missing:
        return f"lacks {', '.join(missing)}"
    for field, count in _NUMBERS.items():
        if not (
            isinstance(record[field], list)
            and len(record[field]) == count
            and all(map(_is_number, record[field]))
        ):
            return f"{field} is {_show(record[field])}, expected {count} finite numbers"
    if min(record["size"]) <= 0 or abs(math.hypot(*record["rotation"]) - 1) > UNIT_TOLERANCE:
        return (
            f"size {record['size']}, rotation {record['rotation']}; expected sizes above 0 and a "
            "unit quaternion"
        )
    if record["sample_token"] != token:
        return f"sample_token is {_show(record['sample_token'])}, expected {_show(token)}"
    if record["detection_name"] not in names:
        known = ", ".join(names)
        return f"detection_name is {_show(record['detection_name'])}, expected one of {known}"
    if record["attribute_name"] not in ("", *NUSCENES.attributes):
        known = ", ".join(NUSCENES.attributes)
        return f"attribute_name is {_show(record['attribute_name'])}, expected '' or one of {known}"
    score = record["detection_score"]
    if not (_is_number(score) and 0 <= score <= 1):
        return f"detection_score is {_show(score)}, expected a number in 0..1"
    return ""


def _show(value: object) -> str:
    """A value in one line of bounded length."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _is_number(value: object) -> bool:
    """Whether it is a number that float32 can hold, as predictions are."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
