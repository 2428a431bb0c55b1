"""What is recorded of the attacks of a condition, and what ends a run."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackedFrame, AttackSpec, Threat, attack_frames
from calico_eval.attacks.universal.fitted import Fitted
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation import applied_condition
from calico_eval.evaluation.applied_condition import AppliedCondition
from calico_eval.evaluation.conditions import AttackCondition
from calico_eval.metrics.nuscenes import class_ranges
from tests.calico_eval.evaluations import plan_for, run_for

FRAMES = (0, 3)


CAMERA = AttackSpec("pgd", Threat(camera_levels=8), steps=3)


LIDAR = AttackSpec("pgd", Threat(range_m=0.3), steps=3)


def test_frames_that_each_keep_another_of_two_allowances_are_within_budget(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    """30 points or 2 %: the small cloud loses 30 of 40, the other 44 of 2220. Together they look
    like 44 points and 75 %."""
    frame = street[0]
    small = frame.replace(
        points=frame.points[:40], ring=frame.ring[:40], sweep_index=frame.sweep_index[:40]
    )
    spec = AttackSpec("random_drop", Threat(points_removed=30, removed_share=0.02))
    change = AppliedCondition(AttackCondition(spec), 0, small_engine)
    change.change_pairs([small, frame])
    check = change.log.check_budgets()
    assert check is not None
    assert check.measured["points_removed"] == int(0.02 * len(frame.points)) > 30
    assert check.measured["removed_share"] == 0.75
    assert check.passed


def test_over_budget_is_an_error_and_no_score(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int, fitted: Fitted | None
    ) -> list[AttackedFrame]:
        more = dataclasses.replace(spec.threat, camera_levels=spec.threat.camera_levels + 1)
        return attack_frames(engine, frames, dataclasses.replace(spec, threat=more), seed)

    monkeypatch.setattr(applied_condition, "attack_frames", greedy)
    plan = plan_for(
        [small_engine], street, ranges=class_ranges(16.0), attacks=(CAMERA,), indices=FRAMES
    )
    with pytest.raises(
        CalicoError,
        match=r"attack camera_pgd 8/255 went over budget on frame street0-0: view \d changed by 9",
    ):
        run_for(plan, [small_engine], street, tmp_path / "run", title="t")
    assert len(list((tmp_path / "run" / "cells").iterdir())) == 1


def test_an_attack_that_changes_nothing_is_an_error(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def idle(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int, fitted: Fitted | None
    ) -> list[AttackedFrame]:
        done = attack_frames(engine, frames, spec, seed)
        return [
            dataclasses.replace(one, frame=frame) for one, frame in zip(done, frames, strict=True)
        ]

    monkeypatch.setattr(applied_condition, "attack_frames", idle)
    plan = plan_for(
        [small_engine], street, ranges=class_ranges(16.0), attacks=(LIDAR,), indices=FRAMES
    )
    with pytest.raises(
        CalicoError, match=r"condition lidar_pgd 0\.3 m: changed the lidar data of none of 2 frames"
    ):
        run_for(plan, [small_engine], street, tmp_path / "run", title="t")


def test_an_objective_that_is_no_number_is_told_and_so_are_the_answers(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    """A model that diverged in training: its losses are NaN, in details and traces, too, and its
    answers are refused."""
    model = copy.deepcopy(small_engine.model)
    with torch.no_grad():
        next(model.center.parameters()).fill_(float("nan"))  # type: ignore[union-attr]
    broken = TorchEngine(model, small_engine.config, "cpu", model_name="broken")
    change = AppliedCondition(AttackCondition(LIDAR), 0, broken)
    change.change_pairs([street[index] for index in FRAMES])
    details = change.log.describe(change.effects)
    assert details["loss_clean"] is details["loss_attacked"] is None
    assert details["frames_with_risen_loss"] == details["frames_not_attacked"] == 0
    assert change.log.list_traces() == ()
    plan = plan_for([broken], street, ranges=class_ranges(16.0), attacks=(LIDAR,), indices=FRAMES)
    with pytest.raises(
        CalicoError, match=r"model broken \(torch-cpu\), frame street0-0: scores: got nan"
    ):
        run_for(plan, [broken], street, tmp_path / "run", title="t", pictures=False, sanity=False)


def test_an_attack_by_queries_that_finds_nothing_is_a_result(
    street: FrameSource, tmp_path: Path
) -> None:
    """Nothing can be hidden from a model that sees nothing; the run goes on, and says so."""

    class Blind:
        def predict(self, frames: Sequence[Frame]) -> list[dict[str, object]]:
            return [{"boxes": [], "scores": [], "labels": []} for _ in frames]

    engine = UserEngine(Blind(), "blind", ("lidar",), "0")
    square = AttackSpec("square", Threat(range_m=0.3), steps=3)
    plan = plan_for([engine], street, ranges=class_ranges(16.0), attacks=(square,), indices=FRAMES)
    results = run_for(plan, [engine], street, tmp_path / "run", title="t", pictures=False)
    effect = results.cells[1].effect
    assert effect is not None
    assert (
        effect.message
        == "changed the lidar data of none of 2 frames: no try of 3 raised the objective in any of "
        "them"
    )
    assert results.cells[1].details["queries"] == 8
