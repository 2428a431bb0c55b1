"""The engines and frames of an evaluation."""

from __future__ import annotations

from calico.data.source import FrameSource
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.inputs import EvaluationInputs


def test_engines_are_found_by_label_and_scenes_by_frame(street: FrameSource) -> None:
    engines = [UserEngine(object(), name, ("lidar",), "0") for name in ("a", "b")]
    inputs = EvaluationInputs(engines, street)
    assert list(inputs.by_label) == ["a/user", "b/user"]
    assert inputs.by_label["b/user"] is engines[1]
    assert inputs.list_scenes((0, 2)) == {"street0"}
    assert inputs.list_scenes((2, 3)) == {"street0", "street1"}
    assert inputs.list_scenes(()) == frozenset()
