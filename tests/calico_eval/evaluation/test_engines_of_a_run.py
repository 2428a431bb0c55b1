"""What a run asks of its engines, and what it says of them: repeats, maps that are missing, weights
without a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.metrics.nuscenes import class_ranges
from reports.schema import Results
from tests.calico_eval.evaluations import plan_for, run_for

FRAMES = (0, 1, 3)


MAP = np.full((6, 32, 32), 0.5)


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


class Dice(Model):
    def predict(self, frames: Sequence[Any]) -> list[dict[str, Any]]:
        super().predict(frames)
        return [self.answer | {"scores": [0.1 + 0.001 * self.asked]} for _ in frames]


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


@pytest.mark.parametrize("baseline", ["map", "none"])
def test_a_baseline_without_a_map_leaves_mce_null_with_a_reason(
    baseline: str, street: FrameSource, tmp_path: Path
) -> None:
    engines = [engine_of(Model(map_probs=MAP), "map"), engine_of(Model(), "none")]
    results = run_small(engines, street, tmp_path / "run", baseline=f"{baseline}/user")
    ours, theirs = results.summary["map/user"], results.summary["none/user"]
    assert ours["mIoU/mPC"].value is not None
    assert "mIoU/mPC" not in theirs
    if baseline == "none":
        for name in ("mCE", "mRRA"):
            assert ours[f"mIoU/{name}"].value is None
            assert ours[f"mIoU/{name}"].reason == "baseline none/user has no mIoU"
        assert ours["mAP/mCE"].value == pytest.approx(1)
    else:
        assert theirs["mAP/mCE"].value == pytest.approx(1)


def test_an_engine_that_answers_differently_is_named(street: FrameSource, tmp_path: Path) -> None:
    said: list[str] = []
    engines = [engine_of(Dice(), "dice"), engine_of(Model(), "steady")]
    results = run_small(engines, street, tmp_path / "run", said)
    asked = {cell.model: cell.details for cell in results.cells if cell.condition.kind == "clean"}
    assert asked == {
        "dice": {"asked_twice": "scores by up to 0.001"},
        "steady": {"asked_twice": "the same answer"},
    }
    note = (
        "dice/user answers differently when it is asked twice about one frame (scores by up to "
        "0.001): "
        "its figures cannot be made again."
    )
    assert [note] == said == list(results.notes)
    again = run_small(engines, street, tmp_path / "run", said, resume=True)
    assert again == results


def test_a_model_without_a_name_for_its_weights_is_not_resumed(
    street: FrameSource, tmp_path: Path
) -> None:
    said: list[str] = []
    engine = engine_of(Model(), "mine", weights_named=False)
    run_small([engine], street, tmp_path / "run", said)
    assert said == [
        "model mine/user does not say which weights it has (attribute sha256): a run that is "
        "stopped cannot be resumed; "
        "see docs/start/your_model.md"
    ]
    with pytest.raises(
        CalicoError,
        match=r"cells of before and after could be of two models; start again with --over",
    ):
        run_small([engine], street, tmp_path / "run", resume=True)
    run_small([engine], street, tmp_path / "empty", resume=True)


def test_a_run_without_its_sanity_checks_says_so(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    attacks = (AttackSpec("fgsm", Threat(range_m=0.1)),)
    results = run_small(
        [small_engine],
        street,
        tmp_path / "run",
        corruptions=(),
        severities=(),
        attacks=attacks,
        sanity=False,
    )
    assert results.sanity == ()
    assert results.notes == (
        "The sanity checks were left out (--no-sanity): the attack figures are unchecked.",
    )
    plain = run_small([engine_of(Model(), "mine")], street, tmp_path / "plain", sanity=False)
    assert plain.notes == ()
