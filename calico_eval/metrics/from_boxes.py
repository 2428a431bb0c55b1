"""Detection metrics of arrays of boxes, without frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from calico.errors import CalicoError
from calico.frame import Boxes, Frame, Int64
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES, Taxonomy
from calico_eval.metrics.scores import Scores
from calico_eval.metrics.suffstats import compute_stats
from calico_eval.metrics.summary import compute_metrics


def detection_metrics(
    predicted: Sequence[tuple[Any, ...]],
    truth: Sequence[tuple[Any, ...]],
    *,
    taxonomy: Taxonomy = NUSCENES,
    ranges: Mapping[str, float] | None = None,
    scenes: Sequence[str] | None = None,
) -> Scores:
    """Compute the nuScenes detection metrics of boxes, as nuscenes-devkit 1.2.0 does.

    With a taxonomy that is scored by Waymo's rules, too, such as `calico.WAYMO`, there are AP and
    APH at LEVEL_1 and LEVEL_2 by class and range. The origin is then the vehicle's in x, y and z.

    Args:
        predicted: One (boxes, scores, labels) or (boxes, scores, labels, attributes) per frame.
            boxes: (M, 9) x, y, z of the centre, length, width, height [m], yaw [rad], vx, vy [m/s],
            or (M, 7) without velocities. x and y are relative to the vehicle. scores: (M,) in 0..1.
            labels: (M,) index of the class. attributes: (M,) index, or -1.
        truth: One (boxes, labels), (boxes, labels, attributes) or (boxes, labels, attributes,
            num_points) per frame, in the same order. Unknown velocities are NaN or left out,
            unknown attributes are -1 or left out. num_points: (M,) LiDAR points inside. Objects
            with none do not count, and those with at most 5 are LEVEL_2. Default: all are LEVEL_1.
        taxonomy: The classes and attributes that labels are indices into, e.g. `calico.KITTI`,
            `calico.WAYMO`, or your own. Default: nuScenes' ten classes.
        ranges: Class name to range [m]. Objects and predictions farther from the vehicle are left
            out. Default: the taxonomy's. Those of nuScenes are 30 to 50 m.
        scenes: Name of each frame's scene, for confidence intervals over scenes. Default: no
            intervals.

    Returns:
        mAP, NDS, mATE .. mAAE, AP/<class> by name, and with Waymo's rules mAPH_L2,
        APH_L2/<class>, APH_L2/<class>/<range> and the like (docs/reference/metrics.md). NDS counts
        errors that no object's truth defines, e.g. that of attributes, as 1.

    Raises:
        CalicoError: The numbers of frames differ, or an entry is of another shape or holds a label
            or number that is out of its range. The message names the frame.

    Example:
        >>> import numpy as np
        >>> box = np.array([[10.0, 0, 0, 4, 2, 1.5, 0]])
        >>> scores = detection_metrics([(box, [0.9], [0])], [(box, [0])])
        >>> round(scores["AP/car"], 6)
        1.0
    """
    _check_arguments(predicted, truth, taxonomy, ranges, scenes)
    limits = taxonomy.ranges() if ranges is None else ranges
    names = ["" for _ in truth] if scenes is None else scenes
    pairs = [
        _read_frame(index, *one, taxonomy)
        for index, one in enumerate(zip(predicted, truth, names, strict=True))
    ]
    stats = compute_stats([pair[0] for pair in pairs], [pair[1] for pair in pairs], limits)
    metrics = compute_metrics(stats, with_intervals=scenes is not None)
    return Scores({name: one for name, one in metrics.items() if "IoU" not in name})


def _check_arguments(
    predicted: Sequence[object],
    truth: Sequence[object],
    taxonomy: Taxonomy,
    ranges: Mapping[str, float] | None,
    scenes: Sequence[str] | None,
) -> None:
    """Check the types and lengths of the arguments, before a frame is looked at."""
    for what, got, kind in (
        ("predicted", predicted, Sequence),
        ("truth", truth, Sequence),
        ("taxonomy", taxonomy, Taxonomy),
    ):
        if not isinstance(got, kind):
            raise CalicoError(
                f"detection metrics: {what} is a {type(got).__name__}, expected a {kind.__name__}"
            )
    frames = len(truth)
    if len(predicted) != frames:
        raise CalicoError(
            f"detection metrics: got {len(predicted)} frames of predictions and {frames} of "
            "truth, expected as many"
        )
    if scenes is not None and len(scenes) != frames:
        raise CalicoError(
            f"detection metrics: got {len(scenes)} scenes for {frames} frames, "
            "expected one for each"
        )
    for name, limit in ({} if ranges is None else ranges).items():
        if not 0 < limit < float("inf"):
            raise CalicoError(
                f"detection metrics: range of {name} is {limit}, expected metres above 0"
            )


def _read_frame(
    index: int,
    predicted: tuple[Any, ...],
    truth: tuple[Any, ...],
    scene: str,
    taxonomy: Taxonomy,
) -> tuple[Frame, Predictions]:
    """Check the arrays of one frame."""
    found = _named(predicted, ("boxes", "scores", "labels", "attributes"), 3, f"predicted[{index}]")
    true = _named(truth, ("boxes", "labels", "attributes", "num_points"), 2, f"truth[{index}]")
    for where, entry in ((f"predicted[{index}]", found), (f"truth[{index}]", true)):
        _check_attributes(entry.get("attributes"), len(taxonomy.attributes), where)
    boxes = _boxes(true, index)
    answers = Predictions.from_mapping(found, f"predicted[{index}]")
    if not np.isfinite(answers.boxes).all():
        raise CalicoError(
            f"predicted[{index}]: boxes hold NaN or infinite values, expected finite numbers"
        )
    if not ((answers.scores >= 0) & (answers.scores <= 1)).all():
        raise CalicoError(f"predicted[{index}]: scores are not all in 0..1")
    frame = Frame.of_labels(str(index), scene, 0.0, np.eye(4), np.eye(4), boxes, taxonomy)
    return frame, answers


def _check_attributes(attributes: Any, count: int, where: str) -> None:
    """Check that attributes are -1 (none) or index into the taxonomy's attributes."""
    if attributes is None:
        return
    values = np.asarray(attributes)
    wrong = values[(values < -1) | (values >= count)] if values.dtype.kind in "iuf" else values[:0]
    if wrong.size:
        raise CalicoError(
            f"{where}: got attribute {wrong.flat[0]}, expected -1 (none) to {count - 1}"
        )


def _named(entry: object, names: tuple[str, ...], least: int, where: str) -> dict[str, Any]:
    """The members of one frame's tuple by name; those after the first few may be left out."""
    sizes = range(least, len(names) + 1)
    if not isinstance(entry, (tuple, list)) or len(entry) not in sizes:
        got = f"{len(entry)} members" if isinstance(entry, (tuple, list)) else type(entry).__name__
        choices = " or ".join(f"({', '.join(names[:size])})" for size in sizes)
        raise CalicoError(f"{where}: got {got}, expected {choices} of one frame")
    return {
        name: member
        for name, member in zip(names, entry, strict=False)
        if member is not None or name in names[:least]
    }


def _boxes(true: Mapping[str, Any], index: int) -> Boxes:
    """The objects of one frame; each counts as seen by the LiDAR, unless their points are known."""
    where = f"truth[{index}]"
    shape, labels = np.shape(true["boxes"]), np.shape(true["labels"])
    if len(shape) == 2 and shape[1] in (7, 9):
        expected = shape[:1]
    elif 0 in shape:
        expected = (0,)
    else:
        raise CalicoError(f"{where}: boxes have shape {shape}, expected (M, 9) or (M, 7)")
    if labels != expected:
        raise CalicoError(f"{where}: labels have shape {labels}, expected {expected}")
    scored = {name: value for name, value in true.items() if name != "num_points"}
    read = Predictions.from_mapping({**scored, "scores": np.ones(expected, np.float32)}, where)
    boxes = read.boxes.copy()
    if shape[1:] == (7,):
        boxes[:, 7:] = np.nan
    unknown = np.full(len(boxes), -1, np.int64)
    points = _read_points(true.get("num_points"), expected, where)
    return Boxes(
        boxes,
        read.labels,
        unknown if read.attributes is None else read.attributes,
        np.ones(len(boxes), np.int64) if points is None else points,
        difficulty=np.ones(len(boxes), np.int64) if points is None else None,
    )


def _read_points(values: Any, expected: tuple[int, ...], where: str) -> Int64 | None:
    """Read numbers of points; None if they are unknown."""
    if values is None:
        return None
    points = np.asarray(values)
    if points.shape != expected or (points.size and points.dtype.kind not in "iu"):
        raise CalicoError(
            f"{where}: num_points are {points.dtype} of shape {points.shape}, expected whole "
            f"numbers of shape {expected}"
        )
    if points.size and int(points.min()) < 0:
        raise CalicoError(f"{where}: num_points holds {points.min()}, expected 0 or more")
    return points.astype(np.int64)
