import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli

ROOT = Path(__file__).parents[3]


def calico(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "calico.cli.main", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command() -> None:
    done = calico("--help")
    assert done.returncode == 0
    for name in (
        "train",
        "export",
        "eval",
        "infer",
        "robust",
        "report",
        "gate",
        "config",
        "data",
        "doctor",
    ):
        assert f"  {name} " in done.stdout


def test_a_wrong_key_is_one_message_and_exit_code_two() -> None:
    done = calico("config", "check", "--set", "train.epoch=3")
    assert done.returncode == 2
    assert "unknown key train.epoch (did you mean epochs?)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "name", "near"),
    [
        (("trian", "--out", "x"), "trian", "train"),
        (("Robust",), "Robust", "robust"),
        (("data", "region"), "region", "regions"),
        (("config", "shwo"), "shwo", "show"),
    ],
)
def test_a_mistyped_command_is_told_the_nearest_one(
    words: tuple[str, ...], name: str, near: str
) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert done.output.splitlines()[-1] == f"Error: no such command '{name}'; did you mean {near}?"


def test_the_experiment_that_was_a_command_says_where_it_went() -> None:
    done = CliRunner().invoke(cli, ["bench", "pretrain", "--size", "ci"])
    assert done.exit_code == 2
    assert "python -m experiments.pretraining" in done.output


def test_a_command_like_no_other_gets_no_suggestion() -> None:
    for words in (["xyzzy"], ["data", "xyzzy"]):
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 2
        assert "xyzzy" in done.output
        assert "did you mean" not in done.output


def test_an_unknown_command_or_option_exits_with_two() -> None:
    assert calico("trian").returncode == 2
    assert calico("config", "show", "--nonsense").returncode == 2


def test_config_show_prints_yaml_that_check_accepts(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(calico("config", "show", "--preset", "nuscenes", "--seed", "5").stdout)
    done = calico("config", "check", "--config", str(file))
    assert done.returncode == 0, done.stderr
    assert "512 x 512 pillars" in done.stdout


def test_every_command_has_help_with_an_example() -> None:
    for words in (
        ["train"],
        ["export"],
        ["eval"],
        ["infer"],
        ["robust"],
        ["report"],
        ["gate"],
        ["data", "check"],
    ):
        done = calico(*words, "--help")
        assert done.returncode == 0, done.stderr
        assert "calico " + " ".join(words) in done.stdout.split("Usage:")[1].split("\n", 1)[1]
