"""Predictions in Waymo's formats: `Objects` for the metrics, `Submission` for the leaderboards.

Boxes are in the vehicle frame of their frame. The name of the segment is the frame's scene, the
time is that in the token of a Waymo frame, else the timestamp to a microsecond. Both files are
written frame by frame: in this format, repeated fields and messages may come in several parts.

Source: metrics.proto and submission.proto of waymo-research/waymo-open-dataset.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from calico.data.waymo.records import OBJECT_TYPES, Labels
from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.messages import OBJECTS, SUBMISSION
from calico.data.waymo.v1.objects import Objects, encode_objects
from calico.errors import CalicoError
from calico.files import open_atomic, read_yaml
from calico.frame import Frame
from calico.geometry.frames import transform_points, wrap_angle, yaw_of
from calico.predictions import Predictions
from calico.taxonomy import names_in

Task = Literal["DETECTION_3D", "CAMERA_ONLY_DETECTION_3D"]
SensorType = Literal["LIDAR_ALL", "LIDAR_TOP", "CAMERA_ALL", "CAMERA_LIDAR_TOP", "CAMERA_LIDAR_ALL"]
_TASKS: dict[str, int] = {"DETECTION_3D": 2, "CAMERA_ONLY_DETECTION_3D": 6}
_SENSOR_TYPES: dict[str, int] = {name: 1 + row for row, name in enumerate(get_args(SensorType))}
_LONGEST = 2000


@dataclass(frozen=True)
class SubmissionDetails:
    """What a leaderboard wants to know of a submission.

    Attributes:
        account_name: E-mail address of the account that submits.
        unique_method_name: At most 25 characters.
        authors: Names.
        affiliation: Of the authors.
        description: Of the method.
        method_link: A paper or a page.
        sensor_type: Sensors that the method uses.
        task: The leaderboard.
        past_frames: Number of earlier frames that the method uses.
        future_frames: Number of later frames.
        latency_s: Time for one frame [s].
    """

    account_name: str
    unique_method_name: str
    authors: tuple[str, ...]
    sensor_type: SensorType
    affiliation: str = ""
    description: str = ""
    method_link: str = ""
    task: Task = "DETECTION_3D"
    past_frames: int = 0
    future_frames: int = 0
    latency_s: float | None = None

    def __post_init__(self) -> None:
        texts = ("account_name", "unique_method_name", "affiliation", "description", "method_link")
        for name in texts:
            value = getattr(self, name)
            if not isinstance(value, str) or len(value) > _LONGEST:
                raise CalicoError(f"{name}: got {value!r:.80}, expected a text")
        if not 1 <= len(self.unique_method_name) <= 25:
            raise CalicoError(
                f"unique_method_name: got {self.unique_method_name!r:.80}, expected 1 to 25 "
                "characters"
            )
        if not self.authors or not all(isinstance(one, str) for one in self.authors):
            raise CalicoError(f"authors: got {self.authors!r:.80}, expected at least one name")
        for name, known in (("task", _TASKS), ("sensor_type", _SENSOR_TYPES)):
            if getattr(self, name) not in tuple(known):
                raise CalicoError(
                    f"{name}: got {getattr(self, name)!r:.80}, expected one of {', '.join(known)}"
                )
        for name in ("past_frames", "future_frames"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1000:
                raise CalicoError(f"{name}: got {value!r:.80}, expected a number from 0 to 999")
        if self.latency_s is not None and not (
            isinstance(self.latency_s, (int, float)) and 0 <= self.latency_s < math.inf
        ):
            raise CalicoError(f"latency_s: got {self.latency_s!r:.80}, expected seconds")


def read_details(path: Path) -> SubmissionDetails:
    """Read the details of a submission.

    Args:
        path: A YAML file with the attributes of `SubmissionDetails`.

    Raises:
        CalicoError: The file is damaged, an attribute is missing, unknown or wrong.
    """
    where = f"details {path}"
    content = read_yaml(path, what="details")
    fields = SubmissionDetails.__dataclass_fields__
    if not isinstance(content, dict) or not set(content) <= set(fields):
        raise CalicoError(f"{where}: expected some of {', '.join(fields)}")
    required = ("account_name", "unique_method_name", "authors", "sensor_type")
    missing = [name for name in required if name not in content]
    if missing:
        raise CalicoError(f"{where}: {missing[0]} is missing")
    if not isinstance(content["authors"], list):
        raise CalicoError(f"{where}: authors is {content['authors']!r:.80}, expected a list")
    try:
        return SubmissionDetails(**content | {"authors": tuple(content["authors"])})
    except CalicoError as error:
        raise CalicoError(f"{where}: {error}") from None


def make_objects(frame: Frame, predictions: Predictions) -> Objects:
    """Turn the predictions of one frame into Waymo's boxes, by falling score.

    Args:
        frame: Gives name, time, the pose of the LiDAR and the taxonomy.
        predictions: Of the same frame.

    Raises:
        CalicoError: A number is not finite, a size not positive, a label unknown, or a class is
            none of Waymo's.
    """
    kinds = {name: number for number, name in OBJECT_TYPES.items()}
    names = names_in(frame.taxonomy, tuple(kinds), "a Waymo submission")
    order = np.argsort(-predictions.scores, kind="stable")
    boxes, labels = predictions.boxes[order].astype(np.float64), predictions.labels[order]
    scores = predictions.scores[order]
    where = f"frame {frame.token}"
    if not np.isfinite(boxes[:, :7]).all() or not np.isfinite(scores).all():
        raise CalicoError(f"{where}: predicted boxes or scores are not finite; expected numbers")
    if (boxes[:, 3:6] <= 0).any():
        raise CalicoError(f"{where}: predicted sizes are not all above 0")
    if ((labels < 0) | (labels >= len(names))).any():
        raise CalicoError(
            f"{where}: predicted labels {sorted(set(labels.tolist()))}, expected 0 to "
            f"{len(names) - 1}"
        )
    turn = yaw_of(frame.ego_T_lidar)
    boxes[:, :3] = transform_points(frame.ego_T_lidar, boxes[:, :3])
    boxes[:, 6] = wrap_angle(boxes[:, 6] + turn)
    speed = np.full((len(boxes), 3), np.nan)
    heading = yaw_of(frame.global_T_lidar)  # velocities are in the world's axes, see `Labels`
    cos, sin = math.cos(heading), math.sin(heading)
    speed[:, 0] = cos * boxes[:, 7] - sin * boxes[:, 8]
    speed[:, 1] = sin * boxes[:, 7] + cos * boxes[:, 8]
    unknown = np.full(len(boxes), -1, np.int64)
    none = np.zeros(len(boxes), np.int64)
    found = Labels(
        ids=("",) * len(boxes),
        boxes=boxes[:, :7],
        types=np.array([kinds[names[label]] for label in labels], np.int64),
        speed=speed,
        acceleration=np.full((len(boxes), 3), np.nan),
        num_points=unknown,
        num_top_points=unknown,
        detection_difficulty=none,
        tracking_difficulty=none,
        camera_synced=np.full((len(boxes), 7), np.nan),
        most_visible_camera=none,
    )
    return Objects(
        labels=found,
        contexts=(frame.scene,) * len(boxes),
        timestamps_us=np.full(len(boxes), _find_time_us(frame), np.int64),
        scores=scores.astype(np.float32),
        in_no_label_zone=np.zeros(len(boxes), np.bool_),
        cameras=none,
    )


def _find_time_us(frame: Frame) -> int:
    """Read the time in a Waymo frame's token; seconds as float64 are some tenths of 1 us off."""
    scene, _, digits = frame.token.rpartition("_")
    if scene == frame.scene and digits.isascii() and digits.isdigit() and len(digits) < 19:
        return int(digits)
    return round(frame.timestamp_s * 1e6)


def write_waymo_objects(
    path: Path, frames_and_predictions: Iterable[tuple[Frame, Predictions]]
) -> int:
    """Write predictions for Waymo's metrics, atomically and frame by frame.

    Args:
        path: The file, a serialised `waymo.open_dataset.Objects`; its folder is made.
        frames_and_predictions: One pair for each frame.

    Returns:
        The number of frames written.

    Raises:
        CalicoError: A frame comes twice, or see `make_objects`.
    """
    return _write(path, frames_and_predictions, None)


def write_waymo_submission(
    path: Path,
    frames_and_predictions: Iterable[tuple[Frame, Predictions]],
    details: SubmissionDetails,
) -> int:
    """Write a submission for a leaderboard, atomically and frame by frame.

    The server wants the file in a .tar.gz archive.

    Args:
        path: The file, a serialised `waymo.open_dataset.Submission`; its folder is made.
        frames_and_predictions: One pair for each frame.
        details: About the method.

    Returns:
        The number of frames written.

    Raises:
        CalicoError: A frame comes twice, or see `make_objects`.
    """
    return _write(path, frames_and_predictions, details)


def _write(
    path: Path,
    frames_and_predictions: Iterable[tuple[Frame, Predictions]],
    details: SubmissionDetails | None,
) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    tokens: set[str] = set()
    types: set[int] = set()
    with open_atomic(path) as stream:
        for frame, predictions in frames_and_predictions:
            if frame.token in tokens:
                raise CalicoError(f"{path}: frame {frame.token} comes twice, expected each once")
            tokens.add(frame.token)
            objects = make_objects(frame, predictions)
            types |= set(objects.labels.types.tolist())
            part = encode_objects(objects)
            if details is None:
                stream.write(encode_message(part, OBJECTS))
            else:
                stream.write(encode_message({"inference_results": part}, SUBMISSION))
        if details is not None:
            head = _encode_details(details) | {"object_types": sorted(types)}
            stream.write(encode_message(head, SUBMISSION))
    return len(tokens)


def _encode_details(details: SubmissionDetails) -> dict[str, Any]:
    return {
        "task": _TASKS[details.task],
        "account_name": details.account_name,
        "unique_method_name": details.unique_method_name,
        "authors": list(details.authors),
        "affiliation": details.affiliation or None,
        "description": details.description or None,
        "method_link": details.method_link or None,
        "sensor_type": _SENSOR_TYPES[details.sensor_type],
        "number_past_frames_exclude_current": details.past_frames,
        "number_future_frames_exclude_current": details.future_frames,
        "latency_second": details.latency_s,
    }
