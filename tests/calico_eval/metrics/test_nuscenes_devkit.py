"""Our pooled metric against nuscenes-devkit's own filter and evaluation, on random scenes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.frame import Boxes, Float64, Frame
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico_eval.metrics.nuscenes import (
    DetectionResult,
    aggregate_detection,
    class_ranges,
    detection_stats,
    detection_values,
    pool_detection,
)

evaluate = pytest.importorskip(
    "nuscenes.eval.detection.evaluate",
    reason="nuscenes-devkit is not installed: pip install --no-deps nuscenes-devkit==1.2.0",
    exc_type=ImportError,
)
from nuscenes.eval.common.data_classes import EvalBoxes  # noqa: E402
from nuscenes.eval.common.loaders import add_center_dist, filter_eval_boxes  # noqa: E402
from nuscenes.eval.detection.data_classes import DetectionBox, DetectionConfig  # noqa: E402

TP_NAMES = {
    "ATE": "trans_err",
    "ASE": "scale_err",
    "AOE": "orient_err",
    "AVE": "vel_err",
    "AAE": "attr_err",
}
Pair = tuple[Frame, Predictions]


class Tables:
    """The three look-ups that the devkit's filter makes, answered from our frames (no annotations:
    no bike racks)."""

    def __init__(self, frames: list[Frame]) -> None:
        self.poses = {f.token: f.global_T_lidar @ np.linalg.inv(f.ego_T_lidar) for f in frames}

    def get(self, table: str, token: str) -> dict[str, Any]:
        return {
            "sample": {"data": {"LIDAR_TOP": token}, "anns": []},
            "sample_data": {"ego_pose_token": token},
            "ego_pose": {"translation": self.poses[token][:3, 3].tolist()},
        }[table]


def devkit_config() -> DetectionConfig:
    path = Path(evaluate.__file__).parent / "configs" / "detection_cvpr_2019.json"
    return DetectionConfig.deserialize(json.loads(path.read_text()))


def devkit_box(frame: Frame, box: Float64, label: int, attribute: int, **rest: Any) -> DetectionBox:
    center = (frame.global_T_lidar @ np.array([*box[:3], 1.0]))[:3]
    return DetectionBox(
        sample_token=frame.token,
        translation=tuple(center),
        size=(box[4], box[3], box[5]),
        rotation=(np.cos(box[6] / 2), 0.0, 0.0, np.sin(box[6] / 2)),
        velocity=tuple(box[7:9]),
        detection_name=NUSCENES.names[label],
        attribute_name=NUSCENES.attributes[attribute] if attribute >= 0 else "",
        **rest,
    )


def devkit_metrics(pairs: list[Pair]) -> Any:
    gt, pred = EvalBoxes(), EvalBoxes()
    for frame, p in pairs:
        b = frame.boxes
        columns = zip(b.boxes.astype(np.float64), b.labels, b.attributes, b.num_points, strict=True)
        gt.add_boxes(
            frame.token,
            [devkit_box(frame, x, int(n), int(a), num_pts=int(k)) for x, n, a, k in columns],
        )
        assert p.attributes is not None
        columns = zip(p.boxes.astype(np.float64), p.labels, p.attributes, p.scores, strict=True)
        pred.add_boxes(
            frame.token,
            [
                devkit_box(frame, x, int(n), int(a), detection_score=float(s))
                for x, n, a, s in columns
            ],
        )
    config, tables = devkit_config(), Tables([frame for frame, _ in pairs])
    run = evaluate.DetectionEval.__new__(evaluate.DetectionEval)
    run.cfg, run.verbose = config, False
    run.gt_boxes = filter_eval_boxes(tables, add_center_dist(tables, gt), config.class_range)
    run.pred_boxes = pred  # the devkit's filter fails where there is nothing at all to filter
    if pred.all:
        run.pred_boxes = filter_eval_boxes(
            tables, add_center_dist(tables, pred), config.class_range
        )
    return run.evaluate()[0]


def assert_equal_to_devkit(pairs: list[Pair]) -> DetectionResult:
    theirs = devkit_metrics(pairs)
    ours = aggregate_detection([detection_stats(f, p, class_ranges()) for f, p in pairs])
    assert ours.mAP == pytest.approx(theirs.mean_ap, abs=1e-9)
    assert pytest.approx(theirs.nd_score, abs=1e-6) == ours.NDS
    for name, their_name in TP_NAMES.items():
        assert getattr(ours, f"m{name}") == pytest.approx(theirs.tp_errors[their_name], abs=1e-6)
    for label in NUSCENES.names:
        assert ours.class_ap[label] == pytest.approx(theirs.mean_dist_aps[label], abs=1e-9)
        for threshold, value in ours.ap[label].items():
            assert value == pytest.approx(theirs.get_label_ap(label, threshold), abs=1e-9)
        for name, their_name in TP_NAMES.items():
            value = ours.tp_errors[label][name]
            expected = theirs.get_label_tp(label, their_name)
            assert (
                np.isnan(expected) if value is None else value == pytest.approx(expected, abs=1e-6)
            )
    return ours


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tilted", [False, True])
def test_random_scenes_with_ties_and_unknown_velocities(
    seed: int, tilted: bool, random_pair: Callable[..., Pair]
) -> None:
    rng = np.random.default_rng(seed)
    pairs = [random_pair(rng, f"t{i}", tilted=tilted) for i in range(6)]
    ours = assert_equal_to_devkit(pairs)
    assert ours.mAP > 0.05  # not a comparison of zeros
    assert ours.mAAE < 1


def test_few_classes_and_high_recall(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(1)
    ours = assert_equal_to_devkit(
        [random_pair(rng, f"t{i}", classes=2, guesses=250, ladder=None) for i in range(3)]
    )
    assert ours.n_gt["barrier"] == 0
    assert ours.mAP_present == pytest.approx(5 * ours.mAP)


def test_all_predictions_one_score(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(2)
    pairs = [random_pair(rng, f"t{i}", classes=3, ladder=1) for i in range(4)]
    assert_equal_to_devkit([(f, replace(p, scores=np.full_like(p.scores, 0.5))) for f, p in pairs])


def test_equally_near_objects(random_pair: Callable[..., Pair]) -> None:
    """Whole-metre places: many distances are equal, to each other and to the thresholds."""
    rng = np.random.default_rng(3)

    def on_grid(pair: Pair) -> Pair:
        frame, guess = pair
        truth, found = frame.boxes.boxes.copy(), guess.boxes.copy()
        truth[:, :2], found[:, :2] = np.round(truth[:, :2] / 8), np.round(found[:, :2] / 8)
        return frame.replace(boxes=replace(frame.boxes, boxes=truth)), replace(guess, boxes=found)

    ours = assert_equal_to_devkit([on_grid(random_pair(rng, f"t{i}", classes=2)) for i in range(4)])
    assert ours.mAP > 0.02


def test_no_predictions_in_some_frames_and_no_objects_in_others(
    random_pair: Callable[..., Pair],
) -> None:
    rng = np.random.default_rng(4)
    empty = Boxes.empty()
    pairs = [random_pair(rng, f"t{i}", classes=4) for i in range(4)]
    pairs[0] = (pairs[0][0], random_pair(rng, "none", objects=0)[1])
    pairs[1] = (pairs[1][0].replace(boxes=empty), pairs[1][1])
    assert_equal_to_devkit(pairs)


def test_no_predictions_at_all(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(5)
    nothing = random_pair(rng, "none", objects=0)[1]
    ours = assert_equal_to_devkit([(random_pair(rng, f"t{i}")[0], nothing) for i in range(2)])
    assert (ours.mAP, ours.NDS) == (0, 0)


def test_velocities_and_attributes_unknown_everywhere(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(6)
    pairs = []
    for index in range(4):
        frame, guess = random_pair(rng, f"t{index}", classes=2, guesses=200)
        boxes = frame.boxes.boxes.copy()
        boxes[:, 7:9] = np.nan
        truth = replace(frame.boxes, boxes=boxes, attributes=np.full(len(boxes), -1))
        pairs.append((frame.replace(boxes=truth), guess))
    ours = assert_equal_to_devkit(pairs)
    assert ours.tp_errors["car"]["AVE"] == 1
    assert ours.tp_errors["car"]["AAE"] == 1


def test_leaving_frames_out_equals_the_devkit_on_the_rest(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(7)
    pairs = [random_pair(rng, f"t{i}", classes=3) for i in range(6)]
    pool = pool_detection([detection_stats(f, p, class_ranges()) for f, p in pairs])
    kept = np.array([True, False, True, True, False, True])
    ap, errors = pool.compute_ap_and_errors(kept)
    theirs = devkit_metrics([pair for pair, keep in zip(pairs, kept, strict=True) if keep])
    values = detection_values(ap, errors, pool.n_gt[kept].sum(axis=0), NUSCENES)
    assert values["mAP"] == pytest.approx(theirs.mean_ap, abs=1e-9)
    assert values["NDS"] == pytest.approx(theirs.nd_score, abs=1e-6)
