"""`calico robust`: what it refuses before it opens anything, and what it calls things."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import load_config
from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.cli.robust import _find_exported, _join_names, _open_fit_source
from calico_eval.evaluation.suites import list_suites

ROOT = Path(__file__).parents[3]


MISTAKES = {
    "--suite nope": "unknown suite 'nope'",
    "--corruptions fogg": "did you mean 'fog'",
    "--corruptions fog --severity 9": "severity is 9",
    "--corruptions fog --steps 3": "are for attacks; add --attack pgd",
    "--attack pgd --severity 3": "--severity is for corruptions",
    "--attack pgd --eps 0.1": "budget '0.1'",
    "--attack pgd --sensor radar": "sensor 'radar': expected one of",
    "--curve fog.visibility=400:20:8": "fog has visibility_m",
    "--frames 0": "0 is not in the range x>=1",
    "--engine onnx": "leave --engine out",
    "--out examples": "is not empty; --resume goes on with it",
}


def test_a_mistake_in_the_options_is_said_before_torch_is_loaded() -> None:
    """In a process of its own: this one has torch. It takes seconds to load, and the models
    longer."""
    code = (
        "import json, sys\n"
        "from click.testing import CliRunner\n"
        "from calico.cli.main import cli\n"
        "said = []\n"
        "for text in sys.argv[1:]:\n"
        "    done = CliRunner().invoke(cli, ['robust', 'examples.user_model:build', "
        "*text.split()])\n"
        "    said.append([done.exit_code, done.output + str(done.exception)])\n"
        "print(json.dumps([said, 'torch' in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *MISTAKES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    said, torch_loaded = json.loads(done.stdout)
    for (exit_code, text), message in zip(said, MISTAKES.values(), strict=True):
        assert exit_code != 0
        assert message in text
    assert not torch_loaded


def test_the_title_names_the_models() -> None:
    assert [_join_names(["a"] * 2), _join_names(["a", "b"]), _join_names(["a", "b", "c"])] == [
        "a",
        "a and b",
        "a and 2 others",
    ]


def test_the_onnx_engine_runs_exported_models_only(tmp_path: Path) -> None:
    assert _find_exported(f"mine={tmp_path}") == f"mine={tmp_path}/model.onnx"
    assert _find_exported("runs/tiny/model.onnx") == "runs/tiny/model.onnx"
    (tmp_path / "lr=0.1").mkdir()
    assert _find_exported(f"{tmp_path}/lr=0.1") == f"{tmp_path}/lr=0.1/model.onnx"
    done = CliRunner().invoke(cli, ["robust", "examples.user_model:build", "--engine", "onnx"])
    assert done.exit_code == 2
    assert (
        "examples.user_model:build is no run folder and no .onnx file; leave --engine out"
        in done.output
    )


def test_the_other_split_is_opened_only_for_attacks_that_are_learnt_on_it() -> None:
    """A copy of the validation split alone has no other; here there is no data set at all."""
    config = load_config("nuscenes", None, [])
    assert _open_fit_source(config, "val", [AttackSpec("pgd", Threat(camera_levels=4))]) is None
    with pytest.raises(CalicoError, match=r"data\.root: not set"):
        _open_fit_source(config, "val", [AttackSpec("universal", Threat(camera_levels=4))])


def test_help_of_robust_names_every_suite_and_kind_of_model() -> None:
    text = "".join(CliRunner().invoke(cli, ["robust", "--help"]).output.split())
    assert all(name in text for name in (*list_suites(), "predictionfiles"))
    assert "prediction files" in CliRunner().invoke(cli, ["eval", "--help"]).output


def test_a_curve_is_refused_before_anything_runs(tmp_path: Path) -> None:
    out = tmp_path / "run"
    for curve, message in (
        ("fog.visibility=400:20:8", "fog has visibility_m"),
        ("fog.visibility_m=400,0.5", "is 0.5"),
    ):
        error = (
            CliRunner()
            .invoke(cli, ["robust", "a.b:c", "--curve", curve, "--out", str(out)])
            .exception
        )
        assert message in str(error)
    assert not out.exists()
