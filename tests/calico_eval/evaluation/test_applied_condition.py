"""A condition must show on the frames that it is applied to."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation import applied_condition
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


class OtherData:
    """The same frames under another content hash."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Frame:
        return self._source[index]

    def content_hash(self) -> str:
        return "another"


def test_a_corruption_that_changes_nothing_is_an_error_and_no_score(
    engine: UserEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(frame: Frame, name: str, severity: int, seed: int) -> Frame:
        return frame

    monkeypatch.setattr(applied_condition, "corrupt", broken)
    with pytest.raises(
        CalicoError, match="condition point_drop 1: point_drop: changed lidar in 0 of 3 frames"
    ):
        run(engine, street, tmp_path / "run")
    assert len(list((tmp_path / "run" / "cells").iterdir())) == 1
    assert not (tmp_path / "run" / "results.json").exists()


def test_a_corruption_of_a_sensor_that_is_not_there_is_an_error(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    class Blind(OtherData):
        def __getitem__(self, index: int) -> Frame:
            frame: Frame = self._source[index]
            return frame.replace(
                images=(),
                camera_K=frame.camera_K[:0],
                camera_T_lidar=frame.camera_T_lidar[:0],
                camera_time_s=frame.camera_time_s[:0],
            )

    with pytest.raises(
        CalicoError, match="camera_crash can do nothing to street: the data have no cameras"
    ):
        run(engine, Blind(street), tmp_path / "run", plan={"corruptions": ("camera_crash",)})
