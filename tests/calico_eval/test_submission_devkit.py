"""A submission of real frames through the devkit's whole evaluation: the same figures as ours."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.nuscenes import NuScenesSource
from calico.frame import Frame
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico_eval.metrics.matching import match_frames
from calico_eval.metrics.nuscenes import aggregate_detection, class_ranges
from calico_eval.submission import predictions_from_submission, read_submission, write_submission

REPOSITORY = Path(__file__).parents[2]
ROOT = (
    Path(os.environ.get("CALICO_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    / "pandaset_nuscenes"
)
ERRORS = {
    "ATE": "trans_err",
    "ASE": "scale_err",
    "AOE": "orient_err",
    "AVE": "vel_err",
    "AAE": "attr_err",
}

pytestmark = pytest.mark.skipif(
    not ROOT.is_dir(), reason="needs ../shared/data/pandaset_nuscenes or CALICO_SHARED_DATA"
)


def guess(frame: Frame, rng: np.random.Generator) -> Predictions:
    """Most objects, moved and turned, some of them twice or as another class, and free boxes."""
    boxes = frame.boxes
    chosen = rng.integers(0, len(boxes), 2 * len(boxes))
    rows = boxes.boxes[chosen].copy()
    rows[:, :2] += rng.normal(0, 0.7, (len(rows), 2))
    rows[:, 3:6] *= rng.uniform(0.9, 1.1, (len(rows), 3))
    rows[:, 6] += rng.normal(0, 0.3, len(rows))
    rows[:, 7:9] = np.nan_to_num(rows[:, 7:9]) + rng.normal(0, 0.5, (len(rows), 2))
    free = rng.random(len(rows)) < 0.2
    rows[free, :2] = rng.uniform(-45, 45, (int(free.sum()), 2))
    labels = boxes.labels[chosen].copy()
    other = rng.random(len(rows)) < 0.1
    labels[other] = rng.integers(0, len(NUSCENES.names), int(other.sum()))
    scores = rng.random(len(rows)).astype(np.float32)
    return Predictions(rows.astype(np.float32), scores, labels)


def evaluate_by_devkit(path: Path, out: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nuscenes = pytest.importorskip(
            "nuscenes.nuscenes", reason="needs nuscenes-devkit", exc_type=ImportError
        )
        from nuscenes.eval.common.config import config_factory
        from nuscenes.eval.detection.evaluate import DetectionEval

        tables = nuscenes.NuScenes("v1.0-mini", str(ROOT), verbose=False)
        config = config_factory("detection_cvpr_2019")
        run = DetectionEval(tables, config, str(path), "mini_val", str(out), verbose=False)
        return run.evaluate()[0]


def test_the_devkit_scores_a_submission_as_we_do(tmp_path: Path) -> None:
    source = NuScenesSource(ROOT, "v1.0-mini", "mini_val", None)
    frames = [source.annotations(index) for index in range(len(source))]
    rng = np.random.default_rng(0)
    found = [guess(frame, rng) for frame in frames]
    path = tmp_path / "submission.json"
    write_submission(path, zip(frames, found, strict=True), ("lidar",))
    theirs = evaluate_by_devkit(path, tmp_path / "devkit")
    ours = aggregate_detection(match_frames(frames, found, class_ranges()))
    assert 0.05 < ours.mAP < 0.9
    assert ours.mAP == pytest.approx(theirs.mean_ap, abs=1e-6)
    assert pytest.approx(theirs.nd_score, abs=1e-5) == ours.NDS
    for name, their_name in ERRORS.items():
        assert getattr(ours, f"m{name}") == pytest.approx(theirs.tp_errors[their_name], abs=2e-5)
    for name in NUSCENES.names:
        assert ours.class_ap[name] == pytest.approx(theirs.mean_dist_aps[name], abs=1e-6)
    results = read_submission(path)
    again = [predictions_from_submission(results[frame.token], frame) for frame in frames]
    read_back = aggregate_detection(match_frames(frames, again, class_ranges()))
    assert read_back.mAP == pytest.approx(ours.mAP, abs=1e-6)
    assert pytest.approx(ours.NDS, abs=1e-5) == read_back.NDS
