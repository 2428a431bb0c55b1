"""The plan of an evaluation: ids of cells, and what cannot be planned."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.metrics.nuscenes import class_ranges
from corruptions import CorruptionError
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


def ids(plan: EvaluationPlan) -> set[str]:
    return {job.id for job in plan.jobs}


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


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch_size": 3},
        {"indices": (0, 1, 4)},
        {"indices": (0, 1)},
        {"ranges": class_ranges(20.0)},
    ],
)
def test_ids_change_with_what_a_cell_depends_on(
    change: dict[str, Any], engine: UserEngine, street: FrameSource
) -> None:
    assert not ids(plan_of(engine, street)) & ids(plan_of(engine, street, **change))


def test_ids_change_with_weights_engine_and_data(engine: UserEngine, street: FrameSource) -> None:
    plan = plan_of(engine, street)
    other_weights = UserEngine(engine, "cluster", ("lidar",), "abd")
    other_name = UserEngine(engine, "cluster2", ("lidar",), "abc")
    for others in (
        plan_of(other_weights, street),
        plan_of(other_name, street),
        plan_of(engine, OtherData(street)),
    ):
        assert not ids(plan) & ids(others)


def test_ids_change_with_the_suite_version(
    engine: UserEngine, street: FrameSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ids(plan_of(engine, street))
    monkeypatch.setattr("calico_eval.evaluation.plan.SUITE_VERSION", "next")
    assert not before & ids(plan_of(engine, street))


def test_ids_differ_within_a_plan_and_do_not_depend_on_the_other_conditions(
    engine: UserEngine, street: FrameSource
) -> None:
    plan = plan_of(engine, street)
    assert len(ids(plan)) == len(plan.jobs) == 5
    assert ids(plan_of(engine, street, severities=(5,))) < ids(plan)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"indices": ()}, r"nothing to run \(1 engines, 0 frames\)"),
        (
            {"baseline": "other/user"},
            "engine 'other/user' is not in this run; expected one of cluster/user",
        ),
        ({"attack_only": ("x",)}, "engine 'x' is not in this run"),
        (
            {"attack_only": ("cluster/user",), "baseline": "cluster/user"},
            "baseline 'cluster/user' is there for the attacks and gets no corruptions",
        ),
        (
            {"attacks": (AttackSpec("pgd", Threat(range_m=0.1)),)},
            "torch model, and none of cluster/user is one; .*--attack-model",
        ),
    ],
)
def test_plans_that_cannot_be(
    settings: dict[str, Any], message: str, engine: UserEngine, street: FrameSource
) -> None:
    with pytest.raises(CalicoError, match=message):
        plan_of(engine, street, **settings)


def test_two_models_of_one_name_are_an_error(engine: UserEngine, street: FrameSource) -> None:
    with pytest.raises(
        CalicoError,
        match="two engines are both called cluster/user; give one of the models another name",
    ):
        plan_for([engine, engine], street, ranges=class_ranges())


@pytest.mark.parametrize("severity", [0, 6])
def test_severities_outside_the_suite(
    severity: int, engine: UserEngine, street: FrameSource
) -> None:
    with pytest.raises(
        CorruptionError, match=f"severity is {severity}, expected one of 1, 2, 3, 4, 5"
    ):
        plan_of(engine, street, severities=(severity,))
