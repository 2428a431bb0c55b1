"""The options of `calico robust`: what they mean, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from calico.cli.main import cli
from calico.errors import CalicoError
from calico_eval.cli.robust_options import AttackOptions, choose_usual_objectives
from calico_eval.engines.base import Engine
from calico_eval.engines.load_user import wrap_user_model
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.suites import Suite


def error_of(*words: str) -> str:
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, CalicoError), error
    return str(error)


def test_attacks_are_on_what_the_models_have_not_on_what_the_attack_model_has(
    small_engine: TorchEngine,
) -> None:
    def has(*missing: str) -> TorchEngine:
        model = small_engine.config.model.model_copy(update=dict.fromkeys(missing))
        return TorchEngine(
            small_engine.model, small_engine.config.model_copy(update={"model": model}), "cpu"
        )

    suite, asked = Suite((), attacks=("pgd",)), AttackOptions()
    specs = asked.make_specs(suite, [has()], [has("camera", "detection")])
    assert [(spec.sensor, spec.objective) for spec in specs] == [
        ("camera", "hide"),
        ("lidar", "hide"),
    ]
    specs = asked.make_specs(suite, [has("camera", "detection")], [has()])
    assert [(spec.sensor, spec.objective) for spec in specs] == [("lidar", "map_erase")]
    user = UserEngine(object(), "user", ("camera",), "0")
    specs = asked.make_specs(suite, [user], [has("detection")])
    assert [(spec.sensor, spec.objective) for spec in specs] == [("camera", "map_erase")]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--eps", "0.1", "budget '0.1': expected a number with its unit, one of 4/255"),
        ("--eps", "9" * 400 + "/255", "expected a number with its unit"),
        ("--points", "many", "budget 'manypoints': expected a number with its unit"),
        ("--attack", "pdg", "attack 'pdg': did you mean 'pgd'? Expected one of"),
    ],
)
def test_what_is_no_attack_or_budget_is_named_with_what_was_expected(
    option: str, value: str, message: str
) -> None:
    error = (
        CliRunner()
        .invoke(cli, ["robust", "examples.user_model:build", "--attack", "pgd", option, value])
        .exception
    )
    assert isinstance(error, CalicoError)
    assert message in str(error)


def test_a_severity_without_corruptions_is_refused() -> None:
    done = CliRunner().invoke(
        cli, ["robust", "examples.user_model:build", "--attack", "pgd", "--severity", "3"]
    )
    assert done.exit_code == 2
    assert "--severity is for corruptions" in done.output


def test_an_attack_or_objective_that_there_is_not_is_said_before_the_model_is_opened() -> None:
    for words, message in (
        (("--attack", "pdg"), "did you mean 'pgd'?"),
        (("--attack", "pgd", "--objective", "hid"), "did you mean 'hide'?"),
        (("--attack", "square", "--steps", "5"), "makes several steps; expected --queries"),
    ):
        assert message in error_of("robust", "no.such.module:build", *words)


def test_the_old_name_of_curve_names_the_new_one(tmp_path: Path) -> None:
    words = ["robust", "a.b:c", "--sweep", "fog.visibility_m=400,200", "--out", str(tmp_path / "a")]
    found = CliRunner().invoke(cli, words)
    assert found.exit_code == 2
    assert "--sweep is called --curve now: --curve fog.visibility_m=400,200" in found.output


@pytest.mark.parametrize(
    "options",
    [
        ("--save-attacked",),
        ("--no-sanity",),
        ("--attack-model", "other=examples.user_model:build"),
        ("--steps", "3"),
    ],
)
def test_options_of_attacks_without_one_are_refused(options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(
        cli, ["robust", "examples.user_model:build", "--corruptions", "fog", *options]
    )
    assert done.exit_code == 2
    assert "are for attacks; add --attack pgd" in " ".join(done.output.split())


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
        "ours": small_engine,
        "loss": wrap_user_model(WithLoss()),
        "plain": wrap_user_model(Plain()),
    }
    found = choose_usual_objectives(
        [known[name] for name in engines.split()], [known[name] for name in helpers.split()]
    )
    assert found == expected


def test_attacks_that_see_predictions_only_take_hide_for_a_models_own_loss() -> None:
    names = ("pgd", "square", "spoof", "spoof_random", "noise")
    options = AttackOptions(sensors=("lidar",), queries=5)
    specs = options.make_specs(Suite((), attacks=names), [wrap_user_model(WithLoss())], [])
    found = {(spec.name, spec.objective) for spec in specs}
    assert found == {
        ("pgd", "model_loss"),
        ("noise", "model_loss"),
        ("square", "hide"),
        ("spoof", "hide"),
        ("spoof_random", "hide"),
    }
    assert len(specs) == len(set(specs))


def test_an_objective_that_the_user_names_is_kept() -> None:
    suite = Suite((), attacks=("square",))
    options = AttackOptions(sensors=("camera",), objectives=("create",))
    specs = options.make_specs(suite, [wrap_user_model(WithLoss())], [])
    assert {spec.objective for spec in specs} == {"create"}
