"""Aggregates leave out corruptions of sensors that the model does not use."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from calico.data.source import FrameSource
from calico_eval.engines.user import UserEngine
from calico_eval.metrics.nuscenes import class_ranges
from reports.schema import Results
from tests.calico_eval.evaluations import plan_for, run_for


def run_small(module: ModuleType, source: FrameSource, out: Path, *corruptions: str) -> Results:
    engine = UserEngine(module.build(), "cluster", ("lidar",), "abc")
    plan = plan_for(
        [engine],
        source,
        ranges=class_ranges(),
        corruptions=corruptions,
        severities=(5,),
        indices=(0, 1, 3),
    )
    return run_for(plan, [engine], source, out, title="t", pictures=False)


def test_a_corruption_of_the_cameras_is_in_no_aggregate_of_a_lidar_model(
    cluster_detector_module: ModuleType, street: FrameSource, tmp_path: Path
) -> None:
    results = run_small(cluster_detector_module, street, tmp_path / "a", "low_light", "point_drop")
    clean, dark, dropped = (cell.metrics["mAP"].value for cell in results.cells)
    assert dark == clean != dropped
    assert results.summary["cluster/user"]["mAP/mPC"].value == pytest.approx(dropped)


def test_with_nothing_else_there_is_no_aggregate(
    cluster_detector_module: ModuleType, street: FrameSource, tmp_path: Path
) -> None:
    assert run_small(cluster_detector_module, street, tmp_path / "a", "low_light").summary == {}
