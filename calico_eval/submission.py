"""nuScenes detection submissions: predictions of many frames as one JSON file, in the global frame.

A record has translation [m], size (width, length, height) [m], rotation (w, x, y, z), velocity
(vx, vy) [m/s], detection_name, detection_score and attribute_name ("" for none). Objects stand and
move level in the global frame: headings and velocities are turned by the LiDAR's heading there,
whatever its tilt. Reading therefore undoes writing.

Classes that nuScenes does not have, e.g. Waymo's vehicle, keep their own names. Then `meta.classes`
lists the names, and the file is none for nuScenes' benchmark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from calico.errors import CalicoError
from calico.files import open_atomic
from calico.frame import Frame
from calico.geometry.frames import (
    from_quaternion,
    from_yaw,
    invert_transform,
    transform_points,
    wrap_angle,
    yaw_of,
)
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES, Taxonomy, names_in
from calico_eval.metrics.attributes import derive_attributes
from calico_eval.submission_reading import MAX_BOXES, Record, read_submission

__all__ = [
    "MAX_BOXES",
    "Record",
    "find_own_names",
    "make_records",
    "predictions_from_submission",
    "read_submission",
    "write_submission",
]


def write_submission(
    path: Path,
    frames_and_predictions: Iterable[tuple[Frame, Predictions]],
    sensors: Sequence[Literal["camera", "lidar"]],
    own_names: Sequence[str] | None = None,
) -> int:
    """Write a submission, atomically and frame by frame.

    A frame with more than 500 boxes keeps the 500 of the highest scores.

    Args:
        path: The JSON file; its folder is made.
        frames_and_predictions: One pair for each frame.
        sensors: What the model used, for the file's `meta`.
        own_names: Names of the classes where they are none of nuScenes' (`find_own_names`).

    Returns:
        The number of frames written.

    Raises:
        CalicoError: A frame comes twice, a prediction is not finite or of no known class, or a
            class of the frame's taxonomy is none of nuScenes'.
    """
    meta: dict[str, object] = {
        "use_camera": "camera" in sensors,
        "use_lidar": "lidar" in sensors,
        "use_radar": False,
        "use_map": False,
        "use_external": False,
    }
    if own_names is not None:
        meta["classes"] = list(own_names)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokens: set[str] = set()
    with open_atomic(path) as file:
        file.write(f'{{"meta": {json.dumps(meta)}, "results": {{'.encode())
        for frame, predictions in frames_and_predictions:
            if frame.token in tokens:
                raise CalicoError(
                    f"submission {path}: frame {frame.token} comes twice, expected each once"
                )
            found = json.dumps(make_records(frame, predictions, own_names), allow_nan=False)
            row = f"{json.dumps(frame.token)}: {found}"
            file.write(f"{',' if tokens else ''}\n{row}".encode())
            tokens.add(frame.token)
        file.write(b"\n}}\n")
    return len(tokens)


def find_own_names(taxonomy: Taxonomy) -> tuple[str, ...] | None:
    """Find the names of classes that nuScenes does not have.

    Args:
        taxonomy: The classes.

    Returns:
        The names of all classes, or None if nuScenes has a name for each.
    """
    try:
        names_in(taxonomy, NUSCENES.names, "a nuScenes submission")
    except CalicoError:
        return taxonomy.names
    return None


def make_records(
    frame: Frame, predictions: Predictions, own_names: Sequence[str] | None = None
) -> list[Record]:
    """Write the predictions of one frame as records, by falling score.

    A model without attributes gets those of `metrics.attributes.derive_attributes`.

    Args:
        frame: Gives the poses and the taxonomy.
        predictions: Of the same frame.
        own_names: See `write_submission`.

    Raises:
        CalicoError: A number is not finite, a label is unknown, or a class is none of nuScenes'.
    """
    order = np.argsort(-predictions.scores, kind="stable")[:MAX_BOXES]
    boxes, scores, labels = (
        predictions.boxes[order].astype(np.float64),
        predictions.scores[order],
        predictions.labels[order],
    )
    if not np.isfinite(boxes).all() or not np.isfinite(scores).all():
        raise CalicoError(
            f"frame {frame.token}: predicted boxes or scores are not finite; expected numbers"
        )
    taxonomy = frame.taxonomy
    class_names = own_names or names_in(taxonomy, NUSCENES.names, "a nuScenes submission")
    last = len(class_names) - 1
    if ((labels < 0) | (labels > last)).any():
        raise CalicoError(
            f"frame {frame.token}: predicted labels {sorted(set(labels.tolist()))}, expected 0 to "
            f"{last}"
        )
    own = predictions.attributes
    attributes = derive_attributes(boxes, labels, taxonomy) if own is None else own[order]
    written = [taxonomy.attributes[index] if index >= 0 else "" for index in attributes.tolist()]
    centers = transform_points(frame.global_T_lidar, boxes[:, :3])
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
                "detection_name": class_names[labels[i]],
                "detection_score": float(scores[i]),
                "attribute_name": written[i] if written[i] in NUSCENES.attributes else "",
            }
        )
    return result


def predictions_from_submission(found: Sequence[Record], frame: Frame) -> Predictions:
    """Turn the records of a frame into predictions in its LiDAR frame.

    Objects of nuScenes' classes that belong to no class of the frame's taxonomy are left out, as
    the data's own are.

    Args:
        found: As `read_submission` returns them.
        frame: Gives the poses and the taxonomy.
    """
    taxonomy = frame.taxonomy
    found = [one for one in found if taxonomy.label_of(one["detection_name"]) is not None]
    heading, lidar_T_global = yaw_of(frame.global_T_lidar), invert_transform(frame.global_T_lidar)
    turn = from_yaw(-heading)[:2, :2]
    boxes = np.zeros((len(found), 9))
    for i, record in enumerate(found):
        center = transform_points(lidar_T_global, np.array([record["translation"]], np.float64))[0]
        width, length, height = record["size"]
        yaw = yaw_of(from_quaternion(record["rotation"])) - heading
        boxes[i] = [*center, length, width, height, yaw, *(turn @ record["velocity"])]
    boxes[:, 6] = wrap_angle(boxes[:, 6])
    names = [record["attribute_name"] for record in found]
    return Predictions(
        boxes=boxes.astype(np.float32),
        scores=np.array([record["detection_score"] for record in found], np.float32),
        labels=np.array(
            [taxonomy.label_of(record["detection_name"]) for record in found], np.int64
        ),
        attributes=np.array([taxonomy.attribute_of(name) for name in names], np.int64),
    )
