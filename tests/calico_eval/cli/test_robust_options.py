"""The options of `calico robust`: what they mean, and what is refused."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.errors import CalicoError
from calico_eval.cli.robust_options import AttackOptions
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
