"""The aggregates of an evaluation."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.metrics.nuscenes import class_ranges
from reports.comparison import compared_engine
from reports.schema import Results
from tests.calico_eval.evaluations import plan_for, run_for


@pytest.fixture
def engine(cluster_detector_module: ModuleType) -> UserEngine:
    return UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")


def plan_of(engine: UserEngine, source: FrameSource, **changes: Any) -> EvaluationPlan:
    settings: dict[str, Any] = {
        "ranges": class_ranges(),
        "corruptions": ("point_drop", "beam_missing"),
        "severities": (1, 5),
        "indices": (0, 1, 3),
        "batch_size": 2,
    }
    return plan_for([engine], source, **(settings | changes))


def run(engine: UserEngine, source: FrameSource, out: Path, **options: Any) -> Results:
    plan = plan_of(engine, source, **options.pop("plan", {}))
    return run_for(plan, [engine], source, out, title="t", **({"pictures": False} | options))


def test_summary_is_the_mean_of_the_cells(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    results = run(engine, street, tmp_path / "run")
    values = [cell.metrics["mAP"].value or 0.0 for cell in results.cells]
    summary = results.summary["cluster/user"]
    assert summary["mAP/mPC"].value == pytest.approx(sum(values[1:]) / 4)
    assert summary["mAP/mRR"].value == pytest.approx(sum(values[1:]) / 4 / values[0])
    assert "mAP/mCE" not in summary
    assert "mIoU/mPC" not in summary
    assert (
        (summary["mAP/mPC"].lo or 0)
        < (summary["mAP/mPC"].value or 0)
        < (summary["mAP/mPC"].hi or 0)
    )


def test_against_itself_under_another_name_mce_is_one(
    cluster_detector_module: ModuleType, engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    twin = UserEngine(cluster_detector_module.build(), "twin", ("lidar",), "abc")
    engines = [engine, twin]
    plan = plan_for(
        engines,
        street,
        ranges=class_ranges(),
        corruptions=("point_drop",),
        severities=(5,),
        baseline="twin/user",
    )
    summary = run_for(plan, engines, street, tmp_path / "run", title="t", pictures=False).summary
    mce = summary["cluster/user"]["mAP/mCE"]
    assert (mce.value, mce.lo, mce.hi) == (1.0, 1.0, 1.0)
    assert compared_engine(mce) == "twin/user"  # the gate compares it with the baseline's
    assert "mAP/mCE" not in summary["twin/user"]
