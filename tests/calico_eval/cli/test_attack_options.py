"""The objectives of attacks where the user names none."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from calico_eval.cli.attack_options import AttackOptions, usual_objectives
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import wrap_user_model
from calico_eval.evaluation.suites import Suite


class Plain:
    def predict(self, frames: Any) -> list[Any]:
        return [{"boxes": [], "scores": [], "labels": []} for _ in frames]


class WithLoss(Plain):
    def loss(self, batch: Any) -> torch.Tensor:
        result: torch.Tensor = batch.images.flatten(1).sum(1)
        return result


@pytest.mark.parametrize(
    ("engines", "helpers", "expected"),
    [
        ("ours", "", ("hide",)),
        ("loss", "", ("model_loss",)),
        ("ours loss", "", ("hide", "model_loss")),
        ("plain", "", ("hide",)),
        ("plain", "ours", ("hide",)),
        ("plain", "loss", ("model_loss",)),
        ("ours", "loss", ("hide", "model_loss")),
        ("loss", "ours", ("model_loss", "hide")),
    ],
)
def test_every_kind_of_model_has_its_usual_objective(
    small_engine: TorchEngine, engines: str, helpers: str, expected: tuple[str, ...]
) -> None:
    known: dict[str, Engine] = {
        "ours": small_engine, "loss": wrap_user_model(WithLoss()), "plain": wrap_user_model(Plain())
    }  # fmt: skip
    found = usual_objectives(
        [known[name] for name in engines.split()], [known[name] for name in helpers.split()]
    )
    assert found == expected


def test_attacks_that_see_predictions_only_take_hide_for_a_models_own_loss() -> None:
    names = ("pgd", "square", "spoof", "spoof_random", "noise")
    options = AttackOptions.of(Suite((), attacks=names), sensors=("lidar",), queries=5)
    specs = options.specs([wrap_user_model(WithLoss())], [])
    found = {(spec.name, spec.objective) for spec in specs}
    assert found == {
        ("pgd", "model_loss"), ("noise", "model_loss"), ("square", "hide"), ("spoof", "hide"),
        ("spoof_random", "hide"),
    }  # fmt: skip
    assert len(specs) == len(set(specs))


def test_an_objective_that_the_user_names_is_kept() -> None:
    options = AttackOptions.of(
        Suite((), attacks=("square",)), sensors=("camera",), objectives=("create",)
    )
    specs = options.specs([wrap_user_model(WithLoss())], [])
    assert {spec.objective for spec in specs} == {"create"}
