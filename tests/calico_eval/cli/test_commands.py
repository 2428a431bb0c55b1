"""What eval, infer and robust refuse before they open anything, and how eval prints a figure."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import load_config
from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.cli.eval import line_of
from calico_eval.cli.robust import _exported, _fit_source
from calico_eval.sweep.suites import suites
from reports.schema import Metric


def test_an_interval_over_one_scene_says_so() -> None:
    metric = Metric(value=0.5, lo=0.4, hi=0.6, n_frames=6, n_scenes=1, n_objects=7)
    assert line_of("mAP", metric).endswith(" 0.5000  [0.4000, 0.6000]  (6 frames, one scene, 7 objects)")
    metric = Metric(value=0.5, n_frames=6, n_scenes=2)
    assert line_of("mIoU", metric).endswith(" 0.5000  (6 frames, 2 scenes)")
    assert "undefined (no map)" in line_of("mIoU", Metric(value=None, reason="no map", n_frames=0, n_scenes=0))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--eps", "0.1", "budget '0.1': expected a number with its unit, one of 4/255"),
        ("--points", "many", "budget 'manypoints': expected a number with its unit"),
        ("--attack", "pdg", "attack 'pdg': expected one of"),
    ],
)
def test_what_is_no_attack_or_budget_is_named_with_what_was_expected(option: str, value: str, message: str) -> None:
    error = CliRunner().invoke(cli, ["robust", "examples.user_model:build", "--attack", "pgd", option, value]).exception
    assert isinstance(error, CalicoError)
    assert message in str(error)


def test_a_severity_without_corruptions_is_refused() -> None:
    done = CliRunner().invoke(cli, ["robust", "examples.user_model:build", "--attack", "pgd", "--severity", "3"])
    assert done.exit_code == 2
    assert "--severity is for corruptions" in done.output


def test_the_onnx_engine_runs_exported_models_only(tmp_path: Path) -> None:
    assert _exported(f"mine={tmp_path}") == f"mine={tmp_path}/model.onnx"
    assert _exported("runs/tiny/model.onnx") == "runs/tiny/model.onnx"
    done = CliRunner().invoke(cli, ["robust", "examples.user_model:build", "--engine", "onnx"])
    assert done.exit_code == 2
    assert "examples.user_model:build is no run folder and no .onnx file; leave --engine out" in done.output


def test_the_other_split_is_opened_only_for_attacks_that_are_learnt_on_it() -> None:
    """A copy of the validation split alone has no other; here there is no data set at all."""
    config = load_config("nuscenes", None, [])
    assert _fit_source(config, "val", [AttackSpec("pgd", Threat(camera_levels=4))]) is None
    with pytest.raises(CalicoError, match=r"data\.root: not set"):
        _fit_source(config, "val", [AttackSpec("universal", Threat(camera_levels=4))])


def test_infer_leaves_what_is_there_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "mine.txt"):
        error = CliRunner().invoke(cli, ["infer", "a.b:c", "--out", str(out)]).exception
        assert isinstance(error, CalicoError)
        assert "choose another --out, or delete it" in str(error)
        assert "--resume" not in str(error)


def test_help_of_robust_names_every_suite_and_kind_of_model() -> None:
    text = "".join(CliRunner().invoke(cli, ["robust", "--help"]).output.split())
    assert all(name in text for name in (*suites(), "predictionfiles"))
    assert "prediction files" in CliRunner().invoke(cli, ["eval", "--help"]).output


def test_a_sweep_is_refused_before_anything_runs(tmp_path: Path) -> None:
    out = tmp_path / "run"
    for sweep, message in (("fog.visibility=400:20:8", "fog has visibility_m"), ("fog.visibility_m=400,0.5", "is 0.5")):
        error = CliRunner().invoke(cli, ["robust", "a.b:c", "--sweep", sweep, "--out", str(out)]).exception
        assert message in str(error)
    assert not out.exists()


@pytest.mark.parametrize(
    "options", [("--save-attacked",), ("--attack-model", "other=examples.user_model:build"), ("--steps", "3")]
)
def test_options_of_attacks_without_one_are_refused(options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["robust", "examples.user_model:build", "--corruptions", "fog", *options])
    assert done.exit_code == 2
    assert "are for attacks; add --attack pgd" in " ".join(done.output.split())
