"""Which engine an attack looks at, in a run of several models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.assignments import assign_condition
from calico_eval.evaluation.conditions import AttackCondition

THREAT = Threat(range_m=0.2)


class Nothing:
    """Finds nothing."""

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        none = Predictions(
            np.zeros((0, 9), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
        )
        return [none for _ in frames]


def user(name: str) -> UserEngine:
    return UserEngine(Nothing(), name, ("lidar",), name)


def looked_at(attack: str, engines: list[UserEngine | TorchEngine]) -> list[tuple[str, str, str]]:
    """(condition, model that it is shown to, model that the attack looks at)."""
    found, notes = assign_condition(AttackCondition(AttackSpec(attack, THREAT, steps=4)), engines)
    assert notes == ()
    crafted = [(one, one.source_engine) for one in found]
    return [
        (one.condition.name, one.engine.model_name, on.model_name)
        for one, on in crafted
        if on is not None
    ]


@pytest.mark.parametrize("name", ["square", "nes", "spsa"])
def test_an_attack_by_queries_asks_the_engine_itself(name: str, small_engine: TorchEngine) -> None:
    found = looked_at(name, [user("a"), small_engine, user("b")])
    assert [(to, on) for _, to, on in found] == [("a", "a"), ("small", "small"), ("b", "b")]


def test_noise_is_made_once_for_all(small_engine: TorchEngine) -> None:
    found = looked_at("noise", [user("a"), small_engine, user("b")])
    assert [(to, on) for _, to, on in found] == [("a", "a"), ("small", "a"), ("b", "a")]


def test_an_attack_by_gradients_follows_the_models_own_or_is_a_transfer(
    small_engine: TorchEngine,
) -> None:
    other = TorchEngine(small_engine.model, small_engine.config, "cpu", model_name="other")
    found = looked_at("pgd", [user("a"), other, small_engine, user("small")])
    assert [(to, on) for _, to, on in found] == [
        ("a", "other"),
        ("other", "other"),
        ("small", "small"),
        ("small", "small"),
    ]
    assert ["transfer" in title for title, *_ in found] == [True, False, False, False]
