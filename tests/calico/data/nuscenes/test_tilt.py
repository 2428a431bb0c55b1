"""Errors of heading and velocity under a tilted LiDAR are those of nuscenes-devkit, from the tables
to the submission."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyquaternion import Quaternion

from calico.data.nuscenes import NuScenesSource
from calico.predictions import Predictions
from calico_eval.metrics.matching import TP_ERRORS, detection_stats
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.submission import predictions_from_submission, read_submission, write_submission

Edit = Callable[[str, Callable[[list[dict]], object]], None]
TILT = Quaternion(axis=[1, 0, 0], degrees=3) * Quaternion(axis=[0, 1, 0], degrees=1.5)


@pytest.fixture
def devkit() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip(
            "nuscenes.eval.common.utils", reason="needs nuscenes-devkit", exc_type=ImportError
        )
        pytest.importorskip("nuscenes.eval.detection.data_classes", reason="needs nuscenes-devkit")
        return module


def test_errors_are_the_devkits(tiny: Path, edit: Edit, devkit: Any, tmp_path: Path) -> None:
    from nuscenes.eval.detection.data_classes import DetectionBox

    edit(
        "ego_pose",
        lambda rows: [
            row.update(rotation=list(Quaternion(row["rotation"]) * TILT)) for row in rows
        ],
    )
    annotation: dict[str, Any] = {}
    edit("sample_annotation", lambda rows: annotation.update(rows[0]))
    frame = NuScenesSource(tiny, "v1.0-mini", "train", None)[0]
    error = np.array([0.3, -0.2, 0.1, 0, 0, 0, 0.35, 1.5, -2.0])
    boxes = frame.boxes.boxes[:1].astype(np.float64) + error
    predictions = Predictions(
        boxes.astype(np.float32), np.ones(1, np.float32), frame.boxes.labels[:1]
    )
    ours = detection_stats(frame, predictions, class_ranges()).errors[0]

    write_submission(tmp_path / "s.json", [(frame, predictions)], ("lidar",))
    records = read_submission(tmp_path / "s.json")[frame.token]
    found = DetectionBox.deserialize(records[0])
    truth = DetectionBox(
        sample_token=frame.token,
        translation=tuple(annotation["translation"]),
        size=tuple(annotation["size"]),
        rotation=tuple(annotation["rotation"]),
        velocity=(6.0, 0.0),  # 3 m along x in 0.5 s
        detection_name="car",
    )
    expected = {
        "ATE": devkit.center_distance(truth, found),
        "AOE": devkit.yaw_diff(truth, found),
        "AVE": devkit.velocity_l2(truth, found),
    }
    for name, value in expected.items():
        assert ours[TP_ERRORS.index(name)] == pytest.approx(value, abs=1e-6), name
    assert expected["AVE"] == pytest.approx(
        2.5, abs=1e-6
    )  # sqrt(1.5^2 + 2^2): a turn keeps the length
    assert expected["AOE"] == pytest.approx(0.35, abs=1e-6)

    back = predictions_from_submission(records, frame)
    np.testing.assert_allclose(back.boxes, predictions.boxes, atol=1e-4)
