"""Answers that are remembered, so that no attack asks for them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.engines.base import Engine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.remembered_answers import RememberedAnswers
from calico_eval.metrics.nuscenes import class_ranges
from reports.schema import Results
from tests.calico_eval.evaluations import plan_for, run_for

FRAMES = (0, 1, 3)


class Model:
    """Finds one car in every frame; `answer` is changed by the tests, `asked` counts the frames
    that it saw."""

    def __init__(self, **answer: Any) -> None:
        self.answer: dict[str, Any] = {
            "boxes": [[6.0, 3.5, -1.0, 4.6, 1.9, 1.7, 0, 0, 0]],
            "scores": [0.5],
            "labels": [0],
            **answer,
        }
        self.asked = 0

    def predict(self, frames: Sequence[Any]) -> list[dict[str, Any]]:
        self.asked += len(frames)
        return [self.answer for _ in frames]


def engine_of(model: Any, name: str, **named: bool) -> UserEngine:
    return UserEngine(model, name, ("lidar",), name, **named)


def run_small(
    engines: Sequence[Engine],
    source: FrameSource,
    out: Path,
    said: list[str] | None = None,
    **more: Any,
) -> Results:
    plan = {
        "corruptions": ("point_drop",),
        "severities": (5,),
        "indices": FRAMES,
        "ranges": class_ranges(),
    }
    run = {key: more.pop(key) for key in ("resume", "sanity") if key in more}
    warn = (lambda message: None) if said is None else said.append
    made = plan_for(engines, source, **(plan | more))
    return run_for(made, engines, source, out, title="t", pictures=False, warn=warn, **run)


def test_attacks_do_not_ask_for_clean_answers_again(street: FrameSource, tmp_path: Path) -> None:
    """Two attacks, a corruption and the clean frames: four answers a frame, and two to see that the
    model repeats itself."""
    model = Model()
    attacks = (
        AttackSpec("noise", Threat(range_m=0.1)),
        AttackSpec("random_drop", Threat(removed_share=0.1)),
    )
    results = run_small(
        [engine_of(model, "mine")], street, tmp_path / "run", attacks=attacks, attack_corrupted=True
    )
    kinds = [cell.condition.kind for cell in results.cells]
    assert kinds == ["clean", "corruption", "attack", "attack", "attack", "attack"]
    assert model.asked == 6 * len(FRAMES) + 2
    assert all("ASR" in cell.metrics for cell in results.cells[2:])


def test_without_room_answers_are_asked_for_again(
    street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for room in (10**6, 0):
        model = Model()
        monkeypatch.setattr(RememberedAnswers.__init__, "__defaults__", (room,))
        attacks = (AttackSpec("noise", Threat(range_m=0.1)),)
        found[room] = (
            run_small([engine_of(model, "mine")], street, tmp_path / str(room), attacks=attacks),
            model.asked,
        )
    assert found[0][0] == found[10**6][0]
    assert found[0][1] == found[10**6][1] + len(FRAMES)
