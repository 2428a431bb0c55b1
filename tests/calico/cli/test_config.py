import yaml
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import load_config, to_yaml


def test_show_prints_the_resolved_configuration() -> None:
    done = CliRunner().invoke(cli, ["config", "show", "--set", "train.epochs=7", "--seed", "3"])
    expected = load_config("tiny", None, ["train.epochs=7"], {"seed": 3})
    assert done.exit_code == 0
    assert yaml.safe_load(done.output) == yaml.safe_load(to_yaml(expected))


def test_check_says_the_shapes_that_follow() -> None:
    done = CliRunner().invoke(cli, ["config", "check", "--preset", "nuscenes"])
    assert done.exit_code == 0
    assert "512 x 512 pillars, map (200, 200)" in done.output
