"""What must be the same for a run to be resumed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.metrics.nuscenes import class_ranges
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, r"seed: 0 there, 1 now"),
        (
            {"severities": (1, 3)},
            r"conditions: 2 only there \(point_drop 5, beam_missing 5\), 2 only now \(point_drop 3",
        ),
        ({"ranges": class_ranges(20.0)}, r"ranges: barrier 30.0 there, 20.0 now"),
        ({"indices": (0, 1)}, r"n_frames: 3 there, 2 now"),
    ],
)
def test_resuming_another_plan_says_what_differs(
    change: dict[str, Any], message: str, engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run(engine, street, tmp_path / "run", plan={"severities": (1, 5)})
    with pytest.raises(CalicoError, match=message):
        run(engine, street, tmp_path / "run", plan=change, resume=True)


def test_resuming_with_other_weights_says_so(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run(engine, street, tmp_path / "run")
    other = UserEngine(engine, "cluster", ("lidar",), "abd")
    with pytest.raises(CalicoError, match='models: cluster/user "abc" there, "abd" now'):
        run(other, street, tmp_path / "run", resume=True)
