"""Comparison of an exported graph with torch.

Detections are compared by matching and never by index, because near ties swap places.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from calico.data.batch import Batch
from calico.export.graph import graph_inputs, graph_outputs, group_batch, read_metadata
from calico.frame import Float64
from calico.geometry.boxes import bev_iou
from calico.geometry.frames import wrap_angle
from calico.models.calico import CalicoModel
from calico.models.decode import MAX_DETECTIONS
from calico.predictions import Predictions

Predict = Callable[[Batch], list[Predictions]]
DISTANCE_M, ANGLE_DEG, SCORE, MAP_PROB, SHARE = 0.01, 0.1, 1e-3, 1e-3, 0.999
REASONS = {
    "threshold": "its score is a near tie with the score threshold",
    "topk": "its score is a near tie with the last candidate that found a place",
    "suppression": "a box that overlaps it has a nearly equal score, or their overlap is a near "
    "tie with the NMS threshold",
    "unexplained": "no near tie found",
}


@dataclass(frozen=True)
class Unmatched:
    """A box that only one side found.

    Attributes:
        token: Name of the frame.
        side: Side that found it: `torch` or `graph`.
        class_name: Class of the box.
        score: Its score.
        box: Its nine numbers.
        reason: A key of REASONS.
    """

    token: str
    side: str
    class_name: str
    score: float
    box: tuple[float, ...]
    reason: str


@dataclass(frozen=True)
class ParityReport:
    """What was compared.

    A box is matched by one of its class within 1 cm (centre, size), 1 cm/s, 0.1 degrees and a score
    difference of 1e-3.

    Attributes:
        frames: Number of frames.
        boxes: Boxes of both sides together.
        matched: Boxes with a partner.
        max_distance_m: Largest distance over matched pairs [m].
        max_angle_deg: Largest difference of yaw over matched pairs [deg].
        max_score_difference: Largest difference of scores over matched pairs.
        map_max_difference: Largest difference over all frames, classes and cells, or None without a
            map head.
        lost_points: LiDAR points that found no space in the graph's buffers.
        unmatched: Boxes without a partner.
    """

    frames: int
    boxes: int
    matched: int
    max_distance_m: float
    max_angle_deg: float
    max_score_difference: float
    map_max_difference: float | None
    lost_points: int
    unmatched: tuple[Unmatched, ...]

    @property
    def matched_share(self) -> float:
        """Share of the boxes with a partner, or 1 without boxes."""
        return self.matched / self.boxes if self.boxes else 1.0

    @property
    def passed(self) -> bool:
        """Whether the graph agrees with torch.

        It does if at least 99.9 % of the boxes are matched, every map probability is within 1e-3,
        and no point found no space.
        """
        near = self.matched_share >= SHARE and (self.map_max_difference or 0.0) <= MAP_PROB
        return near and self.lost_points == 0

    def to_json(self) -> str:
        """Return all of it as JSON, with the share, the verdict and the tolerances."""
        tolerances = {
            "distance_m": DISTANCE_M,
            "angle_deg": ANGLE_DEG,
            "score": SCORE,
            "map_prob": MAP_PROB,
            "share": SHARE,
        }
        verdict = {
            "passed": self.passed,
            "matched_share": self.matched_share,
            "tolerances": tolerances,
            "reasons": REASONS,
        }
        return json.dumps({**verdict, **asdict(self)}, indent=1)

    def summary(self) -> str:
        """Describe the comparison in one line."""
        maps = (
            ""
            if self.map_max_difference is None
            else f", map probabilities within {self.map_max_difference:.1e}"
        )
        rest = Counter(item.reason for item in self.unmatched)
        lost = (
            f", {self.lost_points} LiDAR points without room in the graph"
            if self.lost_points
            else ""
        )
        listed = (
            f" ({', '.join(f'{count} {reason}' for reason, count in sorted(rest.items()))})"
            if rest
            else ""
        )
        return (
            f"parity {'passed' if self.passed else 'FAILED'}: {self.frames} frames, {self.matched} "
            f"of {self.boxes} boxes matched"
            f"{listed}, scores within {self.max_score_difference:.1e}{maps}{lost}"
        )


def check_parity(model: CalicoModel, predict: Predict, batches: Iterable[Batch]) -> ParityReport:
    """Compares a graph's predictions with the torch model's.

    Args:
        model: the reference.
        predict: the graph, e.g. `onnx_predict(path)`.
        batches: real inputs. Each is run once through both.
    """
    frames, total, pairs = 0, 0, [np.zeros((0, 3))]
    unmatched: list[Unmatched] = []
    map_difference: float | None = None
    for batch in batches:
        for index, (ours, theirs) in enumerate(
            zip(model.predict(batch), predict(batch), strict=True)
        ):
            token = batch.tokens[index] if batch.tokens else str(frames)
            frames += 1
            total += len(ours.boxes) + len(theirs.boxes)
            errors, left_ours, left_theirs = match_predictions(ours, theirs)
            pairs.append(errors)
            unmatched += _explain(model, token, "torch", ours, theirs, left_ours)
            unmatched += _explain(model, token, "graph", theirs, ours, left_theirs)
            if ours.map_probs is not None and theirs.map_probs is not None:
                worst_cell = float(abs(ours.map_probs - theirs.map_probs).max())
                map_difference = max(
                    map_difference or 0.0, worst_cell if np.isfinite(worst_cell) else 1.0
                )
    errors = np.concatenate(pairs)
    worst = errors.max(axis=0) if len(errors) else np.zeros(3)
    return ParityReport(
        frames,
        total,
        2 * len(errors),
        float(worst[0]),
        float(worst[1]),
        float(worst[2]),
        map_difference,
        predict.lost_points if isinstance(predict, OnnxGraph) else 0,
        tuple(unmatched),
    )


class OnnxGraph:
    """An exported ONNX file (either target) in ONNX Runtime on the CPU.

    Attributes:
        lost_points: Points that found no space in the buffers of a `trt` graph, over all calls.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.metadata = read_metadata(path)
        self.lost_points = 0
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, batch: Batch) -> list[Predictions]:
        """Predictions of each frame."""
        inputs = graph_inputs(batch, self.metadata)
        grouped = group_batch(batch, self.metadata)
        self.lost_points += 0 if grouped is None else int(grouped.lost.sum())
        values = self._session.run(list(self.metadata.outputs), inputs)
        return graph_outputs(
            dict(zip(self.metadata.outputs, values, strict=True)), self.metadata, len(batch)
        )


def onnx_predict(path: Path, threads: int = 1) -> OnnxGraph:
    """Open an exported file for `check_parity`.

    Args:
        path: ONNX file.
        threads: Threads of ONNX Runtime, or None for its default.
    """
    return OnnxGraph(path, threads)


def match_predictions(a: Predictions, b: Predictions) -> tuple[Float64, list[int], list[int]]:
    """Pair boxes within the tolerances, nearest first.

    Args:
        a: Predictions of one side.
        b: Predictions of the other side.

    Returns:
        (pairs, 3) distance [m], angle [deg] and score difference. The indices of a and of b without
        a partner.
    """
    difference = abs(a.boxes[:, None].astype(np.float64) - b.boxes[None])
    distance = difference[..., [0, 1, 2, 3, 4, 5, 7, 8]].max(axis=-1, initial=0.0)
    angle = np.rad2deg(
        abs(wrap_angle(a.boxes[:, None, 6].astype(np.float64) - b.boxes[None, :, 6]))
    )
    score = abs(a.scores[:, None].astype(np.float64) - b.scores[None])
    fits = (
        (a.labels[:, None] == b.labels[None])
        & (distance <= DISTANCE_M)
        & (angle <= ANGLE_DEG)
        & (score <= SCORE)
    )
    candidates = sorted((distance[i, j], i, j) for i, j in np.argwhere(fits))
    used_a: set[int] = set()
    used_b: set[int] = set()
    errors = []
    for _, i, j in candidates:
        if i not in used_a and j not in used_b:
            used_a.add(i)
            used_b.add(j)
            errors.append((distance[i, j], angle[i, j], score[i, j]))
    left_a = [index for index in range(len(a.boxes)) if index not in used_a]
    left_b = [index for index in range(len(b.boxes)) if index not in used_b]
    return np.array(errors, np.float64).reshape(-1, 3), left_a, left_b


def _explain(
    model: CalicoModel,
    token: str,
    side: str,
    mine: Predictions,
    other: Predictions,
    left: list[int],
) -> list[Unmatched]:
    return [
        Unmatched(
            token=token,
            side=side,
            class_name=model.taxonomy.names[mine.labels[index]],
            score=float(mine.scores[index]),
            box=tuple(float(value) for value in mine.boxes[index]),
            reason=_reason(model, mine, other, index),
        )
        for index in left
    ]


def _reason(model: CalicoModel, mine: Predictions, other: Predictions, index: int) -> str:
    """Why the other side may lack box `index` of mine.

    The answer is a key of REASONS.
    """
    config = model.config.model.detection
    if config is None:
        return "unexplained"
    score = float(mine.scores[index])
    if abs(score - config.score_threshold) <= SCORE:
        return "threshold"
    known = model.taxonomy.names
    task = next(names for names in config.tasks if known[mine.labels[index]] in names)
    ids = [known.index(name) for name in task]
    rivals = np.isin(other.labels, ids)
    overlap = bev_iou(mine.boxes[index : index + 1], other.boxes[rivals])[0]
    ties = abs(other.scores[rivals] - score) <= SCORE
    if ((overlap > config.nms_iou) & ties).any() or (abs(overlap - config.nms_iou) <= SCORE).any():
        return "suppression"
    full = (
        len(other.scores) >= min(MAX_DETECTIONS, config.max_boxes * len(config.tasks))
        or rivals.sum() >= config.max_boxes
    )
    if full and score <= float(other.scores.min()) + SCORE:
        return "topk"
    return "unexplained"
