"""A robustness evaluation of data with Waymo's classes, from frames to results.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.source import FrameInfo, FrameSource
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico.taxonomy import WAYMO
from calico_eval.engines.user import UserEngine
from reports.results_file import read_results
from tests.calico_eval.evaluations import plan_for, run_for


class WaymoStreet:
    """The street of the tests, with Waymo's classes."""

    name = "waymo street"
    taxonomy = WAYMO
    map_grid = None

    def __init__(self, street: FrameSource) -> None:
        self._street = street
        self.cameras = street.cameras

    def __len__(self) -> int:
        return len(self._street)

    def info(self, index: int) -> FrameInfo:
        return self._street.info(index)

    def annotations(self, index: int) -> Frame:
        return self[index].without_sensors()

    def labels(self, index: int) -> np.ndarray[Any, Any]:
        return self[index].boxes.labels

    def labels_hash(self) -> str:
        return self._street.labels_hash() + " waymo"

    def content_hash(self) -> str:
        return self._street.content_hash() + " waymo"

    def __getitem__(self, index: int) -> Frame:
        frame = self._street[index]
        truth = frame.boxes
        boxes = Boxes(
            truth.boxes,
            np.where(truth.labels == 5, 1, 0),
            np.full(len(truth), -1, np.int64),
            truth.num_points,
            difficulty=np.zeros(len(truth), np.int64),
            camera_synced=truth.boxes[:, :7],
        )
        return frame.replace(taxonomy=WAYMO, boxes=boxes, map_masks=None, previous=None)


class Remembers:
    """Answers the objects that still have points near them."""

    def __init__(self, source: WaymoStreet) -> None:
        frames = [source.annotations(index) for index in range(len(source))]
        self._truth = {frame.token: frame.boxes for frame in frames}

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        return [self._answer(frame) for frame in frames]

    def _answer(self, frame: Frame) -> Predictions:
        truth = self._truth[frame.token]
        apart = np.linalg.norm(truth.boxes[:, None, :2] - frame.points[None, :, :2], axis=2)
        near = (apart < 1.5).sum(axis=1)
        boxes = np.nan_to_num(truth.boxes)[near > 0]
        boxes[::3, 6] += np.pi
        return Predictions(boxes, (near / (near + 20))[near > 0], truth.labels[near > 0])


@pytest.fixture
def source(street: FrameSource) -> WaymoStreet:
    return WaymoStreet(street)


def test_aggregates_and_figures_by_range(source: WaymoStreet, tmp_path: Path) -> None:
    engine = UserEngine(Remembers(source), "remembers", ("lidar",), "abc")
    plan = plan_for(
        [engine],
        source,
        ranges=WAYMO.ranges(),
        corruptions=("point_drop", "beam_missing"),
        severities=(1, 5),
        batch_size=2,
    )
    run_for(plan, [engine], source, tmp_path / "run", pictures=False)
    results = read_results(tmp_path / "run" / "results.json")

    values = [cell.metrics["mAPH_L2"].value or 0.0 for cell in results.cells]
    clean = results.cells[0].metrics
    assert 0 < min(values) < values[0]
    assert clean["APH_L2/vehicle"].value is not None
    assert (clean["APH_L2/vehicle"].value or 1) < (clean["AP_L2/vehicle"].value or 0)
    assert clean["AP_L1/vehicle/0-30m"].n_objects
    assert clean["LET-mAPL"].value is not None
    summary = results.summary["remembers/user"]
    assert summary["mAPH_L2/mPC"].value == pytest.approx(sum(values[1:]) / 4)
    assert summary["mAPH_L2/mRR"].value == pytest.approx(sum(values[1:]) / 4 / values[0])
